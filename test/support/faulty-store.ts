import { systemEnvironment } from "../../src/models/environment.ts";
import { PersistenceError } from "../../src/models/errors-storage.ts";
import type { Database, Ears, Session, Statement, Unlisten } from "../../src/persistence/database.ts";
import { PostgresDatabase } from "../../src/persistence/postgres/database.ts";
import { SqlEngineStore } from "../../src/persistence/postgres/store.ts";
import { over } from "./over.ts";

/** One planned fault: at the nth statement of this name, `before` it reaches the database or `after` it was carried out. */
export interface Fault {
  readonly name: string;
  readonly nth: number;
  readonly when: "before" | "after";
  /** From then on nothing reaches the database for so many milliseconds; Infinity: never again. */
  readonly outageMs?: number;
}

/** What a statement is called here, whether it carries one row or many. */
const kindOf = ({ name }: Statement): string => name.replace(/-one$/, "");
/** Besides BEGIN and COMMIT, inside a transaction `tx:`; a step's own query has no name. */
const inTransaction = (statement: Statement): string => `tx:${kindOf(statement) || "query"}`;

/**
 * A PostgreSQL whose connections break where a test says so. An error without a code after a statement that was carried out is
 * what a client sees that lost the answer.
 */
export class FaultyDatabase implements Database {
  readonly kind = "postgres";
  readonly lanes: number;
  readonly sideLane: number;
  readonly named: boolean;
  /** How often each statement was sent. */
  readonly sent = new Map<string, number>();
  fault: Fault | undefined;
  hasFired = false;
  /** Resolves when the first planned fault was met. */
  readonly fired: Promise<void>;
  private tellFired: () => void = () => undefined;
  /** Called before each statement, BEGIN and COMMIT included; may wait. */
  gate: (name: string) => Promise<void> | void = () => undefined;
  private readonly real: PostgresDatabase;
  private losing: { name: string; is: (rows: readonly object[]) => boolean; done: () => void } | undefined;
  private darkUntil = -Infinity;

  constructor(real: PostgresDatabase) {
    this.real = real;
    this.lanes = real.lanes;
    this.sideLane = real.sideLane;
    this.named = real.named;
    this.fired = new Promise((resolve) => (this.tellFired = resolve));
  }

  /** Nothing reaches the database for so long. */
  goDark(ms: number): void {
    this.darkUntil = performance.now() + ms;
  }

  /** The next statement of this name fails. */
  failNext(name: string, when: Fault["when"]): void {
    this.fault = { name, nth: (this.sent.get(name) ?? 0) + 1, when };
    this.hasFired = false;
  }

  /** The first answer of this name is lost of which `is` holds. Resolves when it was. */
  loseAnswer(name: string, is: (rows: readonly object[]) => boolean): Promise<void> {
    return new Promise((done) => (this.losing = { name, is, done }));
  }

  /** All is well again. */
  heal(): void {
    this.darkUntil = -Infinity;
    this.fault = undefined;
    this.gate = () => undefined;
  }

  get stepTransactions(): number {
    return this.real.stepTransactions;
  }

  open(): Promise<void> {
    return this.real.open();
  }

  lane<R>(lane: number, statement: Statement): Promise<readonly R[]> {
    return this.pass(kindOf(statement), () => this.real.lane<R>(lane, statement));
  }

  beat<R>(statement: Statement): Promise<readonly R[]> {
    return this.pass(kindOf(statement), () => this.real.beat<R>(statement));
  }

  hot<R>(statement: Statement): Promise<readonly R[]> {
    return this.pass(kindOf(statement), () => this.real.hot<R>(statement));
  }

  query<R>(statement: Statement): Promise<readonly R[]> {
    return this.pass(kindOf(statement), () => this.real.query<R>(statement));
  }

  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    await this.gate("begin");
    const begun = this.meets("begin");
    if (begun === "before") throw lost("begin");
    const commits: { met?: Fault["when"] | undefined } = {};
    const answer = await this.real.transaction(async (session) => {
      if (begun === "after") throw lost("begin");
      const done = await work({
        query: (statement) => this.pass(inTransaction(statement), () => session.query(statement)),
      });
      await this.gate("commit");
      commits.met = this.meets("commit");
      if (commits.met === "before") throw lost("commit");
      return done;
    });
    if (commits.met === "after") throw lost("commit");
    return answer;
  }

  listen(channel: string, ears: Ears): Promise<Unlisten> {
    return this.real.listen(channel, ears);
  }

  pools(): ReturnType<Database["pools"]> {
    return this.real.pools();
  }

  close(): Promise<void> {
    return this.real.close();
  }

  private async pass<R>(name: string, run: () => Promise<readonly R[]>): Promise<readonly R[]> {
    await this.gate(name);
    const met = this.meets(name);
    if (met === "before") throw lost(name);
    const answer = await run();
    if (met === "after") throw lost(name);
    if (this.losing?.name === name && this.losing.is(answer as readonly object[])) {
      this.losing.done();
      this.losing = undefined;
      throw lost(name);
    }
    return answer;
  }

  private meets(name: string): Fault["when"] | undefined {
    const nth = (this.sent.get(name) ?? 0) + 1;
    this.sent.set(name, nth);
    if (performance.now() < this.darkUntil) return "before";
    const { fault } = this;
    if (fault === undefined || this.hasFired || fault.name !== name || fault.nth !== nth) return undefined;
    this.hasFired = true;
    this.tellFired();
    if (fault.outageMs !== undefined) this.goDark(fault.outageMs);
    return fault.when;
  }
}

const lost = (name: string): PersistenceError =>
  new PersistenceError(`${name}: no answer from the database (Connection terminated unexpectedly).`, "transient");

export interface FaultyPersistence {
  readonly store: SqlEngineStore;
  readonly database: FaultyDatabase;
  initialize(): Promise<void>;
  close(): Promise<void>;
}

/** What a host takes as its persistence, on a real PostgreSQL behind connections that break. */
export function faultyPersistence(url: string, options: { readonly maxConnections?: number } = {}): FaultyPersistence {
  const env = systemEnvironment();
  const database = new FaultyDatabase(new PostgresDatabase({ url, ...options }, env));
  const store = over(new SqlEngineStore(database, env), { warmUp: () => Promise.resolve() }); // faults are counted from the first run's on
  return { store, database, initialize: () => store.initialize(), close: () => store.close() };
}
