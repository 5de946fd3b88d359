import type {
  HistoryRow,
  PointerRow,
  PrunedLap,
  SubscriptionKey,
  SubscriptionRow,
  Transition,
} from "../../models/transition.ts";
import { pointerStatusCodes } from "../../models/transition.ts";
import { statusCodes } from "../../models/instance.ts";
import { type Column, plainColumn, plainOrNullColumn, quotedColumn } from "./columns.ts";

/** How what becomes of the ownership is told to the commit statements. */
export const releaseCodes: { readonly [R in Transition["release"]]: number } = {
  keep: 0,
  park: 1,
  yield: 2,
  end: 3,
  halt: 4,
};

/** A row that goes with a transition, and the ordinal of that one in the batch, from 1. */
export interface Child<R> {
  readonly n: number;
  readonly row: R;
}

export interface Children {
  readonly inserted: readonly Child<PointerRow>[];
  readonly updated: readonly Child<PointerRow>[];
  readonly history: readonly (Child<HistoryRow> & { readonly place: number })[];
  readonly subscribed: readonly Child<SubscriptionRow>[];
  readonly unsubscribed: readonly Child<SubscriptionKey>[];
  readonly consumed: readonly Child<string>[];
  readonly pruned: readonly Child<PrunedLap>[];
}

/** Whether all that these transitions write beside their instance is new pointers, as nearly every batch does. */
export const isNarrow = (batch: readonly Transition[]): boolean =>
  batch.every(
    (transition) =>
      transition.history.length === 0 &&
      transition.subscribe.length === 0 &&
      transition.unsubscribe.length === 0 &&
      transition.consume.length === 0 &&
      transition.prune.length === 0 &&
      transition.pointers.every((pointer) => pointer.write === "insert"),
  );

export const insertedOf = (batch: readonly Transition[]): readonly Child<PointerRow>[] => {
  const inserted: Child<PointerRow>[] = [];
  let n = 0;
  for (const transition of batch) {
    n += 1;
    for (const row of transition.pointers) if (row.write === "insert") inserted.push({ n, row });
  }
  return inserted;
};

export function childrenOf(batch: readonly Transition[]): Children {
  const each = <R>(rowsOf: (transition: Transition) => readonly R[]): (Child<R> & { readonly place: number })[] =>
    batch.flatMap((transition, index) => rowsOf(transition).map((row, place) => ({ n: index + 1, row, place })));
  return {
    inserted: insertedOf(batch),
    updated: each((transition) => transition.pointers.filter((pointer) => pointer.write === "update")),
    history: each((transition) => transition.history),
    subscribed: each((transition) => transition.subscribe),
    unsubscribed: each(goneSubscriptions),
    consumed: each((transition) => transition.consume),
    pruned: each((transition) => transition.prune),
  };
}

/** What is given up and asked for again stays: in one statement the new row would meet the old one, then go with it. */
function goneSubscriptions(transition: Transition): readonly SubscriptionKey[] {
  if (transition.unsubscribe.length === 0 || transition.subscribe.length === 0) return transition.unsubscribe;
  return transition.unsubscribe.filter(
    (old) =>
      !transition.subscribe.some(
        (row) => row.bucket === old.bucket && row.topic === old.topic && row.path === old.path,
      ),
  );
}

/** What both commit statements are given of each transition. */
export const transitionColumns: readonly Column<Transition>[] = [
  plainColumn("b int", (row) => row.bucket),
  plainColumn("i uuid", (row) => row.id),
  plainColumn("owner uuid", (row) => row.owner),
  plainColumn("epoch bigint", (row) => row.epoch),
  plainColumn("revision bigint", (row) => row.revision),
  plainColumn("status smallint", (row) => statusCodes[row.status]),
  plainColumn("release smallint", (row) => releaseCodes[row.release]),
  plainOrNullColumn("lane boolean", (row) => (row.lane ? true : null)),
  quotedColumn("frontier jsonb", (row) => row.frontier),
  quotedColumn("data jsonb", (row) => row.data),
  quotedColumn("result jsonb", (row) => row.result),
  quotedColumn("failure jsonb", (row) => row.failure),
  quotedColumn("reason text", (row) => row.reason),
  plainOrNullColumn("due_in float8", (row) => (row.release === "park" ? row.dueIn : null)),
  plainOrNullColumn("due_at float8", (row) => (row.release === "park" ? row.dueAt : null)),
  plainOrNullColumn("seen bigint", (row) => (row.release === "park" || row.release === "halt" ? row.inboxSeen : null)),
];

/** What they are given of each row of a pointer. */
export const pointerColumns: readonly Column<Child<PointerRow>>[] = [
  plainColumn("n int", (child) => child.n),
  quotedColumn("path text", (child) => child.row.path),
  plainColumn("status smallint", (child) => pointerStatusCodes[child.row.status]),
  plainColumn("seq int", (child) => child.row.seq),
  plainColumn("attempts int", (child) => child.row.attempts),
  plainColumn("took_ms bigint", (child) => Math.round(child.row.tookMs)),
  quotedColumn("input jsonb", (child) => child.row.input),
  quotedColumn("outcome jsonb", (child) => child.row.outcome),
  quotedColumn("patch jsonb", (child) => child.row.patch),
  quotedColumn("failure jsonb", (child) => child.row.failure),
  quotedColumn("below jsonb", (child) => child.row.below),
];
