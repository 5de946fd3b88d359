import type { Statement } from "../database.ts";
import type { ClaimRequest, InstanceRef } from "../provider.ts";
import { plain, quoted } from "./columns.ts";
import { isLive } from "./node-statements.ts";
import { at, inKeyOrder, passingBy, stillSo } from "./picking.ts";
import { toMs, type Tables } from "./tables.ts";

export interface ClaimedRow {
  readonly bucket: number;
  readonly id: string;
  readonly definition: string;
  readonly version: number;
  readonly status: number;
  readonly epoch: number;
  readonly revision: number;
  readonly inboxSeq: number;
  readonly data: unknown;
  readonly frontier: unknown;
  readonly turnedAt: number;
  readonly createdAt: number;
  readonly crashes: number;
}

const claimed = `w.bucket, w.id, w.definition, w.version, w.status, w.epoch, w.revision, w.inbox_seq as "inboxSeq", w.data, w.frontier,
      ${toMs("w.turned_at")} as "turnedAt", ${toMs("w.created_at")} as "createdAt", w.crashes`;

/** What a definition is called in a node's row and in claims. */
const runs = (row: string): string => `(${row}.definition || '@' || ${row}.version)`;

/**
 * Claims what is due, first bucket first. The lateral probe touches only the head of each bucket's due index; `skip locked` lets
 * nodes claim side by side; the CTE is materialized because a re-run sub-select would claim past the limit. A node that was declared
 * dead claims nothing, and what it claims in the same instant is found by the next sweep of its instances. Always one row or more:
 * the clock comes also when nothing is due.
 */
export const claimDue = (t: Tables, request: ClaimRequest): Statement => ({
  name: "claim-due",
  text: `with due as materialized (
      select i.bucket, i.id from unnest($2::int[]) as b(bucket)
      cross join lateral (select w.bucket, w.id from ${t.instance} w
                          where w.bucket = b.bucket and w.due_at <= ${t.clock} and ${runs("w")} = any($3::text[])
                          order by w.due_at limit $4${passingBy(t, "for no key update")}) as i
      where ${isLive(t, "$1")}
      limit $4),
    taken as (
      update ${t.instance} w set owner = $1, epoch = w.epoch + 1, due_at = null
      from ${inKeyOrder(t, "due")} due where ${at("w.bucket", "due.bucket")} and w.id = due.id${stillSo(t, `w.due_at <= ${t.clock}`)}
      returning ${claimed})
    select c.now, taken.* from (select ${t.clockMs} as now) c left join taken on true`,
  values: [
    request.owner,
    plain(request.buckets, (bucket) => bucket),
    quoted(request.definitions, (name) => name) ?? "{}",
    request.limit,
  ],
});

/** Waits for the row's lock rather than skipping it: whoever holds it gives up or takes the ownership, and either is seen. */
export const claimInstance = (t: Tables, owner: string, ref: InstanceRef): Statement => ({
  name: "claim-one",
  text: `update ${t.instance} w set owner = $1, epoch = w.epoch + 1, due_at = null, blocked = false
    where w.bucket = $2 and w.id = $3 and w.owner is null and w.status < 2 and ${isLive(t, "$1")}
    returning ${claimed}`,
  values: [owner, ref.bucket, ref.id],
});

/** How many due instances a bucket's head is searched for one of the wanted definitions. */
const headLength = 20;
const blindWaitMs = 1000;

/**
 * The earliest due time, bucket by bucket from the head of its due index. Only the head is searched, or a node would read all timers
 * of definitions that it does not run. Where the whole head is of such, the answer is the earliest time at which one of the wanted
 * may be due: too early perhaps, never too late; and not the past, which would be asked for again at once.
 */
export const nextDue = (t: Tables, buckets: number, definitions: readonly string[]): Statement => ({
  name: "next-due",
  text: `select c.now, min(least(${toMs("h.wanted")}, case when h.count = ${headLength} and h.wanted is null
        then greatest(${toMs("h.last")}, c.now + ${blindWaitMs}) end)) as "dueAt"
    from (select ${t.clockMs} as now) c cross join generate_series(0, $1::int - 1) as b(bucket)
    left join lateral (
      select min(i.due_at) filter (where i.runs = any($2::text[])) as wanted, max(i.due_at) as last, count(*) as count
      from (select w.due_at, ${runs("w")} as runs from ${t.instance} w
            where w.bucket = b.bucket and w.due_at is not null order by w.due_at limit ${headLength}) as i) as h on true
    group by c.now`,
  values: [buckets, quoted(definitions, (name) => name) ?? "{}"],
});

/**
 * Gives up what a node owns but does not hold, as a claim leaves it whose answer was lost. The epoch fences off the node itself,
 * should it hold one after all; and one that it has claimed anew while this waited for the row stays. What somebody else's transaction
 * holds is passed by, since all claims of the node wait for this one: it is looked for again.
 */
export const disownStrays = (t: Tables, buckets: number, owner: string, held: readonly string[]): Statement => ({
  name: "claim-disown",
  text: `with strays as (
      update ${t.instance} w set owner = null, epoch = w.epoch + 1, due_at = s.now, lane = false
      from (select i.bucket, i.id, i.epoch, ${t.clock} as now from generate_series(0, $1::int - 1) as b(bucket)
            cross join lateral (select o.bucket, o.id, o.epoch from ${t.instance} o
                                where o.bucket = b.bucket and o.owner = $2 and o.completed_at is null and (o.id = any($3::uuid[])) is not true offset 0${passingBy(t, "for no key update")}) as i
            offset 0) s
      where ${at("w.bucket", "s.bucket")} and w.id = s.id and w.owner = $2 and w.epoch = s.epoch and w.completed_at is null
      returning 1)
    select count(*)::int as disowned from strays`,
  values: [buckets, owner, plain(held, (id) => id)],
});

/**
 * Takes out of the due index what nobody here can run: only the heads of the buckets, where it stands in the way of claims. A node
 * that registers the definition in the same instant misses it, so those who run it ask again by and by. Nothing else is locked, or a
 * claim that was told of a row in this instant would pass it by.
 */
export const blockUnknown = (t: Tables, buckets: number, known: readonly string[], limit: number): Statement => ({
  name: "claim-block",
  text: `with found as materialized (
      select i.bucket, i.id from generate_series(0, $1::int - 1) as b(bucket)
      cross join lateral (
        select h.bucket, h.id from (
          select w.bucket, w.id, ${runs("w")} as runs from ${t.instance} w
          where w.bucket = b.bucket and w.due_at <= ${t.clock}
          order by w.due_at limit $3) as h
        where (h.runs = any($2::text[])) is not true) as i
      limit $3),
    unknown as materialized (
      select w.bucket, w.id from found f join ${t.instance} w on ${at("w.bucket", "f.bucket")} and w.id = f.id
      where (w.due_at <= ${t.clock}) is true${passingBy(t, "for no key update of w")}),
    blocked as (
      update ${t.instance} w set due_at = null, blocked = true
      from ${inKeyOrder(t, "unknown")} u where ${at("w.bucket", "u.bucket")} and w.id = u.id${stillSo(t, `w.due_at <= ${t.clock}`)}
      returning 1)
    select count(*)::int as blocked from blocked`,
  values: [buckets, quoted(known, (name) => name) ?? "{}", limit],
});

/** What was asked of an instance that is blocked, by whoever could not carry it out any more. */
export const blockedAsked = (t: Tables, limit: number): Statement => ({
  name: "claim-asked",
  text: `select w.bucket, w.id from ${t.instance} w
    where w.blocked and exists (select from ${t.inbox} x where ${at("x.bucket", "w.bucket")} and x.instance = w.id and not x.taken
        and (x.kind = 'terminate' or x.kind in ('suspend', 'resume') and not exists (select from ${t.inbox} c
          where ${at("c.bucket", "w.bucket")} and c.instance = w.id and not c.taken and c.kind = 'compensate' and c.seq < x.seq offset 0)) offset 0)
    limit $1`,
  values: [limit],
});

export const unblockKnown = (t: Tables, definitions: readonly string[], limit: number): Statement => ({
  name: "claim-unblock",
  text: `with known as materialized (
      select w.bucket, w.id from ${t.instance} w
      where w.blocked and ${runs("w")} = any($1::text[])
      order by w.bucket, w.id limit $2${passingBy(t, "for no key update")}),
    unblocked as (
      update ${t.instance} w set due_at = k.now, blocked = false
      from (select known.*, ${t.clock} as now from ${inKeyOrder(t, "known")} known offset 0) k
      where ${at("w.bucket", "k.bucket")} and w.id = k.id${stillSo(t, "w.blocked")}
      returning 1)
    select count(*)::int as unblocked from unblocked`,
  values: [quoted(definitions, (name) => name) ?? "{}", limit],
});
