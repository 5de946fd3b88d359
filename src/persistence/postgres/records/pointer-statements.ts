import type { PointerWrite } from "../../../models/records/execution-pointer-data.ts";
import type { CheckedPage } from "../../../models/records/page.ts";
import { pointerStatusCodes } from "../../../models/transition.ts";
import type { Statement } from "../../database.ts";
import type { InstanceRef } from "../../provider.ts";
import { at } from "../picking.ts";
import { plainOrNull, quoted } from "../columns.ts";
import { toMs, type Tables } from "../tables.ts";
import { Conditions, fromMs, pointerColumns } from "./columns.ts";

/**
 * The key of a pointer is made of columns of the batch, never of constants, or the planner may read all pointers of the instance for
 * each of them. The limit of what is changed takes nothing away; by it the planner expects few, and hashes no table that it knows nothing
 * of. Both writes lock the instance first, and take it from its owner, who may hold values of these pointers in memory. An instance that
 * has ended has no owner to take it from.
 */
const begin = (t: Tables): string => `with u as materialized (
      select u.* from unnest($3::text[], $4::smallint[], $5::int[], $6::int[], $7::float8[], $8::float8[], $9::jsonb[], $10::jsonb[],
        $11::jsonb[]) as u(path, status, seq, attempts, started, ended, input, outcome, failure)),
    seen as materialized (
      select w.bucket, w.id, w.status, w.owner, ${t.clock} as now from ${t.instance} w where w.bucket = $1 and w.id = $2
      for no key update of w),
    known as (
      select p.path from (select s.bucket, s.id, u.path from seen s cross join u offset 0) k cross join lateral (
        select p.path from ${t.pointer} p where p.bucket = k.bucket and p.instance = k.id and p.path = k.path offset 0) p)`;

const take = (t: Tables, condition: string): string => `taken as (
      update ${t.instance} w set epoch = w.epoch + 1, revision = w.revision + 1, owner = null, lane = false, touched_at = s.now,
        due_at = case when s.owner is not null then s.now else w.due_at end
      from seen s where ${at("w.bucket", "s.bucket")} and w.id = s.id and s.status < 2 and ${condition})`;

export function insertPointers(t: Tables, ref: InstanceRef, rows: readonly PointerWrite[]): Statement {
  const free = "not exists (select from known)";
  return {
    name: "record-pointer-insert",
    text: `${begin(t)},
    ${take(t, free)},
    fresh as (
      insert into ${t.pointer} (bucket, instance, path, status, seq, attempts, ended_at, took_ms, input, outcome, failure)
      select s.bucket, s.id, v.path, v.status, v.seq, v.attempts, v.ended, greatest(${toMs("v.ended")} - coalesce(v.started, ${toMs("v.ended")}), 0),
        v.input, v.outcome, v.failure
      from seen s cross join lateral (
        select u.path, coalesce(u.status, case when u.ended is null then 0 else 1 end) as status, coalesce(u.seq, 0) as seq,
          coalesce(u.attempts, 1) as attempts, u.started,
          coalesce(${fromMs("u.ended")}, case when coalesce(u.status, 0) = 0 then ${fromMs("u.started")} end, s.now) as ended,
          u.input, u.outcome, u.failure from u) v
      where ${free})
    select s.status, array(select path from known) as paths from seen s`,
    values: pointerValues(ref, rows),
  };
}

export function updatePointers(t: Tables, ref: InstanceRef, rows: readonly PointerWrite[]): Statement {
  const all = "(select count(*) from known) = cardinality($3::text[])";
  const status = "coalesce(c.status, p.status)";
  const start = `coalesce(c.started, ${toMs("p.ended_at")} - p.took_ms)`;
  const end = `case when ${status} = 0 then ${start} when c.ended is not null then c.ended
          when p.status = 0 then ${toMs("c.now")} else ${toMs("p.ended_at")} end`;
  return {
    name: "record-pointer-update",
    text: `${begin(t)},
    ${take(t, all)},
    changed as (
      update ${t.pointer} p set status = ${status}, seq = coalesce(c.seq, p.seq), attempts = coalesce(c.attempts, p.attempts),
        ended_at = ${fromMs(`(${end})`)}, took_ms = greatest((${end}) - (${start}), 0), input = coalesce(c.input, p.input),
        outcome = coalesce(c.outcome, p.outcome), failure = coalesce(c.failure, p.failure)
      from (select s.bucket, s.id, s.now, u.* from seen s cross join u where s.status < 2 and ${all} limit cardinality($3::text[])) c
      where ${at("p.bucket", "c.bucket")} and p.instance = c.id and p.path = c.path)
    select s.status, array(select u.path from u where (u.path in (select path from known)) is not true) as paths from seen s`,
    values: pointerValues(ref, rows),
  };
}

const pointerValues = (ref: InstanceRef, rows: readonly PointerWrite[]): readonly unknown[] => [
  ref.bucket,
  ref.id,
  quoted(rows, (row) => row.path) ?? "{}",
  plainOrNull(rows, (row) => (row.status === null ? null : pointerStatusCodes[row.status])),
  plainOrNull(rows, (row) => row.seq),
  plainOrNull(rows, (row) => row.attempts),
  plainOrNull(rows, (row) => row.startedAt),
  plainOrNull(rows, (row) => row.endedAt),
  quoted(rows, (row) => row.input),
  quoted(rows, (row) => row.outcome),
  quoted(rows, (row) => row.failure),
];

export function listPointers(t: Tables, ref: InstanceRef, page: CheckedPage, path?: string): Statement {
  const where = new Conditions(ref.bucket, ref.id).plain("p.bucket = $1 and p.instance = $2");
  where.addIf("p.path = $", path).addIf("p.path > $", page.after?.key);
  return {
    name: "",
    text: `select ${pointerColumns("p")} from ${t.pointer} p where ${where.text}
      order by p.path limit ${where.value(page.limit + 1)} offset ${where.value(page.offset)}`,
    values: where.values,
  };
}

export const readFrontier = (t: Tables, ref: InstanceRef): Statement => ({
  name: "record-frontier-read",
  text: `select w.frontier, ${toMs("w.turned_at")} as "turnedAt" from ${t.instance} w where w.bucket = $1 and w.id = $2`,
  values: [ref.bucket, ref.id],
});

export const startedPointers = (t: Tables, ref: InstanceRef): Statement => ({
  name: "record-pointer-started",
  text: `select ${pointerColumns("p")} from ${t.pointer} p where p.bucket = $1 and p.instance = $2 and p.status = 0 order by p.path`,
  values: [ref.bucket, ref.id],
});
