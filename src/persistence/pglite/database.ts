import pg from "pg";
import type { Environment } from "../../models/environment.ts";
import { InvalidRequestError } from "../../models/errors.ts";
import { DirectoryInUseError, PersistenceError } from "../../models/errors-storage.ts";
import type { Database, Ears, Session, Statement, Unlisten } from "../database.ts";
import { checkCount, checkKind } from "../option-values.ts";
import type { PoolFigures } from "../performance-analysis.ts";
import type { ServerCapabilities } from "../provider.ts";
import { Connection } from "./connection.ts";
import { DatabaseDirectory } from "./directory.ts";
import { Housekeeping } from "./housekeeping.ts";
import { runTransaction } from "./transaction.ts";
import { Turns } from "./turns.ts";

export interface PgliteOptions {
  /** Where the data are kept; made if need be, for this user alone. Without it they live and die with the process. */
  readonly directory?: string;
  /** Whether each commit is forced to the disk, so that it outlives a loss of power and not only the end of the process.
   *  Default: true. */
  readonly fsync?: boolean;
  /** How long a transaction may keep the only session, in milliseconds. Default: 5,000. */
  readonly transactionMs?: number;
  /** For tests: what is not to be used. */
  readonly capabilities?: ServerCapabilities;
  /** How long an answer may take before the database is started anew, in milliseconds. Default: 30,000. */
  readonly deadlineMs?: number;
}

/**
 * PGlite, PostgreSQL within this process, in a thread of its own so that no statement holds up the event loop. It is one session:
 * statements and transactions wait for each other, heartbeats go first.
 *
 * What was acknowledged outlives `kill -9`, and with `fsync` (the default) the loss of power as far as the disk keeps its word. A
 * database that breaks or does not answer is started anew from its directory; one in memory is lost with all its data.
 */
export class PgliteDatabase implements Database {
  readonly kind = "pglite";
  /** One batch waits here for another, so that it begins while the host decides on the answers of that one. */
  readonly lanes = 2;
  readonly stepTransactions = 1;
  readonly named: boolean;
  readonly #options: PgliteOptions;
  readonly #env: Environment;
  readonly #turns = new Turns();
  readonly #ears = new Map<string, Set<Ears>>();
  readonly #housekeeping: Housekeeping;
  #directory: DatabaseDirectory | undefined;
  #connection: Connection | undefined;
  #isOpen = false;
  /** Why it can never be used again. */
  #end: PersistenceError | undefined;

  /** Throws `InvalidRequestError` for options that cannot work. */
  constructor(options: PgliteOptions, env: Environment) {
    checkKind(options.directory, "directory", "string");
    if (options.directory === "") throw new InvalidRequestError("directory", "must not be empty");
    checkKind(options.fsync, "fsync", "boolean");
    checkCount(options.transactionMs ?? 1, "transactionMs");
    checkCount(options.deadlineMs ?? 1, "deadlineMs");
    this.#options = options;
    this.named = options.capabilities?.namedStatements !== false;
    this.#env = env;
    this.#housekeeping = new Housekeeping(env, (work) => this.#turns.take(async () => work(await this.#ready())));
  }

  /** Throws `DirectoryInUseError`, `DirectoryNotWritableError`, and `MissingDependencyError` without `@electric-sql/pglite`. */
  open(): Promise<void> {
    return this.#turns.take(async () => {
      if (this.#isOpen) return;
      const path = this.#options.directory;
      if (path !== undefined) {
        this.#directory = await DatabaseDirectory.open(this.#env, path);
        this.#directory.lock.lost = () => this.#loseDirectory(path);
      }
      this.#end = undefined;
      this.#isOpen = true;
      try {
        await this.#ready();
        this.#housekeeping.start();
      } catch (error) {
        await this.#closeAll();
        throw error;
      }
    });
  }

  lane<R>(_lane: number, statement: Statement): Promise<readonly R[]> {
    return this.query<R>(statement);
  }

  beat<R>(statement: Statement): Promise<readonly R[]> {
    return this.#turns.take(async () => (await this.#ready()).run<R>(statement), true);
  }

  hot<R>(statement: Statement): Promise<readonly R[]> {
    return this.query<R>(statement);
  }

  query<R>(statement: Statement): Promise<readonly R[]> {
    return this.#turns.take(async () => (await this.#ready()).run<R>(statement));
  }

  transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const limit = { env: this.#env, limitMs: this.#options.transactionMs ?? 5_000 };
    return this.#turns.take(async () => runTransaction(await this.#ready(), limit, work));
  }

  async listen(channel: string, ears: Ears): Promise<Unlisten> {
    const listeners = this.#ears.get(channel) ?? new Set();
    this.#ears.set(channel, listeners.add(ears));
    await this.#turns.take(async () => (await this.#ready()).command(listenTo(channel)));
    return async () => {
      listeners.delete(ears); // the session may go on to hear what nobody listens to
    };
  }

  /** One session, no pool. */
  pools(): readonly PoolFigures[] {
    return [];
  }

  /** Lets what waits come to its end first. */
  close(): Promise<void> {
    return this.#turns.take(() => this.#closeAll());
  }

  async #closeAll(): Promise<void> {
    this.#isOpen = false;
    this.#housekeeping.stop();
    const [connection, directory] = [this.#connection, this.#directory];
    this.#connection = undefined;
    this.#directory = undefined;
    if (connection?.isLost === false) await connection.close();
    await directory?.lock.release();
  }

  /** The session; a new one if the last one was lost. */
  async #ready(): Promise<Connection> {
    if (this.#end !== undefined) throw this.#end;
    if (!this.#isOpen) throw new PersistenceError("The embedded database is not open.", "permanent");
    if (this.#directory?.lock.isHeld() === false) throw this.#loseDirectory(this.#options.directory ?? "");
    if (this.#connection?.isLost === false) return this.#connection;
    if (this.#connection !== undefined && this.#directory === undefined) throw this.#loseMemory();
    const isFirst = this.#connection === undefined;
    this.#connection = await this.#connect();
    if (!isFirst) this.#env.logger.warn("The embedded database was lost and has been started anew.");
    await this.#listenAgain(this.#connection, isFirst);
    return this.#connection;
  }

  async #connect(): Promise<Connection> {
    const directory = this.#directory;
    const isNew = directory?.begin() ?? false;
    const connection = await Connection.open({
      env: this.#env,
      named: this.named,
      settings: { data: directory?.data ?? null, isNew, fsync: this.#options.fsync ?? true },
      deadlineMs: this.#options.deadlineMs ?? 30_000,
      heard: (channel, payload) => this.#ears.get(channel)?.forEach((ears) => ears.heard(payload)),
    });
    directory?.finish();
    return connection;
  }

  async #listenAgain(connection: Connection, isFirst: boolean): Promise<void> {
    for (const [channel, listeners] of this.#ears) {
      if (listeners.size === 0) continue;
      await connection.command(listenTo(channel));
      if (!isFirst) listeners.forEach((ears) => ears.back());
    }
  }

  #loseMemory(): PersistenceError {
    this.#end = new PersistenceError("The embedded database in memory broke, and its data are lost.", "permanent");
    return this.#end;
  }

  #loseDirectory(path: string): PersistenceError {
    const cause = new DirectoryInUseError(path);
    this.#end ??= new PersistenceError(
      `The lock of ${path} was taken away, so the embedded database was closed. Another process may use it now.`,
      "permanent",
      { cause },
    );
    void this.#connection?.abandon(this.#end);
    return this.#end;
  }
}

const listenTo = (channel: string): string => `listen ${pg.escapeIdentifier(channel)}`;
