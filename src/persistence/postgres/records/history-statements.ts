import type {
  CheckedHistoryFilter,
  HistoryInsert,
  HistoryPlace,
} from "../../../models/records/execution-history-entry.ts";
import type { CheckedPage } from "../../../models/records/page.ts";
import { pointerStatusCodes } from "../../../models/transition.ts";
import type { Statement } from "../../database.ts";
import type { InstanceRef } from "../../provider.ts";
import { plain, plainOrNull, quoted } from "../columns.ts";
import { toMs, type Tables } from "../tables.ts";
import { Conditions, fromMicros, fromMs, toMicros } from "./columns.ts";

/** All or nothing: answers the instances that do not exist. Their rows are locked so that none is deleted meanwhile; commits pass. */
export const insertHistory = (
  t: Tables,
  rows: readonly (HistoryInsert & { readonly bucket: number })[],
): Statement => ({
  name: "record-history-insert",
  text: `with u as materialized (
      select * from unnest($1::int[], $2::uuid[], $3::bigint[], $4::int[], $5::text[], $6::text[], $7::float8[], $8::jsonb[])
        as u(b, i, revision, n, kind, path, at, detail)),
    seen as materialized (
      select w.bucket, w.id from (select distinct b, i from u order by b, i offset 0) d cross join lateral (
        select w.bucket, w.id from ${t.instance} w where w.bucket = d.b and w.id = d.i for key share of w) w),
    missing as (select u.i from u where (u.i in (select id from seen)) is not true),
    told as (
      insert into ${t.history} (bucket, instance, revision, n, at, kind, path, detail)
      select b, i, revision, n, coalesce(${fromMs("at")}, ${t.clock}), kind, path, detail from u
      where not exists (select from missing))
    select distinct i as missing from missing`,
  values: [
    plain(rows, (row) => row.bucket),
    plain(rows, (row) => row.instance),
    plain(rows, (row) => row.revision),
    plain(rows, (row) => row.n),
    quoted(rows, (row) => row.kind),
    quoted(rows, (row) => row.path),
    plainOrNull(rows, (row) => row.at),
    quoted(rows, (row) => row.detail),
  ],
});

/** Rows of one time stand in the order of their completion, pointers first. A key never leaves this order. */
const pointerKey = `'p' || lpad(p.seq::text, 10, '0') || p.path`;
const historyKey = `'r' || lpad((h.revision + 4611686018427387904)::text, 19, '0') || lpad(h.n::text, 10, '0')`;

const pointerPart = (
  t: Tables,
  where: string,
): string => `select p.ended_at as at, ${pointerKey} collate "C" as key, 'step' as kind, p.path,
        null::text as revision, null::int as n, null::jsonb as detail, p.status, p.seq, p.attempts, p.took_ms, p.input, p.outcome,
        p.failure, p.resolved_at
      from ${t.pointer} p where p.bucket = $1 and p.instance = $2 and ${where}`;

const historyPart = (
  t: Tables,
  where: string,
): string => `select h.at, ${historyKey} collate "C" as key, h.kind, h.path,
        h.revision::text, h.n, h.detail, null, null, null, null, null, null, null, h.resolved_at
      from ${t.history} h where h.bucket = $1 and h.instance = $2 and ${where}`;

const columns = `x.key, x.kind, x.path, x.revision, x.n, x.detail, x.status, x.seq, x.attempts, x.took_ms as "tookMs", x.input, x.outcome,
      x.failure, ${toMs("x.at")} as "endedAt", ${toMicros("x.at")} as at, ${toMs("x.resolved_at")} as "resolvedAt"`;

export interface HistoryAnswer {
  readonly key: string;
  readonly kind: string;
  readonly path: string;
  readonly revision: string | null;
  readonly n: number | null;
  readonly detail: unknown;
  readonly status: number;
  readonly seq: number;
  readonly attempts: number;
  readonly tookMs: number;
  readonly input: unknown;
  readonly outcome: unknown;
  readonly failure: unknown;
  readonly endedAt: number;
  readonly at: string;
  readonly resolvedAt: number | null;
}

function union(parts: readonly string[], where: Conditions, page: CheckedPage): Statement {
  const { after } = page;
  const beyond =
    after === null
      ? "true"
      : `(x.at, x.key) > (${fromMicros(where.value(after.at))}, ${where.value(after.key)}::text collate "C")`;
  return {
    name: "",
    text: `select ${columns} from (${parts.join("\n      union all ")}) x where ${beyond}
      order by x.at, x.key limit ${where.value(page.limit + 1)} offset ${where.value(page.offset)}`,
    values: where.values,
  };
}

/** A path as it stands in the definition: items and laps without their numbers. */
const staticOf = (column: string): string =>
  `regexp_replace(regexp_replace(${column}, '\\[\\d+\\]', '[]', 'g'), '#\\d+', '#', 'g')`;

/** Pointers that have ended are history entries, and the table holds the rest. One instance's rows are read, by its key. */
export function listHistory(t: Tables, ref: InstanceRef, filter: CheckedHistoryFilter, page: CheckedPage): Statement {
  const where = new Conditions(ref.bucket, ref.id);
  const conditions = (row: "p" | "h", at: string): string => {
    const parts: string[] = row === "p" ? [`p.status <> ${pointerStatusCodes.Started}`] : ["true"];
    if (filter.step !== undefined) {
      const step = where.value(filter.step);
      parts.push(`(${row}.path = ${step} or ${staticOf(`${row}.path`)} = ${step})`);
    }
    if (filter.from !== undefined) parts.push(`${at} >= ${fromMs(`${where.value(filter.from)}::float8`)}`);
    if (filter.to !== undefined) parts.push(`${at} < ${fromMs(`${where.value(filter.to)}::float8`)}`);
    if (row === "h" && filter.types !== undefined)
      parts.push(`h.kind = any(${where.value([...filter.types])}::text[])`);
    return parts.join(" and ");
  };
  const parts = [historyPart(t, conditions("h", "h.at"))];
  if (filter.types?.includes("step") ?? true) parts.unshift(pointerPart(t, conditions("p", "p.ended_at")));
  else parts.unshift(pointerPart(t, "false")); // it names the columns
  return union(parts, where, page);
}

/** Kinds of history that tell of a failure. */
const errorKinds = "('error', 'retry', 'event-refused')";

export function listErrors(t: Tables, ref: InstanceRef, isResolved: boolean | undefined, page: CheckedPage): Statement {
  const resolved = (row: string): string =>
    isResolved === undefined ? "true" : `${row}.resolved_at is ${isResolved ? "not " : ""}null`;
  return union(
    [
      pointerPart(t, `p.status = ${pointerStatusCodes.Failed} and p.failure is not null and ${resolved("p")}`),
      historyPart(t, `h.kind in ${errorKinds} and ${resolved("h")}`),
    ],
    new Conditions(ref.bucket, ref.id),
    page,
  );
}

/** The first to say so counts. */
export function resolveError(t: Tables, bucket: number, place: HistoryPlace): Statement {
  const clock = `(select ${t.clock} as now offset 0) c`;
  if ("path" in place)
    return {
      name: "record-error-resolve-step",
      text: `update ${t.pointer} p set resolved_at = least(p.resolved_at, c.now) from ${clock}
        where p.bucket = $1 and p.instance = $2 and p.path = $3 and p.status = ${pointerStatusCodes.Failed} returning 1`,
      values: [bucket, place.instance, place.path],
    };
  return {
    name: "record-error-resolve",
    text: `update ${t.history} h set resolved_at = least(h.resolved_at, c.now) from ${clock}
      where h.bucket = $1 and h.instance = $2 and h.revision = $3 and h.n = $4 and h.kind in ${errorKinds} returning 1`,
    values: [bucket, place.instance, place.revision, place.n],
  };
}
