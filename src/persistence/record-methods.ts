import type { Environment } from "../models/environment.ts";
import { InstanceNotFoundError } from "../models/errors-instance.ts";
import { DuplicateRecordError, InvalidRecordError } from "../models/errors-records.ts";
import { newInstanceId, topicOf } from "../models/identity.ts";
import { fieldsOf } from "../models/known-fields.ts";
import { isTerminal } from "../models/instance.ts";
import { checkBatch, checkFields, checkId, checkPath, checkText, isAbsent } from "../models/records/check.ts";
import {
  checkEventFilter,
  checkNewEvent,
  type EventFilter,
  type NewEvent,
  type StoredEvent,
} from "../models/records/event.ts";
import {
  checkNewSubscription,
  type NewSubscription,
  readSubscriptionId,
  type StoredSubscription,
  subscriptionId,
} from "../models/records/event-subscription.ts";
import {
  checkError,
  checkErrorFilter,
  checkHistoryEntry,
  checkHistoryFilter,
  type ErrorFilter,
  type ExecutionErrorData,
  type ExecutionHistoryEntry,
  historyId,
  type HistoryFilter,
  type HistoryInsert,
  type NewExecutionError,
  type NewHistoryEntry,
  readHistoryId,
} from "../models/records/execution-history-entry.ts";
import {
  activePointers,
  checkPointer,
  type ExecutionPointerChange,
  type ExecutionPointerData,
  type NewExecutionPointer,
  pointerRecord,
} from "../models/records/execution-pointer-data.ts";
import { checkLimit, checkPage, type Page, pageOf, type PageRequest } from "../models/records/page.ts";
import {
  checkInstanceChange,
  checkInstanceFilter,
  checkNewInstance,
  type NewWorkflowInstance,
  type WorkflowInstanceChange,
  type WorkflowInstanceData,
  type WorkflowInstanceFilter,
} from "../models/records/workflow-instance-data.ts";
import { aliasOf } from "../models/stored-value.ts";
import {
  checkVerdict,
  errorRecord,
  eventRecord,
  historyRecord,
  insertedOf,
  instanceRecord,
  subscriptionRecord,
  updatedOf,
} from "./record-rows.ts";
import type { InstanceRow, RecordTables } from "./record-tables.ts";
import type { RecordOperations } from "./records.ts";

/** What hosts want to know once it is durable. */
export interface Stirred {
  /** Something may have become due. */
  readonly due?: boolean;
  /** Ids of instances that have ended, or are gone. */
  readonly ended?: readonly string[];
  /** To be delivered. */
  readonly events?: readonly { readonly bucket: number; readonly id: string }[];
  /** To look for events that were there before them. */
  readonly subscriptions?: readonly SubscriptionKey[];
}

export interface SubscriptionKey {
  readonly topic: string;
  readonly instance: string;
  readonly path: string;
}

/** Checks what the caller gives, hands rows to the tables, and makes records of what they answer. The same for every store. */
export abstract class RecordMethods implements RecordOperations {
  /** The tables; `call` is the method that wants them. */
  protected abstract tables(call: string): RecordTables;
  protected abstract stirred(what: Stirred): Promise<void>;
  protected abstract readonly env: Environment;

  async createWorkflowInstance(instance: NewWorkflowInstance): Promise<WorkflowInstanceData> {
    const row = checkNewInstance(instance, "instance", this.newId);
    const inserted = await this.tables("createWorkflowInstance").insertInstances([row]);
    const [stored] = insertedOf(inserted, "workflow instance");
    await this.stirred({ due: row.status === "Runnable" });
    return instanceRecord(one(stored));
  }

  async createWorkflowInstances(instances: readonly NewWorkflowInstance[]): Promise<readonly WorkflowInstanceData[]> {
    const rows = checkBatch(instances, "instances").map((instance, n) =>
      checkNewInstance(instance, `instances[${n}]`, this.newId),
    );
    refuseTwins(rows, "workflow instance", ({ id }) => id);
    const tables = this.tables("createWorkflowInstances");
    if (rows.length === 0) return [];
    const stored = insertedOf(await tables.insertInstances(rows), "workflow instance");
    await this.stirred({ due: rows.some(({ status }) => status === "Runnable") });
    return stored.map(instanceRecord);
  }

  async updateWorkflowInstance(change: WorkflowInstanceChange): Promise<WorkflowInstanceData> {
    const update = checkInstanceChange(change, "change");
    const [row] = updatedOf(await this.tables("updateWorkflowInstance").updateInstances([update]), [update]);
    await this.changed(row === undefined ? [] : [row]);
    return instanceRecord(one(row));
  }

  async updateWorkflowInstances(changes: readonly WorkflowInstanceChange[]): Promise<readonly WorkflowInstanceData[]> {
    const updates = checkBatch(changes, "changes").map((change, n) => checkInstanceChange(change, `changes[${n}]`));
    refuseTwins(updates, "change of workflow instance", ({ id }) => id);
    const tables = this.tables("updateWorkflowInstances");
    if (updates.length === 0) return [];
    const rows = updatedOf(await tables.updateInstances(updates), updates);
    await this.changed(rows);
    return rows.map(instanceRecord);
  }

  persistWorkflow(instance: WorkflowInstanceData): Promise<WorkflowInstanceData> {
    return this.updateWorkflowInstance(instance);
  }

  async getWorkflowInstance(id: string): Promise<WorkflowInstanceData | null> {
    const row = await this.tables("getWorkflowInstance").instance(checkId(id, "id"));
    return row === null ? null : instanceRecord(row);
  }

  async getWorkflowInstances(filter?: WorkflowInstanceFilter, page?: PageRequest): Promise<Page<WorkflowInstanceData>> {
    const wanted = checkInstanceFilter(filter);
    const checked = checkPage(page, "instances");
    const rows = await this.tables("getWorkflowInstances").instances(wanted, checked);
    return pageOf(rows, checked, "instances", instanceRecord);
  }

  async deleteWorkflowInstance(id: string): Promise<boolean> {
    const wasThere = await this.tables("deleteWorkflowInstance").deleteInstance(checkId(id, "id"));
    if (wasThere) await this.stirred({ ended: [id] });
    return wasThere;
  }

  async getRunnableInstances(limit: number): Promise<readonly WorkflowInstanceData[]> {
    return (await this.tables("getRunnableInstances").runnable(checkLimit(limit))).map(instanceRecord);
  }

  async createExecutionPointer(instanceId: string, pointer: NewExecutionPointer): Promise<void> {
    await this.writePointers("createExecutionPointer", instanceId, [checkPointer(pointer, "pointer")]);
  }

  async createExecutionPointers(instanceId: string, pointers: readonly NewExecutionPointer[]): Promise<void> {
    const rows = checkBatch(pointers, "pointers").map((pointer, n) => checkPointer(pointer, `pointers[${n}]`));
    refuseTwins(rows, "execution pointer", ({ path }) => path);
    await this.writePointers("createExecutionPointers", instanceId, rows);
  }

  async updateExecutionPointer(instanceId: string, change: ExecutionPointerChange): Promise<void> {
    await this.writePointers("updateExecutionPointer", instanceId, [checkPointer(change, "change")]);
  }

  async updateExecutionPointers(instanceId: string, changes: readonly ExecutionPointerChange[]): Promise<void> {
    const rows = checkBatch(changes, "changes").map((change, n) => checkPointer(change, `changes[${n}]`));
    refuseTwins(rows, "change of execution pointer", ({ path }) => path);
    await this.writePointers("updateExecutionPointers", instanceId, rows);
  }

  async getExecutionPointer(instanceId: string, path: string): Promise<ExecutionPointerData | null> {
    const id = checkId(instanceId, "instanceId");
    const tables = this.tables("getExecutionPointer");
    const row = await tables.pointer(id, checkPath(path, "path"));
    return row === null ? null : pointerRecord(id, await withValue(tables, id, row));
  }

  async getExecutionPointersByInstance(instanceId: string, page?: PageRequest): Promise<Page<ExecutionPointerData>> {
    const id = checkId(instanceId, "instanceId");
    const checked = checkPage(page, "pointers");
    const tables = this.tables("getExecutionPointersByInstance");
    const rows = await Promise.all((await tables.pointers(id, checked)).map((row) => withValue(tables, id, row)));
    return pageOf(rows, checked, "pointers", (row) => pointerRecord(id, row));
  }

  async getActiveExecutionPointers(instanceId: string): Promise<readonly ExecutionPointerData[]> {
    const id = checkId(instanceId, "instanceId");
    const active = await this.tables("getActiveExecutionPointers").active(id);
    return active === null ? [] : activePointers(id, active.frontier, active.started, active.turnedAt);
  }

  async createEvent(event: NewEvent): Promise<StoredEvent> {
    const [stored] = await this.storeEvents("createEvent", [checkNewEvent(event, "event", this.newId)]);
    return one(stored);
  }

  async createEvents(events: readonly NewEvent[]): Promise<readonly StoredEvent[]> {
    const rows = checkBatch(events, "events").map((event, n) => checkNewEvent(event, `events[${n}]`, this.newId));
    refuseTwins(rows, "event", ({ id }) => id);
    return this.storeEvents("createEvents", rows);
  }

  async getEvent(id: string): Promise<StoredEvent | null> {
    const row = await this.tables("getEvent").event(checkId(id, "id"));
    return row === null ? null : eventRecord(row);
  }

  async getEvents(filter?: EventFilter, page?: PageRequest): Promise<Page<StoredEvent>> {
    const wanted = checkEventFilter(filter);
    const checked = checkPage(page, "events");
    return pageOf(await this.tables("getEvents").events(wanted, checked), checked, "events", eventRecord);
  }

  async markEventProcessed(id: string): Promise<boolean> {
    return this.tables("markEventProcessed").markProcessed(checkId(id, "id"));
  }

  async createSubscription(subscription: NewSubscription): Promise<StoredSubscription> {
    const row = checkNewSubscription(subscription, "subscription");
    const inserted = await this.tables("createSubscription").insertSubscriptions([row]);
    const [stored] = insertedOf(inserted, "subscription");
    await this.stirred({ subscriptions: inserted.stored });
    return subscriptionRecord(one(stored));
  }

  async createSubscriptions(subscriptions: readonly NewSubscription[]): Promise<readonly StoredSubscription[]> {
    const rows = checkBatch(subscriptions, "subscriptions").map((subscription, n) =>
      checkNewSubscription(subscription, `subscriptions[${n}]`),
    );
    refuseTwins(rows, "subscription", (row) => subscriptionId({ ...row, topic: topicOf(row.name, row.key) }));
    const tables = this.tables("createSubscriptions");
    if (rows.length === 0) return [];
    const stored = insertedOf(await tables.insertSubscriptions(rows), "subscription");
    await this.stirred({ subscriptions: stored });
    return stored.map(subscriptionRecord);
  }

  async getSubscriptionsForEvent(
    eventName: string,
    eventKey: string | null = null,
    page: { readonly limit?: number | undefined; readonly after?: string | undefined } = {},
  ): Promise<readonly StoredSubscription[]> {
    const key = eventKey === null ? null : checkText(eventKey, "eventKey");
    const topic = topicOf(checkText(eventName, "eventName"), key);
    checkFields(page, "page", keysetFields);
    const after = isAbsent(page.after) ? null : readSubscriptionId(page.after);
    if (after !== null && after.topic !== topic)
      throw new InvalidRecordError("page.after", "is the id of a subscription to another event");
    const limit = isAbsent(page.limit) ? null : checkLimit(page.limit, "page.limit");
    return (await this.tables("getSubscriptionsForEvent").subscriptions(topic, { limit, after })).map(
      subscriptionRecord,
    );
  }

  async removeSubscription(id: string): Promise<boolean> {
    const { topic, instance, path } = readSubscriptionId(id);
    return this.tables("removeSubscription").deleteSubscription(topic, instance, path);
  }

  async createExecutionHistory(entries: NewHistoryEntry | readonly NewHistoryEntry[]): Promise<readonly string[]> {
    const rows = isMany(entries)
      ? checkBatch(entries, "entries").map((entry, n) => checkHistoryEntry(entry, `entries[${n}]`, this.newId))
      : [checkHistoryEntry(entries, "entry", this.newId)];
    return this.storeHistory("createExecutionHistory", rows);
  }

  async getExecutionHistory(
    instanceId: string,
    filter?: HistoryFilter,
    page?: PageRequest,
  ): Promise<Page<ExecutionHistoryEntry>> {
    const id = checkId(instanceId, "instanceId");
    const wanted = checkHistoryFilter(filter);
    const checked = checkPage(page, "history");
    const tables = this.tables("getExecutionHistory");
    const rows = (await tables.history(id, wanted, checked)).map(async (row) =>
      row.step === null ? row : { ...row, step: await withValue(tables, id, row.step) },
    );
    return pageOf(await Promise.all(rows), checked, "history", historyRecord);
  }

  async recordError(error: NewExecutionError | ExecutionErrorData): Promise<string> {
    const [id] = await this.storeHistory("recordError", [checkError(error, "error", this.newId)]);
    return one(id);
  }

  async getErrors(instanceId: string, filter?: ErrorFilter, page?: PageRequest): Promise<Page<ExecutionErrorData>> {
    const id = checkId(instanceId, "instanceId");
    const isResolved = checkErrorFilter(filter);
    const checked = checkPage(page, "errors");
    const rows = await this.tables("getErrors").errors(id, isResolved, checked);
    return pageOf(rows, checked, "errors", errorRecord);
  }

  async resolveError(id: string): Promise<boolean> {
    return this.tables("resolveError").resolve(readHistoryId(id));
  }

  /** Each was taken from its owner: who waits for its end, or may go on with it, learns it. */
  private changed(rows: readonly InstanceRow[]): Promise<void> {
    const ended = rows.filter(({ status }) => isTerminal(status)).map(({ id }) => id);
    return this.stirred({ due: ended.length < rows.length, ended });
  }

  private readonly newId = (): string => newInstanceId(this.env);

  private async writePointers(
    call: `${"create" | "update"}ExecutionPointer${"" | "s"}`,
    instanceId: string,
    rows: ReturnType<typeof checkPointer>[],
  ): Promise<void> {
    const id = checkId(instanceId, "instanceId");
    const tables = this.tables(call);
    if (rows.length === 0) return;
    if (call.startsWith("create")) checkVerdict(id, await tables.insertPointers(id, rows), "insert");
    else checkVerdict(id, await tables.updatePointers(id, rows), "update");
    await this.stirred({ due: true });
  }

  private async storeEvents(call: string, rows: ReturnType<typeof checkNewEvent>[]): Promise<readonly StoredEvent[]> {
    const tables = this.tables(call);
    if (rows.length === 0) return [];
    const stored = insertedOf(await tables.insertEvents(rows), "event");
    await this.stirred({ events: stored.map(({ bucket, id }) => ({ bucket, id })) });
    return stored.map(eventRecord);
  }

  private async storeHistory(call: string, rows: readonly HistoryInsert[]): Promise<readonly string[]> {
    const tables = this.tables(call);
    if (rows.length === 0) return [];
    const [missing] = await tables.insertHistory(rows);
    if (missing !== undefined) throw new InstanceNotFoundError(missing);
    return rows.map(({ instance, revision, n }) => historyId({ instance, revision, n }));
  }
}

const keysetFields = fieldsOf<{ limit?: unknown; after?: unknown }>({ limit: true, after: true });

const isMany = (entries: NewHistoryEntry | readonly NewHistoryEntry[]): entries is readonly NewHistoryEntry[] =>
  Array.isArray(entries);

/** One call cannot store two records of one id. */
function refuseTwins<R>(rows: readonly R[], what: string, idOf: (row: R) => string): void {
  const seen = new Set<string>();
  for (const row of rows) {
    const id = idOf(row);
    if (seen.has(id)) throw new DuplicateRecordError(what, id);
    seen.add(id);
  }
}

/** A container's row names the step whose value it has; here that value takes its place. */
async function withValue<R extends { readonly outcome: unknown }>(
  tables: RecordTables,
  instance: string,
  row: R,
): Promise<R> {
  const path = aliasOf(row.outcome);
  if (path === undefined) return row;
  const of = await tables.pointer(instance, path);
  return { ...row, outcome: of === null ? null : (await withValue(tables, instance, of)).outcome };
}

/** What a table gives for one record is one row. */
function one<R>(row: R | undefined): R {
  if (row === undefined) throw new InvalidRecordError("the store's answer", "lacks the row that was just stored");
  return row;
}
