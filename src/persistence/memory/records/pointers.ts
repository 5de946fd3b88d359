import { bucketOf } from "../../../models/identity.ts";
import { isTerminal } from "../../../models/instance.ts";
import type { PointerWrite } from "../../../models/records/execution-pointer-data.ts";
import type { PointerRecordRow, RecordTables } from "../../record-tables.ts";
import { type InstanceRecord, parseJson, type PointerRecord } from "../records.ts";
import type { RecordMemory } from "./journal.ts";
import { pageRows } from "./pages.ts";

type PointerTables = Pick<RecordTables, "insertPointers" | "updatePointers" | "pointer" | "pointers" | "active">;

export function pointerTables(memory: RecordMemory): PointerTables {
  const find = (id: string): InstanceRecord | undefined =>
    memory.instances.get({ id, bucket: bucketOf(id, memory.buckets) });
  const sorted = (id: string): PointerRecord[] =>
    [...(find(id)?.pointers.values() ?? [])].sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    insertPointers: (instance, rows) =>
      memory.act((now, journal) => {
        const row = find(instance);
        if (row === undefined) return { status: null, paths: [] };
        const paths = rows.map(({ path }) => path).filter((path) => row.pointers.has(path));
        if (paths.length > 0) return { status: row.status, paths };
        take(memory, journal.change(row), now);
        for (const write of rows) journal.setPointer(row, made(write, now));
        return { status: row.status, paths };
      }),
    updatePointers: (instance, rows) =>
      memory.act((now, journal) => {
        const row = find(instance);
        if (row === undefined) return { status: null, paths: [] };
        const paths = rows.map(({ path }) => path).filter((path) => !row.pointers.has(path));
        if (paths.length > 0 || isTerminal(row.status)) return { status: row.status, paths };
        take(memory, journal.change(row), now);
        for (const write of rows) {
          const before = row.pointers.get(write.path);
          if (before !== undefined) journal.setPointer(row, changed(before, write, now));
        }
        return { status: row.status, paths };
      }),
    pointer: (instance, path) =>
      memory.act(() => {
        const found = find(instance)?.pointers.get(path);
        return found === undefined ? null : pointerRow(found);
      }),
    pointers: (instance, page) =>
      memory.act(() => {
        const rows = sorted(instance).filter(({ path }) => page.after === null || path > page.after.key);
        return pageRows(rows, page).map(pointerRow);
      }),
    active: (instance) =>
      memory.act(() => {
        const row = find(instance);
        if (row === undefined) return null;
        const started = sorted(instance).filter(({ status }) => status === "Started");
        return { frontier: parseJson(row.frontier), turnedAt: row.turnedAt, started: started.map(pointerRow) };
      }),
  };
}

/** From its owner, who may hold values of its pointers in memory. One that has ended has none. */
function take(memory: RecordMemory, row: InstanceRecord, now: number): void {
  if (isTerminal(row.status)) return;
  const dueAt = row.owner === null ? row.dueAt : now;
  row.epoch += 1;
  row.revision += 1;
  row.inLane = false;
  row.touchedAt = now;
  memory.instances.free(row, dueAt);
}

function made(write: PointerWrite, now: number): PointerRecord {
  const status = write.status ?? (write.endedAt === null ? "Started" : "Complete");
  const endedAt = write.endedAt ?? (status === "Started" ? write.startedAt : null) ?? now;
  return {
    path: write.path,
    status,
    seq: write.seq ?? 0,
    attempts: write.attempts ?? 1,
    input: write.input,
    outcome: write.outcome,
    patch: null,
    failure: write.failure,
    below: null,
    tookMs: Math.max(endedAt - (write.startedAt ?? endedAt), 0),
    writtenAt: endedAt,
    resolvedAt: null,
  };
}

function changed(before: PointerRecord, write: PointerWrite, now: number): PointerRecord {
  const status = write.status ?? before.status;
  const startedAt = write.startedAt ?? before.writtenAt - before.tookMs;
  const stood = before.status === "Started" ? now : before.writtenAt;
  const endedAt = status === "Started" ? startedAt : (write.endedAt ?? stood);
  return {
    ...before,
    status,
    seq: write.seq ?? before.seq,
    attempts: write.attempts ?? before.attempts,
    input: write.input ?? before.input,
    outcome: write.outcome ?? before.outcome,
    failure: write.failure ?? before.failure,
    tookMs: Math.max(endedAt - startedAt, 0),
    writtenAt: endedAt,
  };
}

export const pointerRow = (pointer: PointerRecord): PointerRecordRow => ({
  path: pointer.path,
  status: pointer.status,
  seq: pointer.seq,
  attempts: pointer.attempts,
  endedAt: pointer.writtenAt,
  tookMs: pointer.tookMs,
  input: parseJson(pointer.input),
  outcome: parseJson(pointer.outcome),
  failure: parseJson(pointer.failure),
  cursor: { at: "0", key: pointer.path },
});
