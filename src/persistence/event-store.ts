/** Events, and what waits for them: write, commit, then look, on both sides. */
export interface EventStore {
  /** Stores events; a repeated id changes nothing. Durable before anybody looks. Sorted by (bucket, id) by the caller. On a lane, if
   *  one is named. */
  publish(batch: readonly EventRow[], lane?: number): Promise<void>;
  /** Delivers events to all matching subscriptions of instances created before them: an inbox row once per (instance, event),
   *  `inboxSeq` + 1, due now if the instance is unowned and Runnable; then marks the events looked and numbers them, except those that
   *  start runs: their starts come back in `triggered`, and `start` marks them. */
  deliver(events: readonly EventRef[]): Promise<Delivery>;
  /** Starts runs, unowned and due, with the events' data, keys and times: as old as its event, a run sees what was published since, and
   *  it counts as having taken the event itself. In the same act marks the events looked; for one that was marked before, or a start
   *  whose id exists, nothing is started. All starts of an event are in one batch. Answers the ids of those started. Sorted by
   *  (bucket, id) by the caller. */
  start(batch: readonly TriggeredStart[], frontier: string): Promise<readonly string[]>;
  /** The other side: for committed subscriptions, delivers the oldest stored events (at most 100 each) that their instance was not
   *  given. Marks the subscriptions looked that now have all, and moves up what they have heard. */
  look(subscriptions: readonly SubscriptionRef[]): Promise<Delivery>;
  /** What a crash cut off: events not marked looked for longer than `olderMs`, in the order of their keys, the first `limit` behind
   *  `after`. */
  undelivered(olderMs: number, limit: number, after?: EventRef): Promise<readonly EventRef[]>;
  /** The same of subscriptions. */
  unlooked(olderMs: number, limit: number, after?: SubscriptionRef): Promise<readonly SubscriptionRef[]>;
  /** Deletes events older than `olderMs`, and marks of consumed events with them, in one bounded batch. */
  purge(olderMs: number, limit: number): Promise<number>;
}

export interface EventRef {
  /** Bucket of name and key. */
  readonly bucket: number;
  readonly id: string;
}

export interface EventRow extends EventRef {
  readonly topic: string;
  readonly name: string;
  readonly key: string | null;
  readonly data: string | null;
}

export interface SubscriptionRef {
  readonly bucket: number;
  readonly topic: string;
  readonly instanceBucket: number;
  readonly instance: string;
  readonly path: string;
}

export interface Delivery {
  /** How many inbox rows were written. */
  readonly delivered: number;
  /** Whether unowned instances became due. */
  readonly woke: boolean;
  /** Nodes that own instances which were given something. */
  readonly owners: readonly string[];
  /** What the events start, to be handed to `start`. */
  readonly triggered: readonly Triggered[];
}

/** A definition that an event starts. */
export interface Triggered {
  readonly event: EventRef;
  readonly definition: string;
  readonly version: number;
}

/** The same, with what the new instance is called. */
export interface TriggeredStart extends Triggered {
  readonly bucket: number;
  readonly id: string;
}
