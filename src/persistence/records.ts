import type { EventRecords, SubscriptionRecords } from "./records-events.ts";
import type { ErrorRecords, HistoryRecords } from "./records-history.ts";
import type { InstanceRecords } from "./records-instances.ts";
import type { PointerRecords } from "./records-pointers.ts";
import type { Upkeep } from "./records-upkeep.ts";

/** All records that a store keeps, by noun. */
export interface RecordOperations
  extends InstanceRecords, PointerRecords, EventRecords, SubscriptionRecords, HistoryRecords, ErrorRecords {}

/** A store of workflow records. `describePersistence` of `workflow-core/testing` says whether one of your own keeps its word. */
export interface PersistenceProvider extends RecordOperations, Upkeep {
  /** Connects, and creates or checks the schema. Any number of processes may do so at once. */
  initialize(): Promise<void>;
  close(): Promise<void>;
}

/** What a transaction offers: all records, and your own tables. */
export interface RecordTransaction extends RecordOperations {
  /** Runs a command of yours in the transaction. Stores without SQL throw `InvalidRequestError`. */
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: unknown[] }>;
}

/** A transaction that is ended by hand. */
export interface OpenTransaction extends RecordTransaction {
  /** Throws if nothing was stored; with `shouldRetry()` if that is not known. */
  commit(): Promise<void>;
  /** Takes everything back. Does nothing after the end. */
  rollback(): Promise<void>;
}

export type Isolation = "read committed" | "repeatable read" | "serializable";

export interface TransactionOptions {
  /** Default: `read committed`. Stores with one session (PGlite, memory) run transactions one after the other in any case. */
  readonly isolation?: Isolation | undefined;
  /** How often `work` may run in all, when the database gave up one for another (deadlock, serialization): 1 to 10. Default: 1. */
  readonly attempts?: number | undefined;
}

/** A store that can do several things at once or not at all. */
export interface TransactionalPersistenceProvider extends PersistenceProvider {
  /**
   * Runs `work` in a transaction: commits when it resolves, takes everything back when it throws, and throws that on. Inside, only
   * `tx` may be used: the provider itself throws `NestedTransactionError`. What `tx` refuses with a typed error leaves the
   * transaction as it was; an SQL error of your own query spoils it.
   */
  executeTransaction<T>(work: (tx: RecordTransaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Begins a transaction that you end yourself; until then it holds a connection (the whole store, where there is one session). */
  beginTransaction(options?: Pick<TransactionOptions, "isolation">): Promise<OpenTransaction>;
}
