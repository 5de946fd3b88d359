import { CorruptStateError } from "../../../models/errors-values.ts";
import { bucketOf, topicOf } from "../../../models/identity.ts";
import { statusOf, type WorkflowStatus } from "../../../models/instance.ts";
import type { CheckedEventFilter, EventInsert } from "../../../models/records/event.ts";
import { subscriptionId, type SubscriptionInsert } from "../../../models/records/event-subscription.ts";
import type {
  CheckedHistoryFilter,
  HistoryInsert,
  HistoryPlace,
} from "../../../models/records/execution-history-entry.ts";
import { pointerStatuses, type PointerWrite } from "../../../models/records/execution-pointer-data.ts";
import type { CheckedPage } from "../../../models/records/page.ts";
import type {
  CheckedInstanceFilter,
  InstanceInsert,
  InstanceUpdate,
} from "../../../models/records/workflow-instance-data.ts";
import type { Session, Statement } from "../../database.ts";
import type { InstanceRef } from "../../provider.ts";
import type * as rows from "../../record-tables.ts";
import type { Tables } from "../tables.ts";
import * as events from "./event-statements.ts";
import * as histories from "./history-statements.ts";
import * as instances from "./instance-statements.ts";
import * as pointers from "./pointer-statements.ts";

/** How statements reach the database: one by one, or inside a transaction. `read` may be repeated blindly, `write` not. */
export interface Runner {
  read<R>(statement: Statement): Promise<readonly R[]>;
  write<R>(statement: Statement): Promise<readonly R[]>;
  /** Several statements, all or nothing. */
  together<T>(work: (session: Session) => Promise<T>): Promise<T>;
}

type Stored<R> = Omit<R, "cursor" | "status"> & { readonly status: number; readonly at: string };

/** The record tables in SQL. */
export class SqlRecordTables implements rows.RecordTables {
  private readonly t: Tables;
  private readonly run: Runner;
  private readonly bucketCount: () => number;

  constructor(t: Tables, run: Runner, buckets: () => number) {
    this.t = t;
    this.run = run;
    this.bucketCount = buckets;
  }

  async insertInstances(given: readonly InstanceInsert[]): Promise<rows.Inserted<rows.InstanceRow>> {
    const placed = given.map((row) => ({ ...row, bucket: this.bucket(row.id) }));
    const answer = await this.run.write<Stored<rows.InstanceRow> & Known>(instances.insertInstances(this.t, placed));
    return inserted(answer, instanceRow, { given: given.map(({ id }) => id), idOf: ({ id }) => id });
  }

  async updateInstances(given: readonly InstanceUpdate[]): Promise<readonly rows.Updated[]> {
    const placed = given.map((row) => ({ ...row, bucket: this.bucket(row.id) }));
    const answer = await this.run.write<Stored<rows.InstanceRow> & Judged>(instances.updateInstances(this.t, placed));
    const seen = answer[0]?.seen ?? null;
    if (seen === null) {
      const byId = new Map(answer.map((row) => [row.id, row]));
      return given.map(({ id }) => ({ id, ...changedOf(byId.get(id)) }));
    }
    const byId = new Map(seen.map((row) => [row.id, row]));
    return given.map(({ id }) => ({ id, ...judgedOf(byId.get(id)) }));
  }

  async instance(id: string): Promise<rows.InstanceRow | null> {
    const [row] = await this.run.read<Stored<rows.InstanceRow>>(instances.readInstance(this.t, this.ref(id)));
    return row === undefined ? null : instanceRow(row);
  }

  async instances(filter: CheckedInstanceFilter, page: CheckedPage): Promise<readonly rows.InstanceRow[]> {
    const statement = instances.listInstances(this.t, filter, page);
    return (await this.run.read<Stored<rows.InstanceRow>>(statement)).map(instanceRow);
  }

  deleteInstance(id: string): Promise<boolean> {
    return this.run.together(async (session) => {
      const refs = await session.query<InstanceRef>(instances.lockInstances(this.t, [this.ref(id)]));
      if (refs.length > 0) await session.query(instances.deleteInstances(this.t, refs));
      return refs.length > 0;
    });
  }

  async runnable(limit: number): Promise<readonly rows.InstanceRow[]> {
    const statement = instances.runnableInstances(this.t, this.bucketCount(), limit);
    return (await this.run.read<Stored<rows.InstanceRow>>(statement)).map(instanceRow);
  }

  async insertPointers(instance: string, given: readonly PointerWrite[]): Promise<rows.PointerVerdict> {
    return verdictOf(await this.run.write<Verdict>(pointers.insertPointers(this.t, this.ref(instance), given)));
  }

  async updatePointers(instance: string, given: readonly PointerWrite[]): Promise<rows.PointerVerdict> {
    return verdictOf(await this.run.write<Verdict>(pointers.updatePointers(this.t, this.ref(instance), given)));
  }

  async pointer(instance: string, path: string): Promise<rows.PointerRecordRow | null> {
    const page = { limit: 1, offset: 0, after: null };
    const [row] = await this.run.read<StoredPointer>(pointers.listPointers(this.t, this.ref(instance), page, path));
    return row === undefined ? null : pointerRow(row);
  }

  async pointers(instance: string, page: CheckedPage): Promise<readonly rows.PointerRecordRow[]> {
    const statement = pointers.listPointers(this.t, this.ref(instance), page);
    return (await this.run.read<StoredPointer>(statement)).map(pointerRow);
  }

  async active(instance: string): Promise<rows.ActiveRows | null> {
    const ref = this.ref(instance);
    const [row] = await this.run.read<Omit<rows.ActiveRows, "started">>(pointers.readFrontier(this.t, ref));
    if (row === undefined) return null;
    const started = await this.run.read<StoredPointer>(pointers.startedPointers(this.t, ref));
    return { ...row, started: started.map(pointerRow) };
  }

  async insertEvents(given: readonly EventInsert[]): Promise<rows.Inserted<rows.EventRecordRow>> {
    const placed = given.map((row) => ({ ...row, ...this.topic(row.name, row.key) }));
    const statement = events.insertEvents(this.t, this.bucketCount(), placed);
    const answer = await this.run.write<StoredEvent & Known>(statement);
    return inserted(answer, eventRow, { given: given.map(({ id }) => id), idOf: ({ id }) => id });
  }

  async event(id: string): Promise<rows.EventRecordRow | null> {
    const [row] = await this.run.read<StoredEvent>(events.readEvent(this.t, this.bucketCount(), id));
    return row === undefined ? null : eventRow(row);
  }

  async events(filter: CheckedEventFilter, page: CheckedPage): Promise<readonly rows.EventRecordRow[]> {
    const { name, key } = filter;
    const topic = name === undefined || key === undefined ? {} : this.topic(name, key);
    const statement = events.listEvents(this.t, { ...filter, ...topic }, page);
    return (await this.run.read<StoredEvent>(statement)).map(eventRow);
  }

  async markProcessed(id: string): Promise<boolean> {
    return (await this.run.read(events.markProcessed(this.t, this.bucketCount(), id))).length > 0;
  }

  async insertSubscriptions(given: readonly SubscriptionInsert[]): Promise<rows.Inserted<rows.SubscriptionRecordRow>> {
    const placed = given.map((row) => ({
      ...row,
      ...this.topic(row.name, row.key),
      instanceBucket: this.bucket(row.instance),
    }));
    const statement = events.insertSubscriptions(this.t, placed);
    const answer = await this.run.write<rows.SubscriptionRecordRow & Known>(statement);
    return inserted(answer, (row: rows.SubscriptionRecordRow) => row, {
      given: placed.map(subscriptionId),
      idOf: subscriptionId,
    });
  }

  subscriptions(topic: string, page: rows.SubscriptionPage): Promise<readonly rows.SubscriptionRecordRow[]> {
    return this.run.read(events.listSubscriptions(this.t, { topic, bucket: this.bucket(topic) }, page));
  }

  async deleteSubscription(topic: string, instance: string, path: string): Promise<boolean> {
    const statement = events.deleteSubscription(this.t, { bucket: this.bucket(topic), topic, instance, path });
    return (await this.run.write(statement)).length > 0;
  }

  async insertHistory(given: readonly HistoryInsert[]): Promise<readonly string[]> {
    const placed = given.map((row) => ({ ...row, bucket: this.bucket(row.instance) }));
    const answer = await this.run.write<{ readonly missing: string }>(histories.insertHistory(this.t, placed));
    return answer.map(({ missing }) => missing);
  }

  async history(
    instance: string,
    filter: CheckedHistoryFilter,
    page: CheckedPage,
  ): Promise<readonly rows.HistoryRecordRow[]> {
    const statement = histories.listHistory(this.t, this.ref(instance), filter, page);
    const answer = await this.run.read<histories.HistoryAnswer>(statement);
    return answer.map((row) => ({
      place: placeOf(instance, row),
      kind: row.kind,
      path: row.path,
      at: row.endedAt,
      detail: row.detail,
      step: row.kind === "step" ? pointerRow(row) : null,
      cursor: { at: row.at, key: row.key },
    }));
  }

  async errors(
    instance: string,
    isResolved: boolean | undefined,
    page: CheckedPage,
  ): Promise<readonly rows.ErrorRecordRow[]> {
    const statement = histories.listErrors(this.t, this.ref(instance), isResolved, page);
    const answer = await this.run.read<histories.HistoryAnswer>(statement);
    return answer.map((row) => ({
      place: placeOf(instance, row),
      path: row.path,
      at: row.endedAt,
      failure: row.kind === "step" ? row.failure : row.detail,
      resolvedAt: row.resolvedAt,
      cursor: { at: row.at, key: row.key },
    }));
  }

  async resolve(place: HistoryPlace): Promise<boolean> {
    return (await this.run.read(histories.resolveError(this.t, this.bucket(place.instance), place))).length > 0;
  }

  private bucket(id: string): number {
    return bucketOf(id, this.bucketCount());
  }

  private ref(id: string): InstanceRef {
    return { id, bucket: this.bucket(id) };
  }

  private topic(name: string, key: string | null): { readonly topic: string; readonly bucket: number } {
    const topic = topicOf(name, key);
    return { topic, bucket: this.bucket(topic) };
  }
}

/** Each row carries the ids that exist already; if there are any, the one row has nothing else. */
interface Known {
  readonly known: readonly string[];
}

/** Null: all were changed. Else what was found, and nothing was changed. */
interface Judged {
  readonly seen: readonly Seen[] | null;
}

interface Seen {
  readonly id: string;
  readonly status: number;
  readonly revision: number;
  readonly refused: "stale" | "ended" | null;
}

interface Verdict {
  readonly status: number;
  readonly paths: readonly string[];
}

type StoredEvent = Omit<rows.EventRecordRow, "cursor"> & { readonly at: string };
type StoredPointer = Omit<rows.PointerRecordRow, "cursor" | "status"> & { readonly status: number };

/** What was inserted, in the order in which it was given. */
function inserted<A extends Known, R>(
  answer: readonly A[],
  make: (row: A) => R,
  { given, idOf }: { readonly given: readonly string[]; readonly idOf: (row: R) => string },
): rows.Inserted<R> {
  const existing = answer[0]?.known ?? [];
  if (existing.length > 0) return { stored: [], existing };
  const byId = new Map(answer.map(make).map((row) => [idOf(row), row]));
  return { stored: given.flatMap((id) => byId.get(id) ?? []), existing };
}

const judgedOf = (seen: Seen | undefined): Omit<rows.Updated, "id"> => ({
  found: seen === undefined ? null : { status: readStatus(seen.status), revision: seen.revision },
  refused: seen?.refused ?? null,
  row: null,
});

function changedOf(row: Stored<rows.InstanceRow> | undefined): Omit<rows.Updated, "id"> {
  if (row === undefined) return judgedOf(undefined);
  return { found: { status: readStatus(row.status), revision: row.revision }, refused: null, row: instanceRow(row) };
}

const verdictOf = ([row]: readonly Verdict[]): rows.PointerVerdict =>
  row === undefined ? { status: null, paths: [] } : { status: readStatus(row.status), paths: row.paths };

const instanceRow = (row: Stored<rows.InstanceRow>): rows.InstanceRow => ({
  ...row,
  status: readStatus(row.status),
  cursor: { at: row.at, key: row.id },
});

const eventRow = (row: StoredEvent): rows.EventRecordRow => ({ ...row, cursor: { at: row.at, key: row.id } });

function pointerRow(row: StoredPointer): rows.PointerRecordRow {
  const status = pointerStatuses[row.status];
  if (status === undefined)
    throw new CorruptStateError("pointer status", `${row.status} is none that this engine knows`);
  return { ...row, status, cursor: { at: "0", key: row.path } };
}

const placeOf = (instance: string, row: histories.HistoryAnswer): HistoryPlace =>
  row.revision === null ? { instance, path: row.path } : { instance, revision: row.revision, n: row.n ?? 0 };

function readStatus(code: number): WorkflowStatus {
  const status = statusOf(code);
  if (status === undefined) throw new CorruptStateError("status", `${code} is none that this engine knows`);
  return status;
}
