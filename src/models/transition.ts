import type { RequestKind, WorkflowStatus } from "./instance.ts";

/**
 * The facts that one turn commits, whole or not at all. JSON columns are canonical JSON text (`StoredValue.json`), null where
 * there is nothing to store or nothing changed.
 */
export interface Transition {
  readonly bucket: number;
  readonly id: string;
  /** The fence: who commits, and the epoch and revision that it saw. */
  readonly owner: string;
  readonly epoch: number;
  readonly revision: number;
  readonly status: WorkflowStatus;
  /** New data; null leaves what is stored. */
  readonly data: string | null;
  readonly frontier: string;
  readonly result: string | null;
  readonly failure: string | null;
  readonly reason: string | null;
  /** What becomes of the ownership. `keep`: goes on. `park`: given up until the timer, a message or a request.
   *  `yield`: given up and due at once, for any node. `end`: the instance is terminal. `halt`: parked without a timer, and
   *  messages do not wake it (Suspended). */
  readonly release: "keep" | "park" | "yield" | "end" | "halt";
  /** For `park`, and for `keep` if nothing of it is ready: milliseconds until the earliest timer that this transition set, from
   *  its commit. */
  readonly dueIn: number | null;
  /** As `dueIn`: the earliest older timer, database clock in milliseconds since the epoch. */
  readonly dueAt: number | null;
  /** For `park`: the instance's `inboxSeq` up to which the owner has seen its inbox. */
  readonly inboxSeen: number;
  /** This transition marks that the body of a suspect instance is about to run (see "Poison" in DESIGN). */
  readonly lane: boolean;
  readonly pointers: readonly PointerRow[];
  readonly history: readonly HistoryRow[];
  readonly subscribe: readonly SubscriptionRow[];
  readonly unsubscribe: readonly SubscriptionKey[];
  /** Inbox rows taken by this transition. Events stay as marks, so that none is delivered to this instance again. */
  readonly consume: readonly string[];
  /** Laps of loops whose rows are not to be kept any more. */
  readonly prune: readonly PrunedLap[];
}

/** A lap that is over, and which of its pointers' rows stay: none, or those that a compensation may still need (all that are started, and
 *  those with a `below` unless they are compensated). */
export interface PrunedLap {
  /** The path of the lap, as in `poll/while#7`. */
  readonly block: string;
  readonly keep: "nothing" | "stacked";
}

export type PointerStatus = "Started" | "Complete" | "Failed" | "Cancelled" | "Compensated";

/** How pointer statuses are stored; the numbers are for ever. */
export const pointerStatusCodes: { readonly [S in PointerStatus]: number } = {
  Started: 0,
  Complete: 1,
  Failed: 2,
  Cancelled: 3,
  Compensated: 4,
};

/** A pointer that has finished (or, for a container whose items must be kept and for a long step, started). It is its own
 *  history entry. */
export interface PointerRow {
  readonly path: string;
  /** `insert`: a new row; `update`: the row of a pointer that was written as started, or of one that is now compensated. */
  readonly write: "insert" | "update";
  readonly status: PointerStatus;
  /** Number in order of completion within the instance; 0 while started. */
  readonly seq: number;
  readonly attempts: number;
  readonly input: string | null;
  readonly outcome: string | null;
  readonly patch: string | null;
  readonly failure: string | null;
  /** Milliseconds that the last attempt took. */
  readonly tookMs: number;
  /** For a compensable step: the next older one of its stack (JSON of a `StackHead`), and for a saga its inner stack. */
  readonly below: string | null;
}

/** What is not a step: a retry, an error, an operator's act, a takeover. */
export interface HistoryRow {
  readonly kind: "retry" | "error" | RequestKind | "quarantine" | "event-refused";
  readonly path: string | null;
  /** Canonical JSON. */
  readonly detail: string | null;
}

export interface SubscriptionKey {
  /** Bucket of name and key. */
  readonly bucket: number;
  /** Hash of name and key. */
  readonly topic: string;
  readonly path: string;
}

export interface SubscriptionRow extends SubscriptionKey {
  readonly name: string;
  readonly key: string | null;
  /** The instance has been given all events of the topic that are numbered up to here: it looks for later ones. 0: for all. */
  readonly heard: number;
}

/** Characters of payload in a transition: about what it weighs on the wire. */
export function weightOf({ data, frontier, result, failure, pointers, history }: Transition): number {
  let weight = frontier.length + lengthOf(data) + lengthOf(result) + lengthOf(failure);
  for (const row of pointers)
    weight += lengthOf(row.input) + lengthOf(row.outcome) + lengthOf(row.patch) + lengthOf(row.failure);
  for (const row of history) weight += lengthOf(row.detail);
  return weight;
}

const lengthOf = (text: string | null): number => text?.length ?? 0;
