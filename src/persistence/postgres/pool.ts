import pg from "pg";
import type { Environment } from "../../models/environment.ts";
import type { Session, Statement } from "../database.ts";
import { PersistenceError } from "../../models/errors-storage.ts";
import { WorkflowError } from "../../models/errors.ts";
import type { PoolFigures } from "../performance-analysis.ts";
import { endClient, runOn } from "./link.ts";
import { breaksSession, persistenceError } from "./sql-state.ts";

export interface PoolOptions {
  readonly client: pg.ClientConfig;
  readonly max: number;
  readonly named: boolean;
  readonly env: Environment;
  /** Called on each new session before its first statement. */
  readonly prepare?: (client: pg.PoolClient) => Promise<void>;
}

/** How long a closing pool waits for transactions that are under way, in milliseconds. */
const graceMs = 1_000;

/** Sessions for whoever comes. One that was broken by an error is destroyed; others go back. */
export class SessionPool {
  private readonly pool: pg.Pool;
  private readonly named: boolean;
  private readonly env: Environment;
  private readonly held = new Set<HeldSession>();
  private readonly open = new Set<pg.PoolClient>();
  private readonly prepare: ((client: pg.PoolClient) => Promise<void>) | undefined;
  private readonly prepared = new WeakSet<pg.PoolClient>();

  constructor(options: PoolOptions) {
    // The deadline also holds for the wait for a free session.
    this.pool = new pg.Pool({
      ...options.client,
      max: options.max,
      connectionTimeoutMillis: options.client.query_timeout ?? 0,
    });
    this.named = options.named;
    this.env = options.env;
    this.prepare = options.prepare;
    this.pool.on("error", () => undefined); // an idle session was lost: the pool has removed it already
    this.pool.on("connect", (client) => {
      client.on("error", () => undefined); // a busy one: its query fails
      this.open.add(client);
    });
    this.pool.on("remove", (client) => this.open.delete(client));
  }

  async run<R>(statement: Statement): Promise<readonly R[]> {
    const client = await this.take();
    try {
      const rows = await runOn<R>(client, statement, this.named);
      client.release();
      return rows;
    } catch (error) {
      client.release(breaksSession(error));
      throw persistenceError(error, statement.name || "query");
    }
  }

  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const held = await this.begin();
    try {
      const answer = await work(held);
      await held.commit();
      return answer;
    } catch (error) {
      await held.rollback();
      throw error;
    } finally {
      this.release(held);
    }
  }

  /** A session that was lost while it lay idle is found out by its BEGIN, before anything was done: take the next one. */
  private async begin(): Promise<HeldSession> {
    for (let attempt = 1; ; attempt += 1) {
      const held = new HeldSession(await this.take(), this.named);
      this.held.add(held);
      try {
        await held.query({ name: "", text: "begin", values: [] });
        return held;
      } catch (error) {
        this.release(held);
        if (attempt === attemptsToBegin || !held.isBroken) throw error;
      }
    }
  }

  private release(held: HeldSession): void {
    this.held.delete(held);
    held.release();
  }

  figures(): Omit<PoolFigures, "name"> {
    const { totalCount, idleCount, waitingCount, options } = this.pool;
    return { connections: totalCount, idle: idleCount, waiting: waitingCount, max: options.max };
  }

  /** Waits for what is under way. A transaction whose work does not end in time, since it waits for something else, is broken off. */
  async close(): Promise<void> {
    const ended = this.pool.end();
    if (this.held.size > 0) {
      await Promise.race([ended, this.env.sleep(graceMs)]);
      for (const held of this.held) held.breakOff();
    }
    await ended;
    await Promise.all([...this.open].map((client) => endClient(client, this.env)));
  }

  private async take(): Promise<pg.PoolClient> {
    try {
      const client = await this.pool.connect();
      if (this.prepare !== undefined && !this.prepared.has(client)) await this.makeReady(client, this.prepare);
      return client;
    } catch (error) {
      throw error instanceof WorkflowError ? error : persistenceError(error, "Waiting for a connection");
    }
  }

  private async makeReady(client: pg.PoolClient, prepare: (client: pg.PoolClient) => Promise<void>): Promise<void> {
    try {
      await prepare(client);
      this.prepared.add(client);
    } catch (error) {
      client.release(true);
      throw error;
    }
  }
}

const attemptsToBegin = 3;

class HeldSession implements Session {
  isBroken: boolean;
  private isReleased: boolean;
  private readonly client: pg.PoolClient;
  private readonly named: boolean;

  constructor(client: pg.PoolClient, named: boolean) {
    this.isBroken = false;
    this.isReleased = false;
    this.client = client;
    this.named = named;
  }

  async query<R>(statement: Statement): Promise<readonly R[]> {
    try {
      return await runOn<R>(this.client, statement, this.named);
    } catch (error) {
      if (breaksSession(error)) this.isBroken = true;
      throw persistenceError(error, statement.name || "query");
    }
  }

  /** A transaction that is broken answers COMMIT with ROLLBACK, and the driver does not call that an error. */
  async commit(): Promise<void> {
    let command: string;
    try {
      command = (await this.client.query({ text: "commit" })).command;
    } catch (error) {
      this.isBroken = true; // of this transaction nothing is known
      throw persistenceError(error, "commit");
    }
    if (command !== "COMMIT") {
      throw new PersistenceError("The transaction was rolled back: one of its queries had failed.", "permanent", {
        sqlState: "25P02",
      });
    }
  }

  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    this.client.release(this.isBroken);
  }

  /** Whoever holds it finds it closed. */
  breakOff(): void {
    this.isBroken = true;
    this.release();
  }

  async rollback(): Promise<void> {
    if (this.isBroken) return;
    try {
      await this.client.query({ text: "rollback" });
    } catch {
      this.isBroken = true;
    }
  }
}
