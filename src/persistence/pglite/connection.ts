import pg from "pg";
import type { Environment } from "../../models/environment.ts";
import { PersistenceError } from "../../models/errors-storage.ts";
import { runOn } from "../postgres/link.ts";
import { breaksSession, persistenceError } from "../postgres/sql-state.ts";
import { typeParsers } from "../postgres/type-parsers.ts";
import type { Statement } from "../database.ts";
import { ClientStream } from "./client-stream.ts";
import type { WorkerSettings } from "./protocol.ts";
import { DatabaseThread } from "./thread.ts";

export interface ConnectionOptions {
  readonly env: Environment;
  readonly settings: WorkerSettings;
  readonly named: boolean;
  /** How long an answer may take. */
  readonly deadlineMs: number;
  readonly heard: (channel: string, payload: string) => void;
}

/** Nothing of an earlier client may be left. Plans are made once, through the keys, however small or unknown the tables are: the
 *  hints of PostgreSQL's hot sessions. */
const preparations = [
  "rollback",
  "discard all",
  "set plan_cache_mode = force_generic_plan",
  "set enable_seqscan = off",
  "set enable_hashjoin = off",
  "set enable_mergejoin = off",
  "set jit = off",
];

/** The one session of an embedded database: its thread, and a client in front of it. Calls must not overlap. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #thread: DatabaseThread;
  #client: pg.Client | undefined;
  #stream: ClientStream | undefined;
  #number = 1;
  /** Why it is of no use any more. */
  #lost: unknown;

  static async open(options: ConnectionOptions): Promise<Connection> {
    const thread = await DatabaseThread.start(options.env, options.settings);
    const connection = new Connection(options, thread);
    try {
      await connection.#connect();
      return connection;
    } catch (error) {
      await thread.stop();
      throw error;
    }
  }

  private constructor(options: ConnectionOptions, thread: DatabaseThread) {
    this.#options = options;
    this.#thread = thread;
    thread.answered = (client, bytes) => {
      if (client === this.#number) this.#stream?.answer(bytes);
    };
    thread.lost = (cause) => this.#lose(cause ?? new Error("its thread has ended"));
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Another number: another session, and what was open in the last one was rolled back. */
  get session(): number {
    return this.#number;
  }

  async run<R>(statement: Statement): Promise<readonly R[]> {
    return this.#answered(statement.name || "query", (client) => runOn<R>(client, statement, this.#options.named));
  }

  /** Runs a command without parameters and answers with the word that the database says when it is done. */
  async command(text: string): Promise<string> {
    return this.#answered(text, async (client) => (await client.query(text)).command);
  }

  /** Gives the session up as a crash would. */
  async abandon(cause: unknown): Promise<void> {
    this.#lose(cause);
    await this.#thread.stop();
  }

  /** Lets the database write down all it has. */
  async close(): Promise<void> {
    this.#lost ??= new Error("it was closed");
    await this.#thread.close();
  }

  async #answered<T>(what: string, ask: (client: pg.Client) => Promise<T>): Promise<T> {
    if (this.#lost !== undefined) throw this.#noAnswer(what);
    try {
      return await this.#inTime(ask(this.#client ?? (await this.#connect())));
    } catch (error) {
      if (this.#lost !== undefined) throw this.#noAnswer(what);
      if (breaksSession(error)) this.#dropClient();
      throw persistenceError(error, what);
    }
  }

  #noAnswer(what: string): PersistenceError {
    const why = this.#lost instanceof Error ? this.#lost.message : String(this.#lost);
    return new PersistenceError(`${what}: no answer from the embedded database (${why}).`, "transient", {
      cause: this.#lost,
    });
  }

  async #connect(): Promise<pg.Client> {
    const number = this.#number;
    const stream = new ClientStream((bytes) => this.#thread.ask(number, bytes));
    this.#stream = stream;
    const client = new pg.Client({
      // All that the driver would otherwise look for in the process's environment.
      ...{ user: "postgres", database: "postgres", host: "pglite", port: 5432, ssl: false },
      stream: () => stream,
      types: typeParsers,
    });
    client.on("error", () => undefined); // its query fails too
    client.on("notification", ({ channel, payload }) => this.#options.heard(channel, payload ?? ""));
    await this.#inTime(client.connect());
    for (const text of preparations) await this.#inTime(client.query(text));
    this.#client = client;
    return client;
  }

  /** The next command gets a new client, which begins by clearing up. */
  #dropClient(): void {
    this.#client = undefined;
    this.#number += 1;
    this.#stream?.destroy();
  }

  #lose(cause: unknown): void {
    this.#lost ??= cause;
    this.#dropClient(); // which fails the command that waits
  }

  async #inTime<T>(answer: Promise<T>): Promise<T> {
    const { env, deadlineMs } = this.#options;
    const timer = env.later(deadlineMs, () => {
      this.#lose(new Error(`no answer within ${deadlineMs} ms`));
      void this.#thread.stop();
    });
    try {
      return await answer;
    } finally {
      timer.cancel();
    }
  }
}
