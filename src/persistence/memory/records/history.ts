import { bucketOf } from "../../../models/identity.ts";
import { staticPath } from "../../../models/path.ts";
import type { CheckedHistoryFilter, HistoryPlace } from "../../../models/records/execution-history-entry.ts";
import type { CheckedPage, Cursor } from "../../../models/records/page.ts";
import type { RecordTables } from "../../record-tables.ts";
import { type HistoryRecord, type InstanceRecord, parseJson, type PointerRecord } from "../records.ts";
import type { Journal, RecordMemory } from "./journal.ts";
import { isBeyond, microsOf, pageRows } from "./pages.ts";
import { pointerRow } from "./pointers.ts";

type HistoryTables = Pick<RecordTables, "insertHistory" | "history" | "errors" | "resolve">;

/** Kinds of history that tell of a failure. */
const errorKinds: readonly string[] = ["error", "retry", "event-refused"];

/** What happened: a pointer that has ended, or an entry. */
interface Happened {
  readonly at: number;
  readonly key: string;
  readonly kind: string;
  readonly path: string | null;
  readonly place: HistoryPlace;
  readonly resolvedAt: number | null;
  readonly pointer: PointerRecord | null;
  readonly detail: string | null;
}

export function historyTables(memory: RecordMemory): HistoryTables {
  const find = (id: string): InstanceRecord | undefined =>
    memory.instances.get({ id, bucket: bucketOf(id, memory.buckets) });
  return {
    insertHistory: (rows) =>
      memory.act((now, journal) => {
        const missing = rows.map(({ instance }) => instance).filter((id) => find(id) === undefined);
        if (missing.length > 0) return [...new Set(missing)];
        for (const { instance, at, ...entry } of rows) {
          const row = find(instance);
          if (row !== undefined) journal.addHistory(row, { ...entry, createdAt: at ?? now, resolvedAt: null });
        }
        return [];
      }),
    history: (instance, filter, page) =>
      memory.act(() =>
        listed(
          happenedTo(find(instance)).filter((one) => passes(one, filter)),
          page,
        ).map((one) => ({
          place: one.place,
          kind: one.kind,
          path: one.path,
          at: one.at,
          detail: parseJson(one.detail),
          step: one.pointer === null ? null : pointerRow(one.pointer),
          cursor: cursorOf(one),
        })),
      ),
    errors: (instance, isResolved, page) =>
      memory.act(() => {
        const errors = happenedTo(find(instance))
          .filter(isError)
          .filter(({ resolvedAt }) => isResolved === undefined || (resolvedAt !== null) === isResolved);
        return listed(errors, page).map((one) => ({
          place: one.place,
          path: one.path,
          at: one.at,
          failure: parseJson(one.pointer === null ? one.detail : one.pointer.failure),
          resolvedAt: one.resolvedAt,
          cursor: cursorOf(one),
        }));
      }),
    resolve: (place) =>
      memory.act((now, journal) => {
        const row = find(place.instance);
        return row !== undefined && resolve(row, place, { now, journal });
      }),
  };
}

function resolve(
  row: InstanceRecord,
  place: HistoryPlace,
  { now, journal }: { now: number; journal: Journal },
): boolean {
  if ("path" in place) {
    const pointer = row.pointers.get(place.path);
    if (pointer?.status !== "Failed") return false;
    journal.setPointer(row, { ...pointer, resolvedAt: pointer.resolvedAt ?? now });
    return true;
  }
  const at = row.history.findIndex(({ revision, n }) => `${revision}` === place.revision && n === place.n);
  const entry = row.history[at];
  if (entry === undefined || !errorKinds.includes(entry.kind)) return false;
  journal.setHistory(row, at, { ...entry, resolvedAt: entry.resolvedAt ?? now });
  return true;
}

function happenedTo(row: InstanceRecord | undefined): readonly Happened[] {
  if (row === undefined) return [];
  const ended = [...row.pointers.values()].filter(({ status }) => status !== "Started");
  return [...ended.map((pointer) => stepOf(row.id, pointer)), ...row.history.map((entry) => entryOf(row.id, entry))];
}

const stepOf = (instance: string, pointer: PointerRecord): Happened => ({
  at: pointer.writtenAt,
  key: `p${digits(pointer.seq, 10)}${pointer.path}`,
  kind: "step",
  path: pointer.path,
  place: { instance, path: pointer.path },
  resolvedAt: pointer.resolvedAt,
  pointer,
  detail: null,
});

const entryOf = (instance: string, entry: HistoryRecord): Happened => ({
  at: entry.createdAt,
  key: `r${digits(BigInt(entry.revision) + 2n ** 62n, 19)}${digits(entry.n, 10)}`,
  kind: entry.kind,
  path: entry.path,
  place: { instance, revision: `${entry.revision}`, n: entry.n },
  resolvedAt: entry.resolvedAt,
  pointer: null,
  detail: entry.detail,
});

const digits = (value: number | bigint, length: number): string => `${value}`.padStart(length, "0");

const isError = ({ kind, pointer }: Happened): boolean =>
  pointer === null ? errorKinds.includes(kind) : pointer.status === "Failed" && pointer.failure !== null;

function passes(one: Happened, { step, types, from = 0, to = Infinity }: CheckedHistoryFilter): boolean {
  if (one.at < from || one.at >= to || types?.includes(one.kind) === false) return false;
  return step === undefined || one.path === step || (one.path !== null && staticPath(one.path) === step);
}

function listed(all: readonly Happened[], page: CheckedPage): readonly Happened[] {
  const oldestFirst = all
    .filter((one) => page.after === null || isBeyond(page.after, one.at, one.key))
    .sort((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1));
  return pageRows(oldestFirst, page);
}

const cursorOf = ({ at, key }: Happened): Cursor => ({ at: microsOf(at), key });
