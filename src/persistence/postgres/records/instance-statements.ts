import type { CheckedPage } from "../../../models/records/page.ts";
import {
  type CheckedInstanceFilter,
  type EndAndLabels,
  givenBits,
  type InstanceInsert,
  type InstanceUpdate,
} from "../../../models/records/workflow-instance-data.ts";
import { isTerminal, statusCodes } from "../../../models/instance.ts";
import type { Statement } from "../../database.ts";
import type { InstanceRef } from "../../provider.ts";
import { at } from "../picking.ts";
import { plain, plainOrNull, quoted } from "../columns.ts";
import type { Tables } from "../tables.ts";
import { Conditions, fromMicros, fromMs, instanceColumns } from "./columns.ts";

/** Nothing was decided yet: the first claim enters the workflow. */
const unbegun = `{"format":1,"pointers":{}}`;

export type Placed<R> = R & { readonly bucket: number };

/** The columns that follow in the order of `EndAndLabels`. */
const endAndLabels = (rows: readonly EndAndLabels[]): readonly (string | null)[] => [
  quoted(rows, (row) => row.result),
  quoted(rows, (row) => row.failure),
  quoted(rows, (row) => row.reason),
  quoted(rows, (row) => row.description),
  quoted(rows, (row) => row.reference),
  quoted(rows, (row) => row.correlationId),
  quoted(rows, (row) => row.tags),
];

/**
 * Stores all or nothing: where ids exist already, they are answered and nothing is inserted. The answer is brought into the batch's
 * order by whoever asked: a join of the batch with what was inserted may be a nested loop over both.
 */
export const insertInstances = (t: Tables, rows: readonly Placed<InstanceInsert>[]): Statement => ({
  name: "record-instance-insert",
  text: `with u as materialized (
      select u.*, ${t.clock} as now
      from unnest($1::int[], $2::uuid[], $3::text[], $4::int[], $5::smallint[], $6::jsonb[], $7::float8[], $8::float8[], $9::float8[],
        $10::jsonb[], $11::jsonb[], $12::text[], $13::text[], $14::text[], $15::text[], $16::jsonb[]) with ordinality
        as u(b, i, definition, version, status, data, created, completed, due, result, failure, reason, description, reference,
          correlation, tags, n)),
    known as (select w.id from u cross join lateral (select w.id from ${t.instance} w where w.bucket = u.b and w.id = u.i offset 0) w),
    fresh as (
      insert into ${t.instance} (bucket, id, definition, version, status, data, created_at, turned_at, completed_at, due_at, result,
        failure, reason, description, reference, correlation_id, tags, frontier)
      select b, i, definition, version, status, data, least(${fromMs("created")}, now), now,
        case when status >= 2 then least(${fromMs("completed")}, now) end,
        case when status = 0 then coalesce(${fromMs("due")}, now) end,
        result, failure, reason, description, reference, correlation, tags, '${unbegun}'::jsonb
      from u where not exists (select from known) order by b, i
      returning *)
    select k.ids as known, ${instanceColumns("w")}
    from (select array(select id from known) as ids) k left join fresh w on true`,
  values: [
    plain(rows, (row) => row.bucket),
    plain(rows, (row) => row.id),
    quoted(rows, (row) => row.definition),
    plain(rows, (row) => row.version),
    plain(rows, (row) => statusCodes[row.status]),
    quoted(rows, (row) => row.data),
    plainOrNull(rows, (row) => row.createdAt),
    plainOrNull(rows, (row) => row.completedAt),
    plainOrNull(rows, (row) => row.dueAt),
    ...endAndLabels(rows),
  ],
});

const { description, reference, correlationId, tags, reason, result, failure } = givenBits;

/** What an ended instance is asked to become, beyond what it is. */
const reopens = `w.status >= 2 and (u.status <> w.status or u.data <> w.data or u.due is not null
          or ((u.given & ${result}) <> 0 and u.result is distinct from w.result)
          or ((u.given & ${failure}) <> 0 and u.failure is distinct from w.failure)
          or ((u.given & ${reason}) <> 0 and u.reason is distinct from w.reason)
          or ${fromMs("u.completed")} <> date_trunc('milliseconds', w.completed_at))`;

const given = (bit: number, column: string, otherwise: string): string =>
  `case when (s.given & ${bit}) <> 0 then s.${column} else ${otherwise} end`;

/**
 * Changes all or nothing. Rows are locked first, in the order of the engine's batches, and judged as the lock finds them; then each is
 * taken from its owner: epoch and revision go up, so the transition that the owner sends next is refused. One that a node had, or that
 * was suspended, is due at once, since nobody else would look at it again; one that is blocked waits for its definition. A suspended
 * one is due only for requests that lie in its inbox (asked with an offset, or all inboxes may be hashed). `turned_at` stays: the frontier's newest timers count from it.
 */
export const updateInstances = (t: Tables, rows: readonly Placed<InstanceUpdate>[]): Statement => ({
  name: "record-instance-update",
  text: `with u as materialized (
      select u.*, ${t.clock} as now
      from unnest($1::int[], $2::uuid[], $3::bigint[], $4::smallint[], $5::jsonb[], $6::float8[], $7::float8[], $8::jsonb[], $9::jsonb[],
        $10::text[], $11::text[], $12::text[], $13::text[], $14::jsonb[], $15::int[]) with ordinality
        as u(b, i, revision, status, data, due, completed, result, failure, reason, description, reference, correlation, tags, given, n)
      order by b, i),
    seen as materialized (
      select u.*, w.status as old_status, w.revision as old_revision, w.owner as old_owner, coalesce(u.status, w.status) as new_status,
        case when ${reopens} then 'ended' when u.revision <> w.revision then 'stale' end as refused,
        exists (select from ${t.inbox} x where x.bucket = w.bucket and x.instance = w.id and not x.taken and x.kind <> 'event' offset 0) as asked
      from u cross join lateral (
        select w.* from ${t.instance} w where w.bucket = u.b and w.id = u.i for no key update of w) w),
    own as (
      update ${t.instance} w set
        epoch = w.epoch + (s.old_status < 2)::int, revision = w.revision + 1, owner = null, lane = false,
        status = s.new_status, touched_at = s.now, data = coalesce(s.data, w.data), blocked = w.blocked and s.new_status < 2,
        due_at = case when s.new_status >= 2 then null
          when s.new_status = 1 then case when s.asked then s.now end
          when w.blocked then null
          when s.due is not null then ${fromMs("s.due")}
          when s.old_owner is not null or s.old_status = 1 then s.now
          else w.due_at end,
        completed_at = case when s.new_status < 2 then null when s.old_status >= 2 then w.completed_at
          else least(${fromMs("s.completed")}, s.now) end,
        result = ${given(result, "result", "w.result")}, failure = ${given(failure, "failure", "w.failure")},
        reason = ${given(reason, "reason", "case when s.new_status > 0 or s.old_status = 0 then w.reason end")},
        description = ${given(description, "description", "w.description")},
        reference = ${given(reference, "reference", "w.reference")},
        correlation_id = ${given(correlationId, "correlation", "w.correlation_id")},
        tags = ${given(tags, "tags", "w.tags")}
      from seen s
      where ${at("w.bucket", "s.b")} and w.id = s.i
        and (select count(*) from seen where refused is null) = cardinality($2::uuid[])
      returning w.*),
    unsubscribed as (
      delete from ${t.subscription} x using own o where o.status >= 2 and ${at("x.instance::text", "o.id::text")})
    select k.seen, ${instanceColumns("w")}
    from (select case when (select count(*) from seen where refused is null) < cardinality($2::uuid[]) then
        array(select jsonb_build_object('id', i, 'status', old_status, 'revision', old_revision, 'refused', refused) from seen) end
        as seen) k left join own w on true`,
  values: [
    plain(rows, (row) => row.bucket),
    plain(rows, (row) => row.id),
    plainOrNull(rows, (row) => row.revision),
    plainOrNull(rows, (row) => (row.status === null ? null : statusCodes[row.status])),
    quoted(rows, (row) => row.data),
    plainOrNull(rows, (row) => row.dueAt),
    plainOrNull(rows, (row) => row.completedAt),
    ...endAndLabels(rows),
    plain(rows, (row) => row.given),
  ],
});

export const readInstance = (t: Tables, { bucket, id }: InstanceRef): Statement => ({
  name: "record-instance-read",
  text: `select ${instanceColumns("w")} from ${t.instance} w where w.bucket = $1 and w.id = $2`,
  values: [bucket, id],
});

/** Newest first, along the index of births. */
export function listInstances(t: Tables, filter: CheckedInstanceFilter, page: CheckedPage): Statement {
  const changed = "greatest(w.turned_at, w.touched_at)";
  const where = new Conditions()
    .addIf("w.definition = $", filter.definition)
    .addIf("w.version = $", filter.version)
    .addIf(
      "w.status = any($::smallint[])",
      filter.statuses?.map((status) => statusCodes[status]),
    )
    .addIf(`w.created_at >= ${fromMs("$::float8")}`, filter.createdFrom)
    .addIf(`w.created_at < ${fromMs("$::float8")}`, filter.createdTo)
    .addIf(`${changed} >= ${fromMs("$::float8")}`, filter.updatedFrom)
    .addIf(`${changed} < ${fromMs("$::float8")}`, filter.updatedTo)
    .addIf("w.reference = $", filter.reference)
    .addIf("w.correlation_id = $", filter.correlationId)
    .addIf("w.tags @> $::jsonb", filter.tags);
  // Says what the statuses imply, in the words of the partial indexes.
  if (filter.statuses?.every(isTerminal) === true) where.plain("w.completed_at is not null");
  if (filter.statuses?.every((status) => !isTerminal(status)) === true) where.plain("w.completed_at is null");
  if (filter.statuses?.every((status) => status === "Failed" || status === "Terminated") === true)
    where.plain("w.status >= 3");
  if (filter.owner === null) where.plain("w.owner is null");
  else if (filter.owner !== undefined) where.add("w.owner = $::uuid and w.completed_at is null", filter.owner);
  if (page.after !== null) {
    const at = fromMicros(where.value(page.after.at));
    // The first condition is what the index of births can begin at; those of one time are told apart by the second.
    where.plain(`w.created_at <= ${at} and (w.created_at, w.id) < (${at}, ${where.value(page.after.key)}::uuid)`);
  }
  return {
    name: "",
    text: `select ${instanceColumns("w")} from ${t.instance} w where ${where.text}
      order by w.created_at desc, w.id desc limit ${where.value(page.limit + 1)} offset ${where.value(page.offset)}`,
    values: where.values,
  };
}

/** What `claim` would take, whatever the definition. */
export const runnableInstances = (t: Tables, buckets: number, limit: number): Statement => ({
  name: "record-instance-runnable",
  text: `select ${instanceColumns("w")} from generate_series(0, $1::int - 1) as b(bucket)
    cross join lateral (select w.* from ${t.instance} w
                        where w.bucket = b.bucket and w.due_at <= ${t.clock} and w.status = 0 and w.owner is null
                        order by w.due_at limit $2) as w
    order by w.due_at, w.id limit $2`,
  values: [buckets, limit],
});

/** Whoever commits, delivers or writes to the instance waits for the end of the transaction, and then finds nothing. */
export const lockInstances = (t: Tables, refs: readonly InstanceRef[]): Statement => ({
  name: "record-instance-lock",
  text: `select w.bucket, w.id from (select * from unnest($1::int[], $2::uuid[]) as u(b, i) order by b, i offset 0) u
    cross join lateral (select w.bucket, w.id from ${t.instance} w where w.bucket = u.b and w.id = u.i for update of w) w`,
  values: [plain(refs, (ref) => ref.bucket), plain(refs, (ref) => ref.id)],
});

/** All that hangs on instances, and they themselves. Their rows are locked, so this statement sees all that was committed to them. */
export function deleteInstances(t: Tables, refs: readonly InstanceRef[]): Statement {
  const hanging = (name: string, table: string): string => `${name} as (
      delete from ${table} x using u where ${at("x.bucket", "u.bucket")} and x.instance = u.id)`;
  return {
    name: "record-instance-delete",
    text: `with u as materialized (select * from unnest($1::int[], $2::uuid[]) as u(bucket, id)),
    ${hanging("pointers", t.pointer)},
    ${hanging("told", t.history)},
    ${hanging("inboxes", t.inbox)},
    waiting as (delete from ${t.subscription} x using u where ${at("x.instance::text", "u.id::text")}),
    gone as (delete from ${t.instance} w using u where ${at("w.bucket", "u.bucket")} and w.id = u.id returning 1)
    select count(*)::int as deleted from gone`,
    values: [plain(refs, (ref) => ref.bucket), plain(refs, (ref) => ref.id)],
  };
}
