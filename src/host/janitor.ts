import type { Environment } from "../models/environment.ts";
import type { Registry } from "../execution/registry.ts";
import type { EngineStore } from "../persistence/provider.ts";
import type { Notices } from "../telemetry/notices.ts";
import type { Claimer } from "./claimer.ts";
import type { Events } from "./events.ts";
import type { WatchTimes } from "./heartbeat.ts";
import type { Hints } from "./hints.ts";
import { Loop } from "./loop.ts";
import { Neighbours } from "./neighbours.ts";

export interface JanitorParts {
  readonly store: EngineStore;
  readonly env: Environment;
  readonly registry: Registry;
  readonly notices: Notices;
  readonly times: WatchTimes;
  readonly self: string;
  readonly pollMs: number;
  /** Whether hints arrive: else nobody says that there is something. */
  readonly hearsHints: boolean;
  readonly hints: Hints;
  readonly claimer: Claimer;
  readonly events: Events;
}

/** What a crash cut off is looked for when a node is found dead; the sweep is the net below. */
const sweepMs = 30_000;
const sweepOlderMs = 2_000;
const rowsAtOnce = 500;
/** Between two looks of which the first found as much as one takes. */
const moreMs = 100;
const blockMs = 60_000;
const askedMs = 60_000;
const keepEventsMs = 7 * 24 * 60 * 60 * 1000;
const hourMs = 3_600_000;

/** Recovery and upkeep, as ordinary repeated sweeps: the dead, what a crash cut off, definitions nobody runs, old events. Each has a loop of
 * its own, so that what stands in the way of one holds up no other. */
export class Janitor {
  private readonly parts: JanitorParts;
  private readonly neighbours: Neighbours;
  private readonly watch: Loop;
  private readonly sweep: Loop;
  private readonly blocking: Loop;
  private readonly retention: Loop;
  /** At first whatever there is: what this process did as another node may have been cut off just now. */
  private olderMs = 0;
  private askedNextAt = -Infinity;
  private isStopped = false;

  constructor(parts: JanitorParts) {
    this.parts = parts;
    this.neighbours = new Neighbours(parts);
    this.watch = new Loop(parts.env, "Watching nodes", () => this.look());
    this.sweep = new Loop(parts.env, "Sweeping", () => this.sweepOnce());
    this.blocking = new Loop(parts.env, "Looking for what nobody can run", () => this.blockOnce());
    this.retention = new Loop(parts.env, "Retention", () => this.purge());
  }

  /** Looks once before it answers: what an earlier process of this directory left is taken over at once. */
  async start(): Promise<void> {
    const { store, registry } = this.parts;
    await store.instances.unblock(registry.names(), 1_000_000);
    if (store.alone) await this.look();
    if (this.isStopped) return;
    this.watch.start();
    this.sweep.start();
    this.blocking.start();
    this.retention.start();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all([this.watch, this.sweep, this.blocking, this.retention].map((loop) => loop.stop()));
  }

  /** Events were published that nobody looked for yet. */
  sweepSoon(): void {
    this.olderMs = 0;
    this.sweep.poke();
  }

  private async look(): Promise<number> {
    const { env, notices, claimer, hints, self, store } = this.parts;
    const { lost, othersLost, released, nextMs } = await this.neighbours.look();
    for (const node of lost) {
      env.logger.warn("A node is dead; its instances are taken over", { node });
      notices.tell({ kind: "node-lost", node });
    }
    if (released > 0) notices.tell({ kind: "takeover", node: self, instances: released });
    if (released > 0 || lost.length > 0) hints.left(); // to those who can run what this node cannot
    if (released > 0 || lost.length > 0 || othersLost) {
      claimer.askAgain();
      this.sweepSoon(); // what the dead had committed and not looked for
      this.askedNextAt = -Infinity;
      this.blocking.poke(); // what nobody else can run
    }
    return store.alone ? hourMs : nextMs;
  }

  private async sweepOnce(): Promise<number> {
    const { olderMs } = this;
    this.olderMs = sweepOlderMs;
    try {
      await this.parts.events.sweep(olderMs);
    } catch (error) {
      this.olderMs = Math.min(this.olderMs, olderMs);
      throw error;
    }
    return this.pauseMs(sweepMs);
  }

  private async blockOnce(): Promise<number> {
    const { store, registry, claimer } = this.parts;
    const blocked = await this.blockUnknown();
    // What a sweep elsewhere blocked that was cut off before it looked again.
    const unblocked = await store.instances.unblock(registry.names(), rowsAtOnce);
    if (unblocked > 0) claimer.poke();
    await this.takeAsked();
    return Math.max(blocked, unblocked) < rowsAtOnce ? this.pauseMs(blockMs) : moreMs;
  }

  /** What was asked of a node that has left, or died, before it carried it out. */
  private async takeAsked(): Promise<void> {
    const { store, env, claimer } = this.parts;
    if (env.monotonic() < this.askedNextAt) return;
    for (const ref of await store.instances.asked(rowsAtOnce)) claimer.want(ref);
    this.askedNextAt = env.monotonic() + askedMs;
  }

  /** Without hints nobody says that there is something. */
  private pauseMs(hintedMs: number): number {
    const { hearsHints, pollMs } = this.parts;
    return hearsHints ? hintedMs : Math.min(pollMs, hintedMs);
  }

  /**
   * What no live node can run leaves the due index. Write, then look, on both sides: a node registers and unblocks what is its own;
   * this blocks, and looks for nodes that have registered meanwhile.
   */
  private async blockUnknown(): Promise<number> {
    const { store, claimer, hints } = this.parts;
    const known = await this.known();
    const blocked = await store.instances.block([...known], rowsAtOnce);
    const late = blocked === 0 ? [] : [...(await this.known())].filter((name) => !known.has(name));
    if (late.length > 0 && (await store.instances.unblock(late, rowsAtOnce)) > 0) {
      claimer.poke();
      hints.due();
    }
    return blocked;
  }

  /** Definitions of this node and of all others that live. */
  private async known(): Promise<ReadonlySet<string>> {
    const known = new Set(this.parts.registry.names());
    for (const { state, definitions } of await this.parts.store.nodes.list()) {
      if (state === "live") definitions.forEach((name) => known.add(name));
    }
    return known;
  }

  private async purge(): Promise<number> {
    const purged = await this.parts.store.events.purge(keepEventsMs, rowsAtOnce);
    return purged >= rowsAtOnce ? 1_000 : hourMs;
  }
}
