/** What the host's thread and the database's thread say to each other. */

export interface WorkerSettings {
  /** Where the data lie; null: in memory. */
  readonly data: string | null;
  /** There are no data yet: the thread makes a database, and says `ready` when all of it is on the disk. */
  readonly isNew: boolean;
  /** Whether what is committed is also forced to the disk. */
  readonly fsync: boolean;
}

export type ToWorker =
  /** Messages of PostgreSQL's protocol that ask for one answer. `client` comes back with it. */
  { readonly kind: "ask"; readonly client: number; readonly bytes: Uint8Array } | { readonly kind: "close" };

export type FromWorker =
  | { readonly kind: "ready" }
  /** It could not be opened. The thread ends. */
  | { readonly kind: "failed"; readonly failure: WorkerFailure }
  | { readonly kind: "answer"; readonly client: number; readonly bytes: Uint8Array }
  /** The data are on the disk. The thread ends. */
  | { readonly kind: "closed" };

export interface WorkerFailure {
  readonly reason: "missing" | "failed";
  /** Of the operating system or of PostgreSQL. */
  readonly code: string | null;
  readonly message: string;
}
