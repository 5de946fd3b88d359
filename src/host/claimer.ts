import type { Environment, Timer } from "../models/environment.ts";
import { LiveInstance } from "../execution/live-instance.ts";
import type { Registry } from "../execution/registry.ts";
import type { ClaimedInstance, EngineStore, InboxRow, InstanceRef } from "../persistence/provider.ts";
import type { DatabaseClock } from "./clock.ts";
import { Loop } from "./loop.ts";
import { isLocked, isPassing } from "./persist.ts";
import type { Worker } from "./worker.ts";

export interface ClaimerParts {
  readonly store: EngineStore;
  readonly env: Environment;
  readonly clock: DatabaseClock;
  readonly registry: Registry;
  readonly owner: string;
  readonly worker: Worker;
  /** How many instances this node holds at a time. */
  readonly slots: number;
  readonly pollMs: number;
  readonly mayStart: () => boolean;
  /** Ids of all instances that this node holds, or has starts under way for. */
  readonly held: () => readonly string[];
  /** How many these are. */
  readonly busy: () => number;
  /** Something is due, and there may be no free slot here: others should ask for it. */
  readonly passOn: () => void;
}

const claimAtOnce = 200;

/** A node without a free slot tells the others of timers that are due no more often than this. */
const passOnEveryMs = 1_000;

/** How long a run is left alone whose row somebody else's transaction holds. */
const heldPauseMs = 5_000;

/**
 * What the database did after this node had stopped waiting for it is told by nobody: rows that name the node of which it does not know
 * are looked for again some time after each doubt, and now and then without any.
 */
const againMs = 10_000;
const doubtfulMs = 120_000;
const rarelyMs = 300_000;

/**
 * Takes due instances while there are free slots: when poked, when a timer of a parked instance is due, and by polling. All claims of
 * a node go one after the other, so that what a lost answer took is known by what is not held.
 */
export class Claimer {
  private readonly parts: ClaimerParts;
  private readonly loop: Loop;
  private nextDueAt = Infinity;
  /** The earliest timer that was set while the next one is asked for. */
  private setMeanwhile = Infinity;
  private firstBucket: number;
  /** By this node's clock: from when on timers are asked for. */
  private askDueAt = -Infinity;
  private passedOnAt = -Infinity;
  /** Slots for what a claim under way may bring. */
  private asked = 0;
  private alarm: Timer | undefined;
  private isStopped = false;
  private isHungry = false;
  /** Reasons to think that rows name this node of which it does not know: so many had come up, and so many were settled. */
  private doubts = 0;
  private settled = 0;
  private doubtedAt = -Infinity;
  private giveBackAt: number;
  private isGivingBack = false;
  private readonly wanted = new Map<string, InstanceRef>();
  /** Wanted, and left alone for a while. */
  private readonly leftAlone = new Set<string>();

  constructor(parts: ClaimerParts) {
    this.parts = parts;
    this.loop = new Loop(parts.env, "Claiming", () => this.claim());
    this.giveBackAt = parts.env.monotonic() + rarelyMs;
    this.firstBucket = Math.floor(parts.env.random() * parts.store.buckets);
  }

  start(): void {
    this.loop.start();
  }

  stop(): Promise<void> {
    this.isStopped = true;
    this.alarm?.cancel();
    return this.loop.stop();
  }

  poke(): void {
    this.loop.poke();
  }

  /** Slots that a claim under way may fill. */
  get reserved(): number {
    return this.asked;
  }

  /** A slot is free again: goes on if the last claim stopped for want of one. */
  slotFreed(): void {
    if (this.isHungry) this.loop.poke();
  }

  /** An instance was dropped whose row may still name this node: the next claim gives such rows back first. */
  unsure(): void {
    this.doubts += 1;
    this.loop.poke();
  }

  /** Takes this instance to carry out a request, whatever its definition, unless somebody else takes it first. */
  want(ref: InstanceRef): void {
    if (this.leftAlone.has(ref.id)) return;
    this.wanted.set(ref.id, ref);
    this.loop.poke();
  }

  /** Forgets what it knows of timers: others may have left some. */
  askAgain(): void {
    this.askDueAt = -Infinity;
    this.loop.poke();
  }

  /** An instance of these definitions is due at `instant`, by the database's clock. */
  expect(instant: number): void {
    this.setMeanwhile = Math.min(this.setMeanwhile, instant);
    if (instant >= this.nextDueAt || this.isStopped) return; // what parks while the node leaves is another's to wake
    this.nextDueAt = instant;
    this.alarm?.cancel();
    this.alarm = this.parts.env.later(this.parts.clock.until(instant), () => this.loop.poke());
  }

  private async claim(): Promise<number> {
    const { store, env, clock, owner, registry, worker, slots, busy, pollMs, mayStart } = this.parts;
    if (worker.isLeaving) return pollMs;
    if (this.settled < this.doubts || env.monotonic() >= this.giveBackAt) await this.giveBack();
    await this.takeWanted();
    const limit = Math.min(claimAtOnce, slots - busy());
    this.isHungry = limit <= 0;
    const definitions = registry.names();
    if (limit <= 0 && definitions.length > 0) return this.passOn();
    if (definitions.length === 0 || !mayStart()) return pollMs;
    const request = { owner, definitions, limit, buckets: this.rotated() };
    this.asked = limit;
    const { now, claimed } = await this.surely(async () => {
      const reply = await store.instances.claim(request);
      clock.observe(reply.now);
      await this.adopt(reply.claimed, reply.now);
      return reply;
    }).finally(() => (this.asked = 0));
    if (claimed.length >= limit) {
      this.isHungry = true;
      if (busy() < slots) this.loop.poke();
      return pollMs;
    }
    return this.pause(now);
  }

  /** Answers after how long to see to it again. */
  private passOn(): number {
    const { env, clock, pollMs, passOn } = this.parts;
    const dueMs = clock.until(this.nextDueAt);
    const waitMs = Math.max(dueMs, this.passedOnAt + passOnEveryMs - env.monotonic());
    if (waitMs > 0) return Math.min(pollMs, waitMs);
    this.passedOnAt = env.monotonic();
    this.nextDueAt = Infinity; // of those behind it the others learn as they ask
    this.askDueAt = -Infinity;
    passOn();
    return pollMs;
  }

  /** Requests are carried out whether there is a free slot or not. */
  private async takeWanted(): Promise<void> {
    for (const ref of this.wanted.values()) {
      try {
        await this.takeOne(ref);
      } catch (error) {
        if (!isLocked(error)) throw error;
        this.leaveAlone(ref); // no other claim waits for whoever holds its row
      }
      this.wanted.delete(ref.id);
    }
  }

  private leaveAlone(ref: InstanceRef): void {
    this.leftAlone.add(ref.id);
    this.parts.env.later(heldPauseMs, () => {
      this.leftAlone.delete(ref.id);
      this.want(ref);
    });
  }

  private async takeOne(ref: InstanceRef): Promise<void> {
    const { store, owner, clock, slots, busy } = this.parts;
    await this.surely(async () => {
      const claimed = await store.instances.claimOne(owner, ref);
      const isGuest = slots - busy() <= 0;
      if (claimed !== null) await this.adopt([claimed], clock.now(), isGuest);
    });
  }

  /** While a claim has not answered, and what it took is not held, there is a doubt. */
  private async surely<R>(claim: () => Promise<R>): Promise<R> {
    this.doubts += 1;
    const answer = await claim();
    this.settled += 1;
    return answer;
  }

  /** While it looks for what this node has without knowing, nothing may be born here that is not on its list. */
  get mayBear(): boolean {
    return !this.isGivingBack;
  }

  /** A claim whose answer was lost may have taken what nobody here knows of. */
  private async giveBack(): Promise<void> {
    const { store, env, owner, held, passOn } = this.parts;
    const { doubts } = this;
    if (this.settled < doubts) this.doubtedAt = env.monotonic();
    this.isGivingBack = true;
    try {
      const given = await store.instances.disown(owner, held());
      if (given > 0) {
        env.logger.info("Instances that this node did not know of were given back", { instances: given });
        passOn(); // there may be no free slot here
      }
    } catch (error) {
      if (isPassing(error)) throw error;
      // One row that cannot be written, say. All others are claimed all the same, and those given back another time.
      env.logger.warn("Instances that this node does not know of could not be given back", { error: String(error) });
    } finally {
      this.isGivingBack = false;
    }
    this.settled = doubts;
    const now = env.monotonic();
    this.giveBackAt = now + (now - this.doubtedAt < doubtfulMs ? againMs : rarelyMs);
  }

  /** Until the next timer, or the next poll. Timers that others left are asked for once a poll, and when there may be new ones. */
  private async pause(now: number): Promise<number> {
    const { store, env, clock, registry, pollMs } = this.parts;
    if (this.nextDueAt <= now || env.monotonic() >= this.askDueAt) {
      const askedAt = env.monotonic();
      this.setMeanwhile = Infinity;
      const next = await store.instances.nextDue(registry.names());
      this.askDueAt = askedAt + pollMs;
      clock.observe(next.now);
      this.nextDueAt = Math.min(next.dueAt ?? Infinity, this.setMeanwhile);
    }
    return Math.max(1, Math.min(pollMs, clock.until(this.nextDueAt)));
  }

  private rotated(): number[] {
    const { buckets } = this.parts.store;
    this.firstBucket = (this.firstBucket + 7) % buckets;
    return Array.from({ length: buckets }, (_, n) => (n + this.firstBucket) % buckets);
  }

  private async adopt(claimed: readonly ClaimedInstance[], now: number, isGuest = false): Promise<void> {
    const inboxes = await this.inboxes(claimed);
    claimed.forEach((instance, n) => {
      const live = this.liveOf(instance);
      live.isGuest = isGuest;
      void this.parts.worker.claimed(live, now, inboxes[n] ?? []);
    });
  }

  private liveOf(instance: ClaimedInstance): LiveInstance {
    const { registry, owner } = this.parts;
    const { definition, version } = instance;
    try {
      const plan = registry.find(definition, version) ?? registry.unknown(definition, version);
      return new LiveInstance(plan, owner, instance);
    } catch (error) {
      return LiveInstance.unreadable(registry.unknown(definition, version), owner, instance, error);
    }
  }

  /** The inboxes of claimed instances, in their order. */
  private async inboxes(claimed: readonly ClaimedInstance[]): Promise<InboxRow[][]> {
    const withMail = claimed.filter(({ inboxSeq }) => inboxSeq > 0);
    const rows = withMail.length === 0 ? [] : await this.parts.store.instances.inbox(withMail);
    const byId = new Map<string, InboxRow[]>();
    for (const row of rows) {
      const mine = byId.get(row.id);
      if (mine === undefined) byId.set(row.id, [row]);
      else mine.push(row);
    }
    return claimed.map(({ id }) => byId.get(id) ?? []);
  }
}
