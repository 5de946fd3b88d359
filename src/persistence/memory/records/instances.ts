import { isDeepStrictEqual } from "node:util";
import { bucketOf } from "../../../models/identity.ts";
import { isTerminal } from "../../../models/instance.ts";
import type { CheckedPage } from "../../../models/records/page.ts";
import {
  type CheckedInstanceFilter,
  givenBits,
  type InstanceInsert,
  type InstanceUpdate,
} from "../../../models/records/workflow-instance-data.ts";
import type { InstanceRow, RecordTables, Updated } from "../../record-tables.ts";
import type { InstanceRecord } from "../records.ts";
import { parseJson } from "../records.ts";
import type { Journal, RecordMemory } from "./journal.ts";
import { isBeyond, microsOf, pageRows } from "./pages.ts";

type InstanceTables = Pick<
  RecordTables,
  "insertInstances" | "updateInstances" | "instance" | "instances" | "deleteInstance" | "runnable"
>;

/** Nothing was decided yet: the first claim enters the workflow. */
const unbegun = `{"format":1,"pointers":{}}`;

export function instanceTables(memory: RecordMemory): InstanceTables {
  const find = (id: string): InstanceRecord | undefined =>
    memory.instances.get({ id, bucket: bucketOf(id, memory.buckets) });
  const all = (): InstanceRecord[] => [...memory.instances.all()];
  return {
    insertInstances: (rows) =>
      memory.act((now, journal) => {
        const existing = rows.map(({ id }) => id).filter((id) => find(id) !== undefined);
        if (existing.length > 0) return { stored: [], existing };
        return { stored: rows.map((row) => instanceRow(insert(memory, journal, row, now))), existing };
      }),
    updateInstances: (rows) =>
      memory.act((now, journal) => {
        const judged = rows.map((update) => judge(find(update.id), update));
        const isHeld = judged.every(({ found, refused }) => found !== null && refused === null);
        if (!isHeld) return judged;
        return judged.map((verdict, n) => {
          const [row, update] = [find(verdict.id), rows[n]];
          if (row === undefined || update === undefined) return verdict;
          return { ...verdict, row: instanceRow(change(memory, journal.change(row), update, { now, journal })) };
        });
      }),
    instance: (id) =>
      memory.act(() => {
        const row = find(id);
        return row === undefined ? null : instanceRow(row);
      }),
    instances: (filter, page) => memory.act(() => listed(all(), filter, page)),
    deleteInstance: (id) =>
      memory.act((_, journal) => {
        const row = find(id);
        if (row !== undefined) journal.delete(row);
        return row !== undefined;
      }),
    runnable: (limit) =>
      memory.act((now) =>
        all()
          .filter((row) => row.status === "Runnable" && row.owner === null && row.dueAt !== null && row.dueAt <= now)
          .sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0) || (a.id < b.id ? -1 : 1))
          .slice(0, limit)
          .map(instanceRow),
      ),
  };
}

function insert(memory: RecordMemory, journal: Journal, row: InstanceInsert, now: number): InstanceRecord {
  const { createdAt, completedAt, dueAt, result, failure, reason, status, ...facts } = row;
  const start = {
    ...facts,
    bucket: bucketOf(row.id, memory.buckets),
    own: false,
    frontier: unbegun,
    key: null,
    inputHash: null,
  };
  const stored = memory.instances.add(start, now, Math.min(createdAt ?? now, now));
  journal.born(stored);
  Object.assign(stored, { status, result, failure, reason });
  if (isTerminal(status)) stored.completedAt = Math.min(completedAt ?? now, now);
  memory.instances.free(stored, status === "Runnable" ? (dueAt ?? now) : null);
  return stored;
}

function judge(row: InstanceRecord | undefined, update: InstanceUpdate): Updated {
  const { id } = update;
  if (row === undefined) return { id, found: null, refused: null, row: null };
  const isStale = update.revision !== null && update.revision !== row.revision;
  const refused = isTerminal(row.status) && reopens(row, update) ? "ended" : isStale ? "stale" : null;
  return { id, found: { status: row.status, revision: row.revision }, refused, row: null };
}

const isGiven = (update: InstanceUpdate, field: keyof typeof givenBits): boolean =>
  (update.given & givenBits[field]) !== 0;

const isSameJson = (a: string | null, b: string | null): boolean => isDeepStrictEqual(parseJson(a), parseJson(b));

/** What an ended instance is asked to become, beyond what it is. */
function reopens(row: InstanceRecord, update: InstanceUpdate): boolean {
  return (
    (update.status !== null && update.status !== row.status) ||
    (update.data !== null && !isSameJson(update.data, row.data)) ||
    update.dueAt !== null ||
    (isGiven(update, "result") && !isSameJson(update.result, row.result)) ||
    (isGiven(update, "failure") && !isSameJson(update.failure, row.failure)) ||
    (isGiven(update, "reason") && update.reason !== row.reason) ||
    (update.completedAt !== null && update.completedAt !== Math.floor(row.completedAt ?? 0))
  );
}

/** Takes the instance from its owner, and changes it. */
function change(
  memory: RecordMemory,
  row: InstanceRecord,
  update: InstanceUpdate,
  { now, journal }: { readonly now: number; readonly journal: Journal },
): InstanceRecord {
  const status = update.status ?? row.status;
  const wasOver = isTerminal(row.status);
  const dueAt = dueOf(row, update, now);
  if (isGiven(update, "reason")) row.reason = update.reason;
  else if (status === "Runnable" && row.status !== "Runnable") row.reason = null;
  if (isGiven(update, "result")) row.result = update.result;
  if (isGiven(update, "failure")) row.failure = update.failure;
  labelAnew(row, update);
  row.data = update.data ?? row.data;
  row.revision += 1;
  row.touchedAt = now;
  row.inLane = false;
  if (!wasOver) row.epoch += 1;
  row.status = status;
  memory.instances.free(row, dueAt);
  if (!isTerminal(status)) row.completedAt = null;
  else if (!wasOver) row.completedAt = Math.min(update.completedAt ?? now, now);
  if (isTerminal(status)) {
    row.blocked = false;
    journal.unsubscribe(row.id);
  }
  return row;
}

/** One that a node had, or that was suspended, is due at once: nobody else would look at it again. */
function dueOf(row: InstanceRecord, update: InstanceUpdate, now: number): number | null {
  const status = update.status ?? row.status;
  if (isTerminal(status)) return null;
  if (status === "Suspended") {
    const isAsked = [...row.inbox.values()].some(({ kind, consumedAt }) => kind !== "event" && consumedAt === null);
    return isAsked ? now : null;
  }
  if (row.blocked) return null;
  if (update.dueAt !== null) return update.dueAt;
  return row.owner !== null || row.status === "Suspended" ? now : row.dueAt;
}

function labelAnew(row: InstanceRecord, update: InstanceUpdate): void {
  const { description, reference, correlationId, tags } = update;
  const labels = { description, reference, correlationId, tags };
  for (const [field, value] of Object.entries(labels))
    if (isGiven(update, field as keyof typeof labels)) Object.assign(row, { [field]: value });
}

function listed(
  all: readonly InstanceRecord[],
  filter: CheckedInstanceFilter,
  page: CheckedPage,
): readonly InstanceRow[] {
  const newestFirst = all
    .filter((row) => passes(row, filter))
    .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
    .filter(({ createdAt, id }) => page.after === null || isBeyond(page.after, createdAt, id, "backwards"));
  return pageRows(newestFirst, page).map(instanceRow);
}

const changedAt = (row: InstanceRecord): number => Math.max(row.turnedAt, row.touchedAt ?? 0);

function passes(row: InstanceRecord, filter: CheckedInstanceFilter): boolean {
  const { createdFrom = 0, createdTo = Infinity, updatedFrom = 0, updatedTo = Infinity } = filter;
  const is = <T>(wanted: T | undefined, found: T): boolean => wanted === undefined || wanted === found;
  return (
    is(filter.definition, row.definition) &&
    is(filter.version, row.version) &&
    (filter.statuses?.includes(row.status) ?? true) &&
    row.createdAt >= createdFrom &&
    row.createdAt < createdTo &&
    changedAt(row) >= updatedFrom &&
    changedAt(row) < updatedTo &&
    is(filter.owner, row.owner) &&
    is<string | null>(filter.reference, row.reference) &&
    is<string | null>(filter.correlationId, row.correlationId) &&
    hasTags(row.tags, filter.tags)
  );
}

function hasTags(stored: string | null, wanted: string | undefined): boolean {
  const has = new Map(Object.entries(parseJson(stored) ?? {}));
  return Object.entries(parseJson(wanted ?? null) ?? {}).every(([name, text]) => has.get(name) === text);
}

const instanceRow = (row: InstanceRecord): InstanceRow => ({
  id: row.id,
  definition: row.definition,
  version: row.version,
  status: row.status,
  owner: row.owner,
  revision: row.revision,
  data: parseJson(row.data),
  result: parseJson(row.result),
  failure: parseJson(row.failure),
  reason: row.reason,
  description: row.description,
  reference: row.reference,
  correlationId: row.correlationId,
  tags: parseJson(row.tags),
  createdAt: row.createdAt,
  turnedAt: changedAt(row),
  completedAt: row.completedAt,
  dueAt: row.dueAt,
  cursor: { at: microsOf(row.createdAt), key: row.id },
});
