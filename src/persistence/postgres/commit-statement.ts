import { insideOf } from "../../models/path.ts";
import type { Transition } from "../../models/transition.ts";
import { pointerStatusCodes } from "../../models/transition.ts";
import type { Statement } from "../database.ts";
import { childrenOf, insertedOf, isNarrow, pointerColumns, transitionColumns } from "./commit-columns.ts";
import { listsOf, manyRows, namesOf, oneRow, plain, quoted, valuesOf } from "./columns.ts";
import { at } from "./picking.ts";
import type { Tables } from "./tables.ts";

export interface CommitAnswer {
  readonly now: number;
  /** Ordinals, from 1. */
  readonly refused: readonly number[];
}

/** Where a commit statement has its transitions and their new pointers from, and how a pointer `c` finds the key of its instance. */
interface Source {
  readonly transitions: string;
  readonly pointers: string;
  readonly bucket: string;
  readonly instance: string;
  readonly count: string;
}

const firstPointer = transitionColumns.length + 1;

const many: Source = {
  transitions: `${manyRows(transitionColumns, 1)} with ordinality`,
  pointers: manyRows(pointerColumns, firstPointer),
  bucket: "($1::int[])[c.n]",
  instance: "($2::uuid[])[c.n]",
  count: "cardinality($1::int[])",
};

/** One transition with one new pointer, as plain values: the server reads them faster than arrays of one. */
const one: Source = {
  transitions: oneRow(transitionColumns, 1, ", 1"),
  pointers: oneRow(pointerColumns, firstPointer),
  bucket: "$1",
  instance: "$2",
  count: "1",
};

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
const commitInstances = (t: Tables, from: Source): string => `own as (
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
            from ${from.transitions} as u(${namesOf(transitionColumns)}, n)
            offset 0) t
      where ${at("w.bucket", "t.b")} and w.id = t.i and w.owner is not distinct from t.owner and w.epoch = t.epoch and w.revision = t.revision
      returning t.n::int as n),
    inserted as (
      insert into ${t.pointer} (bucket, instance, path, status, seq, attempts, took_ms, input, outcome, patch, failure, below, ended_at)
      select ${from.bucket}, ${from.instance}, c.path, c.status, c.seq, c.attempts, c.took_ms,
        c.input, c.outcome, c.patch, c.failure, c.below, ${t.clock}
      from ${from.pointers} as c(${namesOf(pointerColumns)})
      where (c.n in (select n from own)) is true)`;

const answer = (t: Tables, from: Source): string => `select ${t.clockMs} as now,
      array(select n from generate_series(1, ${from.count}) n where (n in (select n from own)) is not true) as refused`;

/** For batches of which each transition has no more than its instance and new pointers. */
const commitNarrow = (t: Tables, from: Source): string => `with ${commitInstances(t, from)}
    ${answer(t, from)}`;

/**
 * For all others. A subscription carries its instance's time of birth, since no older event is meant for it; it is committed with
 * the transition that waits, and looks for events afterwards. Inbox rows that were consumed stay as marks, so that neither an event
 * nor a request can come twice. The rows of a lap that is not kept lie side by side in the key; a started one among them is that of a
 * compensation that was cut off, and will be finished.
 */
const commitWide = (t: Tables): string => `with ${commitInstances(t, many)},
    updated as (
      update ${t.pointer} p set status = c.status, seq = greatest(p.seq, c.seq), attempts = greatest(p.attempts, c.attempts),
        took_ms = greatest(p.took_ms, c.took_ms), input = coalesce(c.input, p.input), outcome = coalesce(c.outcome, p.outcome),
        patch = coalesce(c.patch, p.patch), failure = coalesce(c.failure, p.failure), below = coalesce(c.below, p.below), ended_at = c.now
      from (select ($1::int[])[u.n] as bucket, ($2::uuid[])[u.n] as instance, u.*, ${t.clock} as now
            from ${manyRows(pointerColumns, 28)} as u(${namesOf(pointerColumns)})
            where (u.n in (select n from own)) is true offset 0) c
      where ${at("p.bucket", "c.bucket")} and p.instance = c.instance and p.path = c.path),
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
      where ${at("s.bucket", "c.bucket")} and s.topic = c.topic and s.instance = c.instance and s.path = c.path),
    consumed as (
      update ${t.inbox} x set taken = true
      from (select ($1::int[])[u.n] as bucket, ($2::uuid[])[u.n] as instance, u.source from unnest($54::int[], $55::text[]) as u(n, source)
            where (u.n in (select n from own)) is true offset 0) c
      where ${at("x.bucket", "c.bucket")} and x.instance = c.instance and x.source = c.source),
    pruned as (
      delete from ${t.pointer} p
      using (select ($1::int[])[u.n] as bucket, ($2::uuid[])[u.n] as instance, u.* from unnest($56::int[], $57::text[], $58::text[], $59::boolean[])
               as u(n, first, last, whole)
             where (u.n in (select n from own)) is true offset 0) c
      where ${at("p.bucket", "c.bucket")} and p.instance = c.instance and p.path > c.first and p.path < c.last
        and (c.whole or (p.status <> ${pointerStatusCodes.Started} and (p.below is null or p.status = ${pointerStatusCodes.Compensated}))))
    ${answer(t, many)}`;

export type CommitBatch = (batch: readonly Transition[]) => Statement;

export const commitTransitions = (t: Tables): CommitBatch => statementOf(t, "instance-commit", "");

/** How long a transaction that holds its instance's row may stand still before its COMMIT. */
const longestPauseMs = 5_000;

/**
 * As the last statement of a step's own transaction, which then holds the row of its instance. A process that freezes before its
 * COMMIT must not hold it for ever, or nobody could take the instance over: the server ends the session.
 */
export const commitInside = (t: Tables): CommitBatch =>
  statementOf(
    t,
    "instance-commit-inside",
    `, set_config('idle_in_transaction_session_timeout', '${longestPauseMs}', true)`,
  );

function statementOf(t: Tables, name: string, more: string): CommitBatch {
  const texts = { one: commitNarrow(t, one) + more, narrow: commitNarrow(t, many) + more, wide: commitWide(t) + more };
  return (batch) => {
    if (!isNarrow(batch)) return { name: `${name}-wide`, text: texts.wide, values: wideValues(batch) };
    const inserted = insertedOf(batch);
    const [transition] = batch;
    const [pointer] = inserted;
    if (transition !== undefined && pointer !== undefined && batch.length + inserted.length === 2) {
      const values = [...valuesOf(transitionColumns, transition), ...valuesOf(pointerColumns, pointer)];
      return { name: `${name}-one`, text: texts.one, values };
    }
    const values = [...listsOf(transitionColumns, batch), ...listsOf(pointerColumns, inserted)];
    return { name, text: texts.narrow, values };
  };
}

function wideValues(batch: readonly Transition[]): readonly (string | null)[] {
  const { inserted, updated, history, subscribed, unsubscribed, consumed, pruned } = childrenOf(batch);
  return [
    ...listsOf(transitionColumns, batch),
    ...listsOf(pointerColumns, inserted),
    ...listsOf(pointerColumns, updated),
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
