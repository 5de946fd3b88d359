import { insideOf } from "../../models/path.ts";
import type { Transition } from "../../models/transition.ts";
import { pointerStatusCodes } from "../../models/transition.ts";
import type { Statement } from "../database.ts";
import { childrenOf, insertedOf, isNarrow, pointerColumns, transitionColumns } from "./commit-columns.ts";
import { plain, quoted } from "./columns.ts";
import type { Tables } from "./tables.ts";

export interface CommitAnswer {
  readonly now: number;
  /** Ordinals, from 1. */
  readonly refused: readonly number[];
}

/**
 * Commits a batch of transitions, each if its fence holds: (owner, epoch, revision) as the row's lock finds them. Everything that
 * goes with a transition is written only if `own` has its ordinal; `(x in (select ..)) is true` is a hashed subplan in any plan,
 * where a join would be a nested loop over both.
 *
 * The race between parking and waking: whoever puts something into the inbox adds 1 to `inbox_seq` under the row's lock, and makes
 * the row due only if it is unowned. So the owner that parks compares `inbox_seq` with what it has seen, under the same lock.
 * The same holds for a halt, where only requests wake: a request that came before it must not wait for the next one.
 *
 * The fence is made of columns of the batch, never constants, and the owner is compared by `is not distinct from`: otherwise the
 * planner may prefer the index of open instances to the key. Both clocks are computed in the derived table, outside of any CASE.
 */
const commitInstances = (t: Tables): string => `own as (
      update ${t.instance} w set
        revision = t.revision + 1, status = t.status, frontier = t.frontier, data = coalesce(t.data, w.data),
        result = t.result, failure = t.failure, reason = t.reason, turned_at = t.now,
        owner = case when t.release = 0 then w.owner end,
        due_at = case t.release
          when 1 then case when w.inbox_seq > t.seen then t.now else least(t.due_in, t.due_at) end
          when 2 then t.now
          when 4 then case when w.inbox_seq > t.seen then t.now end end,
        completed_at = case when t.release = 3 then t.now end,
        crashes = case when t.lane then w.crashes else 0 end, lane = t.lane is true
      from (select u.n, u.b, u.i, u.owner, u.epoch, u.revision, u.status, u.release, u.lane, u.frontier, u.data, u.result, u.failure,
              u.reason, u.seen, ${t.clock} as now, ${t.clock} + u.due_in * interval '1 ms' as due_in, to_timestamp(u.due_at / 1000) as due_at
            from unnest($1::int[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::smallint[], $7::smallint[], $8::boolean[],
              $9::jsonb[], $10::jsonb[], $11::jsonb[], $12::jsonb[], $13::text[], $14::float8[], $15::float8[], $16::bigint[])
              with ordinality as u(b, i, owner, epoch, revision, status, release, lane,
              frontier, data, result, failure, reason, due_in, due_at, seen, n)
            offset 0) t
      where w.bucket = t.b and w.id = t.i and w.owner is not distinct from t.owner and w.epoch = t.epoch and w.revision = t.revision
      returning t.n::int as n),
    inserted as (
      insert into ${t.pointer} (bucket, instance, path, status, seq, attempts, took_ms, input, outcome, patch, failure, below, ended_at)
      select ($1::int[])[c.n], ($2::uuid[])[c.n], c.path, c.status, c.seq, c.attempts, c.took_ms,
        c.input, c.outcome, c.patch, c.failure, c.below, ${t.clock}
      from unnest($17::int[], $18::text[], $19::smallint[], $20::int[], $21::int[], $22::bigint[],
        $23::jsonb[], $24::jsonb[], $25::jsonb[], $26::jsonb[], $27::jsonb[])
        as c(n, path, status, seq, attempts, took_ms, input, outcome, patch, failure, below)
      where (c.n in (select n from own)) is true)`;

const answer = (t: Tables): string => `select ${t.clockMs} as now,
      array(select n from generate_series(1, cardinality($1::int[])) n where (n in (select n from own)) is not true) as refused`;

/** For batches of which each transition has no more than its instance and new pointers. */
export const commitNarrow = (t: Tables): string => `with ${commitInstances(t)}
    ${answer(t)}`;

/**
 * For all others. A subscription carries its instance's time of birth, since no older event is meant for it; it is committed with
 * the transition that waits, and looks for events afterwards. Inbox rows that were consumed stay as marks, so that neither an event
 * nor a request can come twice. The rows of a lap that is not kept lie side by side in the key; a started one among them is that of a
 * compensation that was cut off, and will be finished.
 */
export const commitWide = (t: Tables): string => `with ${commitInstances(t)},
    updated as (
      update ${t.pointer} p set status = c.status, seq = greatest(p.seq, c.seq), attempts = greatest(p.attempts, c.attempts),
        took_ms = greatest(p.took_ms, c.took_ms), input = coalesce(c.input, p.input), outcome = coalesce(c.outcome, p.outcome),
        patch = coalesce(c.patch, p.patch), failure = coalesce(c.failure, p.failure), below = coalesce(c.below, p.below), ended_at = c.now
      from (select ($1::int[])[u.n] as bucket, ($2::uuid[])[u.n] as instance, u.*, ${t.clock} as now
            from unnest($28::int[], $29::text[], $30::smallint[], $31::int[], $32::int[], $33::bigint[],
              $34::jsonb[], $35::jsonb[], $36::jsonb[], $37::jsonb[], $38::jsonb[])
              as u(n, path, status, seq, attempts, took_ms, input, outcome, patch, failure, below)
            where (u.n in (select n from own)) is true offset 0) c
      where p.bucket = c.bucket and p.instance = c.instance and p.path = c.path),
    told as (
      insert into ${t.history} (bucket, instance, revision, n, at, kind, path, detail)
      select ($1::int[])[c.n], ($2::uuid[])[c.n], ($5::bigint[])[c.n] + 1, c.place, ${t.clock}, c.kind, c.path, c.detail
      from unnest($39::int[], $40::int[], $41::text[], $42::text[], $43::jsonb[]) as c(n, place, kind, path, detail)
      where (c.n in (select n from own)) is true),
    subscribed as (
      insert into ${t.subscription} (bucket, topic, instance, path, instance_bucket, since, created_at, name, key, heard)
      select c.bucket, c.topic, ($2::uuid[])[c.n], c.path, ($1::int[])[c.n],
        (select w.created_at from ${t.instance} w where w.bucket = ($1::int[])[c.n] and w.id = ($2::uuid[])[c.n]), ${t.clock}, c.name, c.key, c.heard
      from unnest($44::int[], $45::int[], $46::uuid[], $47::text[], $48::text[], $49::text[], $60::bigint[]) as c(n, bucket, topic, path, name, key, heard)
      where (c.n in (select n from own)) is true
      on conflict (bucket, topic, instance, path) do update set looked = false, created_at = excluded.created_at),
    unsubscribed as (
      delete from ${t.subscription} s
      using (select ($2::uuid[])[u.n] as instance, u.* from unnest($50::int[], $51::int[], $52::uuid[], $53::text[]) as u(n, bucket, topic, path)
             where (u.n in (select n from own)) is true offset 0) c
      where s.bucket = c.bucket and s.topic = c.topic and s.instance = c.instance and s.path = c.path),
    consumed as (
      update ${t.inbox} x set taken = true
      from (select ($1::int[])[u.n] as bucket, ($2::uuid[])[u.n] as instance, u.source from unnest($54::int[], $55::text[]) as u(n, source)
            where (u.n in (select n from own)) is true offset 0) c
      where x.bucket = c.bucket and x.instance = c.instance and x.source = c.source),
    pruned as (
      delete from ${t.pointer} p
      using (select ($1::int[])[u.n] as bucket, ($2::uuid[])[u.n] as instance, u.* from unnest($56::int[], $57::text[], $58::text[], $59::boolean[])
               as u(n, first, last, whole)
             where (u.n in (select n from own)) is true offset 0) c
      where p.bucket = c.bucket and p.instance = c.instance and p.path > c.first and p.path < c.last
        and (c.whole or (p.status <> ${pointerStatusCodes.Started} and (p.below is null or p.status = ${pointerStatusCodes.Compensated}))))
    ${answer(t)}`;

export type CommitBatch = (batch: readonly Transition[]) => Statement;

export const commitTransitions = (t: Tables): CommitBatch =>
  statementOf("instance-commit", commitNarrow(t), commitWide(t));

/** How long a transaction that holds its instance's row may stand still before its COMMIT. */
const longestPauseMs = 5_000;

/**
 * As the last statement of a step's own transaction, which then holds the row of its instance. A process that freezes before its
 * COMMIT must not hold it for ever, or nobody could take the instance over: the server ends the session.
 */
export function commitInside(t: Tables): CommitBatch {
  const guard = `, set_config('idle_in_transaction_session_timeout', '${longestPauseMs}', true)`;
  return statementOf("instance-commit-inside", commitNarrow(t) + guard, commitWide(t) + guard);
}

const statementOf =
  (name: string, narrow: string, wide: string): CommitBatch =>
  (batch) =>
    isNarrow(batch)
      ? { name, text: narrow, values: [...transitionColumns(batch), ...pointerColumns(insertedOf(batch))] }
      : { name: `${name}-wide`, text: wide, values: [...transitionColumns(batch), ...childColumns(batch)] };

function childColumns(batch: readonly Transition[]): readonly (string | null)[] {
  const { inserted, updated, history, subscribed, unsubscribed, consumed, pruned } = childrenOf(batch);
  return [
    ...pointerColumns(inserted),
    ...pointerColumns(updated),
    plain(history, (child) => child.n),
    plain(history, (child) => child.place),
    quoted(history, (child) => child.row.kind),
    quoted(history, (child) => child.row.path),
    quoted(history, (child) => child.row.detail),
    plain(subscribed, (child) => child.n),
    plain(subscribed, (child) => child.row.bucket),
    plain(subscribed, (child) => child.row.topic),
    quoted(subscribed, (child) => child.row.path),
    quoted(subscribed, (child) => child.row.name),
    quoted(subscribed, (child) => child.row.key),
    plain(unsubscribed, (child) => child.n),
    plain(unsubscribed, (child) => child.row.bucket),
    plain(unsubscribed, (child) => child.row.topic),
    quoted(unsubscribed, (child) => child.row.path),
    plain(consumed, (child) => child.n),
    quoted(consumed, (child) => child.row),
    plain(pruned, (child) => child.n),
    quoted(pruned, (child) => insideOf(child.row.block).from),
    quoted(pruned, (child) => insideOf(child.row.block).to),
    plain(pruned, (child) => child.row.keep === "nothing"),
    plain(subscribed, (child) => child.row.heard),
  ];
}
