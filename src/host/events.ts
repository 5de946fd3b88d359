import type { Environment } from "../models/environment.ts";
import { inLockOrder } from "../models/identity.ts";
import { maxTransitionBytes } from "../models/limits.ts";
import type { Delivery, EventRef, EventRow, SubscriptionRef, Triggered } from "../persistence/event-store.ts";
import type { EngineStore } from "../persistence/provider.ts";
import { startTriggered } from "../persistence/triggered-starts.ts";
import type { Notices } from "../telemetry/notices.ts";
import { type BatchLimits, Batcher } from "./batcher.ts";
import type { Sending } from "./sender.ts";
import type { Hints } from "./hints.ts";
import { Lanes } from "./lanes.ts";
import { persistently } from "./persist.ts";

interface Publication {
  readonly row: EventRow;
  /** Its key is the publisher's: it may meet it in a transaction that is open, and wait for its end. */
  readonly isKeyed: boolean;
}

export interface EventEars {
  /** Instances that nobody owned became due. */
  woke(): void;
  /** Instances of this node were given something. */
  mail(): void;
  /** Runs were started that any node may take. */
  started(): void;
}

const refs = { items: 500, weight: 500, weigh: () => 1 } as const;
const publications: BatchLimits<Publication> = {
  items: 500,
  weight: maxTransitionBytes,
  weigh: ({ row }) => row.data?.length ?? 0,
};
const publishGivesUpMs = 30_000;
const sweptAtOnce = 500;
/** How long a sweep waits for what it has taken up before it goes on to the next. */
const sweptWithinMs = 2_000;

/**
 * Write, commit, then look, on both sides: an event is stored, then subscriptions are looked for; a subscription is stored, then
 * events are. One must see the other. What a crash cuts off between the two, the sweep finishes.
 */
export class Events {
  /** Of each kind one batch is under way at a time: so what this node publishes one after the other is delivered in that order, except
   *  for what has to wait for a transaction of somebody else, and goes aside. */
  private readonly lanes: readonly Lanes[];
  private readonly publishes: Batcher<Publication, undefined>;
  private readonly deliveries: Batcher<EventRef, undefined>;
  private readonly looks: Batcher<SubscriptionRef, undefined>;
  /** What sweeps have taken up, and is still under way. */
  private readonly swept = new Set<string>();
  private readonly from: EventParts;

  constructor(from: EventParts) {
    this.from = from;
    const { env, store, signal } = from;
    const lane = (): Lanes => new Lanes(env, 1);
    const [publishLane, asideLane, delivering, looking] = [lane(), lane(), lane(), lane()];
    this.lanes = [publishLane, asideLane, delivering, looking];
    const delivery = { env, what: "Delivering events", signal };
    const publishing: Sending<Publication, undefined> = {
      env,
      signal,
      what: "Publishing events",
      giveUpMs: publishGivesUpMs,
      inOrder: (a, b) => inLockOrder(a.row, b.row),
      act: (batch) => this.store(batch),
    };
    this.publishes = new Batcher(
      publishLane,
      publications,
      publishing,
      store.sideLane === undefined ? publishLane : asideLane,
    );
    this.deliveries = new Batcher(delivering, refs, {
      ...delivery,
      act: async (batch) => this.delivered(batch, await store.events.deliver(batch)),
    });
    this.looks = new Batcher(looking, refs, {
      ...delivery,
      act: async (batch) => this.told(batch, await store.events.look(batch)),
    });
  }

  /** Resolves once the event is durable; it is delivered right after. */
  async publish(row: EventRow, isKeyed: boolean): Promise<void> {
    await this.publishes.add({ row, isKeyed });
    this.deliveries.add({ bucket: row.bucket, id: row.id }).catch((error: unknown) => this.leftToSweep(error));
  }

  /** A committed subscription looks for events that were there before it. */
  look(subscription: SubscriptionRef): void {
    this.looks.add(subscription).catch((error: unknown) => this.leftToSweep(error));
  }

  /** Takes up what was cut off for longer than so many milliseconds. */
  async sweep(olderMs: number): Promise<void> {
    const { events } = this.from.store;
    await this.takeUpAll(
      (after?: EventRef) => events.undelivered(olderMs, sweptAtOnce, after),
      (event) => this.takeUp(event.id, () => this.deliveries.add(event)),
    );
    await this.takeUpAll(
      (after?: SubscriptionRef) => events.unlooked(olderMs, sweptAtOnce, after),
      (one) => this.takeUp(`${one.instance} ${one.path}`, () => this.looks.add(one)),
    );
  }

  /** Page by page. What is held up is not waited for: it goes on beside the rest. */
  private async takeUpAll<T>(list: (after?: T) => Promise<readonly T[]>, takeUp: (one: T) => Promise<void>) {
    const { env, signal } = this.from;
    for (let page = await list(); page.length > 0 && !signal.aborted;) {
      const done = new AbortController();
      void Promise.all(page.map(takeUp)).then(() => done.abort());
      await env.sleep(sweptWithinMs, done.signal);
      page = page.length < sweptAtOnce ? [] : await list(page.at(-1));
    }
  }

  /** Once at a time: the next sweep finds what is held up again. */
  private async takeUp(key: string, add: () => Promise<undefined>): Promise<void> {
    if (this.swept.has(key)) return;
    this.swept.add(key);
    await add().catch((error: unknown) => this.leftToSweep(error));
    this.swept.delete(key);
  }

  async drained(): Promise<void> {
    for (const lanes of this.lanes) await lanes.drained(); // what is published is delivered after
  }

  private async store(batch: readonly Publication[]): Promise<readonly undefined[]> {
    const { events, sideLane } = this.from.store;
    const mayWait = batch.some(({ isKeyed }) => isKeyed);
    await events.publish(
      batch.map(({ row }) => row),
      mayWait ? sideLane : undefined,
    );
    return batch.map(() => undefined);
  }

  private async delivered<T>(batch: readonly T[], delivery: Delivery): Promise<undefined[]> {
    const answers = this.told(batch, delivery);
    if (delivery.triggered.length > 0) await this.start(delivery.triggered);
    return answers;
  }

  /** Runs that events start belong to nobody yet. Others are told also if none is new: an earlier answer may have been lost. */
  private async start(triggered: readonly Triggered[]): Promise<void> {
    const { env, store, signal, notices, ears } = this.from;
    const patience = { env, what: "Starting runs for events", signal };
    const started = await startTriggered(store, triggered, (call) => persistently(patience, call));
    for (const { id, definition: workflow, version } of notices.isHeard ? started : [])
      notices.tell({ kind: "run-started", instanceId: id, workflow, version });
    ears.started();
  }

  private told<T>(batch: readonly T[], { woke, owners }: Delivery): undefined[] {
    const { ears, hints, owner } = this.from;
    if (woke) {
      ears.woke();
      hints.due();
    }
    for (const one of owners) {
      if (one === owner) ears.mail();
      else hints.inbox(one);
    }
    return batch.map(() => undefined);
  }

  private leftToSweep(error: unknown): void {
    this.from.env.logger.warn("Events are left to the next sweep", { error: String(error) });
  }
}

export interface EventParts {
  readonly store: EngineStore;
  readonly env: Environment;
  readonly hints: Hints;
  readonly owner: string;
  readonly notices: Notices;
  readonly ears: EventEars;
  readonly signal: AbortSignal;
}
