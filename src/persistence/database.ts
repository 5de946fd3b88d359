import type { PoolFigures } from "./performance-analysis.ts";

/**
 * What the SQL of this engine runs on: a PostgreSQL server, or PGlite. One set of statements serves both.
 *
 * Every method has a client-side deadline: a server that does not answer costs its connection, never a hang. Errors are
 * `WorkflowError`s made from the SQLSTATE (see RELIABILITY 1.4), with the driver's error as `cause`.
 */
export interface Database {
  readonly kind: "postgres" | "pglite";
  /** Reserved sessions for group-committed batches. */
  readonly lanes: number;
  /** How many transactions of steps may be open at a time, so that a session is left to all else. Known once it is open. */
  readonly stepTransactions: number;
  /** The number of one more lane, whose statements give up waiting for a lock after a second; absent where there is one session. */
  readonly sideLane?: number;
  /** Whether `name`s of statements are used (off behind a pooler in transaction mode). */
  readonly named: boolean;

  /** Connects, checks the server's version and that it is writable, and how many connections may be used. */
  open(): Promise<void>;
  /** Runs a hot statement on a lane's own session, planner hints on. */
  lane<R>(lane: number, statement: Statement): Promise<readonly R[]>;
  /** Runs a statement on the session that is reserved for heartbeats. */
  beat<R>(statement: Statement): Promise<readonly R[]>;
  /** Runs a hot statement (claims, deliveries, looks) on the engine's own pool, planner hints on. */
  hot<R>(statement: Statement): Promise<readonly R[]>;
  /** Runs any other statement on the pool that has no planner hints. */
  query<R>(statement: Statement): Promise<readonly R[]>;
  /** Runs `work` between BEGIN and COMMIT on one session; rolls back and rethrows when it throws. A COMMIT answered by ROLLBACK is
   *  an error. The session is destroyed, not pooled again, after a protocol or connection error. */
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** Listens on a channel; `lost` is called when the session was lost and again listening resumes by itself (`back`). */
  listen(channel: string, ears: Ears): Promise<Unlisten>;
  /** How its pools of sessions are used; none where there is one session. */
  pools(): readonly PoolFigures[];
  close(): Promise<void>;
}

export interface Session {
  query<R>(statement: Statement): Promise<readonly R[]>;
}

/** One SQL command. Values are never spliced into the text. `name` identifies the text for ever within a process; an empty name is a
 *  text that is not kept. Int8 comes back as a number (a BigInt beyond 2^53), jsonb parsed. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface Ears {
  heard(payload: string): void;
  back(): void;
}

export type Unlisten = () => Promise<void>;
