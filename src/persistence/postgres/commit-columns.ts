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
import { plain, plainOrNull, quoted } from "./columns.ts";

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

/** $1 to $14 of both commit statements. */
export const transitionColumns = (batch: readonly Transition[]): readonly (string | null)[] => [
  plain(batch, (row) => row.bucket),
  plain(batch, (row) => row.id),
  plain(batch, (row) => row.owner),
  plain(batch, (row) => row.epoch),
  plain(batch, (row) => row.revision),
  plain(batch, (row) => statusCodes[row.status]),
  plain(batch, (row) => releaseCodes[row.release]),
  plainOrNull(batch, (row) => (row.lane ? true : null)),
  quoted(batch, (row) => row.frontier),
  quoted(batch, (row) => row.data),
  quoted(batch, (row) => row.result),
  quoted(batch, (row) => row.failure),
  quoted(batch, (row) => row.reason),
  plainOrNull(batch, (row) => (row.release === "park" ? row.dueIn : null)),
  plainOrNull(batch, (row) => (row.release === "park" ? row.dueAt : null)),
  plainOrNull(batch, (row) => (row.release === "park" || row.release === "halt" ? row.inboxSeen : null)),
];

/** Twelve columns of pointer rows. */
export const pointerColumns = (rows: readonly Child<PointerRow>[]): readonly (string | null)[] => [
  plain(rows, (child) => child.n),
  quoted(rows, (child) => child.row.path),
  plain(rows, (child) => pointerStatusCodes[child.row.status]),
  plain(rows, (child) => child.row.seq),
  plain(rows, (child) => child.row.attempts),
  plain(rows, (child) => Math.round(child.row.tookMs)),
  quoted(rows, (child) => child.row.input),
  quoted(rows, (child) => child.row.outcome),
  quoted(rows, (child) => child.row.patch),
  quoted(rows, (child) => child.row.failure),
  quoted(rows, (child) => child.row.below),
];
