import type { WorkflowStatus } from "../models/instance.ts";
import type { CheckedEventFilter, EventInsert } from "../models/records/event.ts";
import type { SubscriptionInsert } from "../models/records/event-subscription.ts";
import type { CheckedHistoryFilter, HistoryInsert, HistoryPlace } from "../models/records/execution-history-entry.ts";
import type { PointerWrite, StoredPointerFacts } from "../models/records/execution-pointer-data.ts";
import type { CheckedPage, Cursor } from "../models/records/page.ts";
import type {
  CheckedInstanceFilter,
  InstanceInsert,
  InstanceUpdate,
} from "../models/records/workflow-instance-data.ts";
import type { Isolation } from "./records.ts";

/**
 * What the record methods need of a store, in rows that were checked: each method is one atomic act. Instants are milliseconds since
 * the epoch, JSON going in is text and coming out is parsed. Pages are answered with one row more than their limit, if there is one.
 */
export interface RecordTables {
  insertInstances(rows: readonly InstanceInsert[]): Promise<Inserted<InstanceRow>>;
  updateInstances(rows: readonly InstanceUpdate[]): Promise<readonly Updated[]>;
  instance(id: string): Promise<InstanceRow | null>;
  instances(filter: CheckedInstanceFilter, page: CheckedPage): Promise<readonly InstanceRow[]>;
  deleteInstance(id: string): Promise<boolean>;
  runnable(limit: number): Promise<readonly InstanceRow[]>;

  insertPointers(instance: string, rows: readonly PointerWrite[]): Promise<PointerVerdict>;
  updatePointers(instance: string, rows: readonly PointerWrite[]): Promise<PointerVerdict>;
  pointer(instance: string, path: string): Promise<PointerRecordRow | null>;
  pointers(instance: string, page: CheckedPage): Promise<readonly PointerRecordRow[]>;
  /** The instance's frontier and its stored pointers that have not ended; null: there is no such instance. */
  active(instance: string): Promise<ActiveRows | null>;

  insertEvents(rows: readonly EventInsert[]): Promise<Inserted<EventRecordRow>>;
  event(id: string): Promise<EventRecordRow | null>;
  events(filter: CheckedEventFilter, page: CheckedPage): Promise<readonly EventRecordRow[]>;
  markProcessed(id: string): Promise<boolean>;

  insertSubscriptions(rows: readonly SubscriptionInsert[]): Promise<Inserted<SubscriptionRecordRow>>;
  subscriptions(topic: string, page: SubscriptionPage): Promise<readonly SubscriptionRecordRow[]>;
  deleteSubscription(topic: string, instance: string, path: string): Promise<boolean>;

  /** Answers the ids of instances that do not exist; then nothing was stored. */
  insertHistory(rows: readonly HistoryInsert[]): Promise<readonly string[]>;
  history(instance: string, filter: CheckedHistoryFilter, page: CheckedPage): Promise<readonly HistoryRecordRow[]>;
  errors(instance: string, isResolved: boolean | undefined, page: CheckedPage): Promise<readonly ErrorRecordRow[]>;
  resolve(place: HistoryPlace): Promise<boolean>;
}

export interface Inserted<R> {
  /** In the order of what was given; empty if anything exists already. */
  readonly stored: readonly R[];
  /** Ids that exist already; then nothing was stored. */
  readonly existing: readonly string[];
}

/** What became of one update; if anything of a batch was refused, nothing of it was done and no `row` is there. */
export interface Updated {
  readonly id: string;
  /** As it was found; null: there is no such instance. */
  readonly found: { readonly status: WorkflowStatus; readonly revision: number } | null;
  readonly refused: "stale" | "ended" | null;
  readonly row: InstanceRow | null;
}

export interface PointerVerdict {
  /** Null: there is no such instance, and nothing was stored. */
  readonly status: WorkflowStatus | null;
  /** Paths in the way: those that exist (insert), or do not (update). Then nothing was stored. */
  readonly paths: readonly string[];
}

export interface InstanceRow {
  readonly id: string;
  readonly definition: string;
  readonly version: number;
  readonly status: WorkflowStatus;
  readonly owner: string | null;
  readonly revision: number;
  readonly data: unknown;
  readonly result: unknown;
  readonly failure: unknown;
  readonly reason: string | null;
  readonly description: string | null;
  readonly reference: string | null;
  readonly correlationId: string | null;
  readonly tags: unknown;
  readonly createdAt: number;
  readonly turnedAt: number;
  readonly completedAt: number | null;
  readonly dueAt: number | null;
  readonly cursor: Cursor;
}

export interface PointerRecordRow extends StoredPointerFacts {
  readonly cursor: Cursor;
}

export interface ActiveRows {
  readonly frontier: unknown;
  readonly turnedAt: number;
  readonly started: readonly PointerRecordRow[];
}

export interface EventRecordRow {
  readonly bucket: number;
  readonly id: string;
  readonly name: string;
  readonly key: string | null;
  readonly data: unknown;
  readonly publishedAt: number;
  readonly processed: boolean;
  readonly cursor: Cursor;
}

export interface SubscriptionRecordRow {
  readonly topic: string;
  readonly instance: string;
  readonly path: string;
  readonly name: string;
  readonly key: string | null;
  readonly since: number;
  readonly createdAt: number;
}

export interface SubscriptionPage {
  readonly limit: number | null;
  readonly after: { readonly instance: string; readonly path: string } | null;
}

export interface HistoryRecordRow {
  readonly place: HistoryPlace;
  readonly kind: string;
  readonly path: string | null;
  readonly at: number;
  readonly detail: unknown;
  /** The pointer, where it is one. */
  readonly step: PointerRecordRow | null;
  readonly cursor: Cursor;
}

export interface ErrorRecordRow {
  readonly place: HistoryPlace;
  readonly path: string | null;
  readonly at: number;
  readonly failure: unknown;
  readonly resolvedAt: number | null;
  readonly cursor: Cursor;
}

/** Upkeep by batches: each answers how many were deleted, at most `limit`. */
export interface RecordUpkeep {
  purgeInstances(which: PurgeBatch): Promise<number>;
  purgeEvents(before: number, limit: number): Promise<number>;
  purgeSubscriptions(before: number, limit: number): Promise<number>;
  optimize(vacuum: boolean): Promise<void>;
  /** One question to the store. */
  ask(): Promise<{ readonly now: number; readonly version: string }>;
}

export interface PurgeBatch {
  readonly endedBefore: number;
  readonly statuses: readonly WorkflowStatus[];
  readonly definition: string | null;
  readonly limit: number;
}

/** The tables of one transaction, with a way to the caller's own. */
export interface TransactionTables {
  readonly tables: RecordTables;
  query(text: string, values: readonly unknown[]): Promise<{ readonly rows: unknown[] }>;
}

/** How a store runs record-level work. */
export interface RecordBackend {
  readonly name: string;
  readonly tables: RecordTables;
  readonly upkeep: RecordUpkeep;
  transaction<T>(isolation: Isolation, work: (tx: TransactionTables) => Promise<T>): Promise<T>;
}
