import type { Environment, Timer } from "../models/environment.ts";
import { LiveInstance } from "../execution/live-instance.ts";
import type { Registry } from "../execution/registry.ts";
import type { ClaimedInstance, EngineStore, InboxRow, InstanceRef } from "../persistence/provider.ts";
import type { DatabaseClock } from "./clock.ts";
import { Loop } from "./loop.ts";
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
}

const claimAtOnce = 200;

/** Takes due instances while there are free slots: when poked, when a timer of a parked instance is due, and by polling. */
export class Claimer {
  private readonly parts: ClaimerParts;
  private readonly loop: Loop;
  private nextDueAt = Infinity;
  private firstBucket: number;
  private hasAskedDue = false;
  private alarm: Timer | undefined;
  private isStopped = false;
  private isHungry = false;
  /** The last claim did not answer. */
  private isUnsure = false;

  constructor(parts: ClaimerParts) {
    this.parts = parts;
    this.loop = new Loop(parts.env, "Claiming", () => this.claim());
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

  /** A slot is free again: goes on if the last claim stopped for want of one. */
  slotFreed(): void {
    if (this.isHungry) this.loop.poke();
  }

  /** An instance was dropped whose row may still name this node: the next claim gives such rows back first. */
  unsure(): void {
    this.isUnsure = true;
    this.loop.poke();
  }

  /** Forgets what it knows of timers: others may have left some. */
  askAgain(): void {
    this.hasAskedDue = false;
    this.loop.poke();
  }

  /** An instance of these definitions is due at `instant`, by the database's clock. */
  expect(instant: number): void {
    if (instant >= this.nextDueAt || this.isStopped) return; // what parks while the node leaves is another's to wake
    this.nextDueAt = instant;
    this.alarm?.cancel();
    this.alarm = this.parts.env.later(this.parts.clock.until(instant), () => this.loop.poke());
  }

  /** Takes one unowned instance to carry out a request. Answers false if another node holds it. */
  async claimOne(ref: InstanceRef): Promise<boolean> {
    const { store, owner } = this.parts;
    const claimed = await store.instances.claimOne(owner, ref).catch((error: unknown) => {
      this.isUnsure = true;
      throw error;
    });
    if (claimed === null) return false;
    const [inbox] = await this.inboxes([claimed]);
    this.adopt(claimed, this.parts.clock.now(), inbox ?? []);
    return true;
  }

  private async claim(): Promise<number> {
    const { store, clock, owner, registry, worker, slots, pollMs, mayStart } = this.parts;
    const limit = Math.min(claimAtOnce, slots - worker.live.size);
    this.isHungry = limit <= 0;
    if (this.isUnsure && !worker.isLeaving) await this.giveBack();
    const definitions = registry.names();
    if (limit <= 0 || definitions.length === 0 || worker.isLeaving || !mayStart()) return pollMs;
    this.isUnsure = true;
    const { now, claimed } = await store.instances.claim({ owner, definitions, limit, buckets: this.rotated() });
    this.isUnsure = false;
    clock.observe(now);
    if (claimed.length > 0) await this.take(claimed, now);
    if (claimed.length >= limit) {
      this.isHungry = true;
      if (worker.live.size < slots) this.loop.poke();
      return pollMs;
    }
    return this.pause(now);
  }

  /** A claim whose answer was lost may have taken what nobody here knows of. */
  private async giveBack(): Promise<void> {
    const { store, owner, held } = this.parts;
    this.isUnsure = false;
    const given = await store.instances.disown(owner, held());
    if (given > 0) this.parts.env.logger.info("Instances of a lost claim were given back", { instances: given });
  }

  /** Until the next timer, or the next poll. Timers that others left are asked for once, then only if there may be new ones. */
  private async pause(now: number): Promise<number> {
    const { store, clock, registry, pollMs } = this.parts;
    if (this.nextDueAt <= now) this.hasAskedDue = false;
    if (!this.hasAskedDue) {
      this.hasAskedDue = true;
      const next = await store.instances.nextDue(registry.names());
      clock.observe(next.now);
      this.nextDueAt = next.dueAt ?? Infinity;
    }
    return Math.max(1, Math.min(pollMs, clock.until(this.nextDueAt)));
  }

  private rotated(): number[] {
    const { buckets } = this.parts.store;
    this.firstBucket = (this.firstBucket + 7) % buckets;
    return Array.from({ length: buckets }, (_, n) => (n + this.firstBucket) % buckets);
  }

  private async take(claimed: readonly ClaimedInstance[], now: number): Promise<void> {
    const inboxes = await this.inboxes(claimed);
    claimed.forEach((instance, n) => this.adopt(instance, now, inboxes[n] ?? []));
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

  private adopt(claimed: ClaimedInstance, now: number, inbox: readonly InboxRow[]): void {
    const { registry, owner, worker } = this.parts;
    const plan =
      registry.find(claimed.definition, claimed.version) ?? registry.unknown(claimed.definition, claimed.version);
    void worker.claimed(new LiveInstance(plan, owner, claimed), now, inbox);
  }
}
