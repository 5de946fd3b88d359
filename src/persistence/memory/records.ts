import type { WorkflowStatus } from "../../models/instance.ts";
import type { HistoryRow, PointerRow, SubscriptionRow } from "../../models/transition.ts";
import type { EventRow } from "../event-store.ts";
import type { InboxRow, NodeRegistration, NodeRow, StartRow } from "../provider.ts";

/** What memory keeps of an instance: its row, and what hangs from it. JSON is kept as the text that came, never as objects. */
export interface InstanceRecord extends Omit<StartRow, "own"> {
  status: WorkflowStatus;
  owner: string | null;
  epoch: number;
  revision: number;
  inboxSeq: number;
  /** Null while owned, parked without a timer, blocked, or ended. Changed only by `InstanceTable.schedule`. */
  dueAt: number | null;
  /** No live node knows the definition: out of the due index until `unblock`. */
  blocked: boolean;
  data: string;
  frontier: string;
  result: string | null;
  failure: string | null;
  reason: string | null;
  readonly createdAt: number;
  turnedAt: number;
  /** The last record-level write. */
  touchedAt: number | null;
  completedAt: number | null;
  /** Deaths of owners since the last committed transition outside the suspect lane. */
  crashes: number;
  /** The last committed transition said that the body of this suspect is about to run. */
  inLane: boolean;
  readonly pointers: Map<string, PointerRecord>;
  readonly history: HistoryRecord[];
  /** By source. Consumed rows stay as marks. */
  readonly inbox: Map<string, InboxRecord>;
}

export interface PointerRecord extends Omit<PointerRow, "write"> {
  readonly writtenAt: number;
  /** Somebody said that its failure is dealt with. */
  readonly resolvedAt: number | null;
}

export interface HistoryRecord extends Omit<HistoryRow, "kind"> {
  readonly kind: string;
  /** Of the transition that wrote it; digits below zero for one that was written as a record. */
  readonly revision: number | string;
  readonly n: number;
  readonly createdAt: number;
  readonly resolvedAt: number | null;
}

export interface InboxRecord extends Omit<InboxRow, "payload"> {
  readonly payload: string | null;
  consumedAt: number | null;
}

export interface EventRecord extends EventRow {
  readonly createdAt: number;
  looked: boolean;
  /** Given with its delivery. */
  number: number | null;
  /** Somebody said that it was dealt with. */
  processedAt: number | null;
}

export interface SubscriptionRecord extends Omit<SubscriptionRow, "heard"> {
  /** As `SubscriptionRow` has it; null if nothing can be known of it. */
  heard: number | null;
  readonly instanceBucket: number;
  readonly instance: string;
  /** Older events are not meant for it. */
  readonly since: number;
  readonly createdAt: number;
  looked: boolean;
}

export interface NodeRecord extends NodeRegistration {
  state: NodeRow["state"];
  beat: number;
  beatAt: number;
  /** When it was declared dead or retired. */
  endedAt: number | null;
}

/** Database time in milliseconds since the epoch. */
export type Clock = () => number;

export const parseJson = (text: string | null): unknown => (text === null ? null : JSON.parse(text));
