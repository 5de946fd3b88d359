import type { Failure } from "../models/failure.ts";
import type { Frontier } from "../models/frontier.ts";
import type { WorkflowStatus } from "../models/instance.ts";
import type { StoredValue } from "../models/stored-value.ts";
import type { HistoryRow, PointerRow, PrunedLap, SubscriptionKey, SubscriptionRow } from "../models/transition.ts";

/** What is decided about an instance: the part of its row that transitions change. */
export interface InstanceState {
  readonly status: WorkflowStatus;
  readonly frontier: Frontier;
  readonly data: StoredValue;
  readonly result?: StoredValue;
  readonly failure?: Failure;
  readonly reason?: string;
}

/** A pointer's value, or the pointer that holds it: an `if` has the value of the last step of the branch it took. */
export type Held = StoredValue | { readonly at: string };

/** A wait for an event, before the store's number of buckets places it. */
export type Subscribed = Omit<SubscriptionRow, "bucket">;
export type Unsubscribed = Omit<SubscriptionKey, "bucket">;

/** What `decide` answers: the state that comes next, and the facts that make it, to be committed as one transition. */
export interface Decision {
  readonly state: InstanceState;
  readonly dataChanged: boolean;
  readonly pointers: readonly PointerRow[];
  readonly history: readonly HistoryRow[];
  readonly subscribe: readonly Subscribed[];
  readonly unsubscribe: readonly Unsubscribed[];
  readonly consume: readonly string[];
  readonly prune: readonly PrunedLap[];
  /** Values that finished pointers hold, for those that somebody reads. */
  readonly values: ReadonlyMap<string, Held>;
  /** Items of the forEach containers that were entered. */
  readonly items: ReadonlyMap<string, StoredValue>;
  /** Containers whose inner values nobody reads any more. */
  readonly closed: readonly string[];
  /** Pointers that were cancelled: bodies of theirs that run get their signal. */
  readonly cancelled: readonly string[];
  /** Nothing was decided: neither rows nor a change of state. */
  readonly isIdle: boolean;
  /** The number of the last inbox row that was there when the inbox was decided. */
  readonly inboxSeen: number;
  /** The transition is full; go on with a `continue` fact after the commit. */
  readonly more: boolean;
}
