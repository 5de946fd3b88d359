import { decodeValue } from "../models/codec.ts";
import { InstanceNotFoundError } from "../models/errors-instance.ts";
import {
  DuplicateRecordError,
  InstanceEndedError,
  RecordNotFoundError,
  StaleRecordError,
} from "../models/errors-records.ts";
import type { Failure } from "../models/failure.ts";
import { isTerminal } from "../models/instance.ts";
import type { StoredEvent } from "../models/records/event.ts";
import { type StoredSubscription, subscriptionId } from "../models/records/event-subscription.ts";
import {
  type ExecutionErrorData,
  type ExecutionHistoryEntry,
  historyId,
} from "../models/records/execution-history-entry.ts";
import { pointerRecord } from "../models/records/execution-pointer-data.ts";
import type { WorkflowInstanceData } from "../models/records/workflow-instance-data.ts";
import type {
  ErrorRecordRow,
  EventRecordRow,
  HistoryRecordRow,
  Inserted,
  InstanceRow,
  PointerVerdict,
  SubscriptionRecordRow,
  Updated,
} from "./record-tables.ts";

const dateOf = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

export const instanceRecord = (row: InstanceRow): WorkflowInstanceData => ({
  id: row.id,
  workflowDefinitionId: row.definition,
  version: row.version,
  description: row.description,
  reference: row.reference,
  status: row.status,
  data: decodeValue(row.data ?? null),
  createTime: new Date(row.createdAt),
  updateTime: new Date(row.turnedAt),
  completeTime: dateOf(row.completedAt),
  nextExecution: dateOf(row.dueAt),
  nodeId: row.owner,
  correlationId: row.correlationId,
  tags: (row.tags ?? {}) as Readonly<Record<string, string>>,
  result: decodeValue(row.result ?? null),
  failure: (row.failure ?? null) as Failure | null,
  reason: row.reason,
  revision: row.revision,
});

export const eventRecord = (row: EventRecordRow): StoredEvent => ({
  id: row.id,
  eventName: row.name,
  eventKey: row.key,
  eventData: decodeValue(row.data ?? null),
  eventTime: new Date(row.publishedAt),
  isProcessed: row.processed,
});

export const subscriptionRecord = (row: SubscriptionRecordRow): StoredSubscription => ({
  id: subscriptionId(row),
  workflowId: row.instance,
  path: row.path,
  eventName: row.name,
  eventKey: row.key,
  subscribeAsOf: new Date(row.since),
  createTime: new Date(row.createdAt),
});

export function historyRecord({ place, kind, path, at, detail, step }: HistoryRecordRow): ExecutionHistoryEntry {
  const shown = (): unknown => {
    if (step === null) return decodeValue(detail ?? null);
    const { status, attempts, input, outcome, failure, startTime, endTime } = pointerRecord(place.instance, step);
    return { status, attempts, input, outcome, failure, startTime, endTime };
  };
  return { id: historyId(place), workflowId: place.instance, type: kind, path, time: new Date(at), detail: shown() };
}

export const errorRecord = (row: ErrorRecordRow): ExecutionErrorData => ({
  id: historyId(row.place),
  workflowId: row.place.instance,
  path: row.path,
  time: new Date(row.at),
  failure: failureOf(row.failure),
  resolvedTime: dateOf(row.resolvedAt),
});

/** A retry's entry carries its failure beside the rest. */
function failureOf(detail: unknown): Failure {
  const own = typeof detail === "object" && detail !== null && "failure" in detail ? detail.failure : detail;
  return (own ?? { name: "Error", message: "nothing is known of it", errorClass: "permanent" }) as Failure;
}

// ── verdicts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What was inserted; throws `DuplicateRecordError` if anything was in the way. */
export function insertedOf<R>({ stored, existing }: Inserted<R>, what: string): readonly R[] {
  const [first] = existing;
  if (first !== undefined) throw new DuplicateRecordError(what, first);
  return stored;
}

/** The rows of an update; throws the first refusal. */
export function updatedOf(
  updates: readonly Updated[],
  changes: readonly { readonly id: string; readonly revision: number | null }[],
): readonly InstanceRow[] {
  updates.forEach((update, n) => {
    const { id, found, refused } = update;
    if (found === null) throw new InstanceNotFoundError(id);
    if (refused === "ended") throw new InstanceEndedError(id, found.status);
    if (refused === "stale") throw new StaleRecordError(id, changes[n]?.revision ?? 0, found.revision);
  });
  return updates.flatMap(({ row }) => row ?? []);
}

/** Throws what stood in the way of pointers. */
export function checkVerdict(instance: string, verdict: PointerVerdict, write: "insert" | "update"): void {
  if (verdict.status === null) throw new InstanceNotFoundError(instance);
  if (write === "update" && isTerminal(verdict.status)) throw new InstanceEndedError(instance, verdict.status);
  const [path] = verdict.paths;
  if (path === undefined) return;
  const id = `${instance}/${path}`;
  throw write === "insert"
    ? new DuplicateRecordError("execution pointer", id)
    : new RecordNotFoundError("execution pointer", id);
}
