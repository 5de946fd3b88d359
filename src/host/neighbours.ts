import type { Environment } from "../models/environment.ts";
import type { EngineStore, NodeRow } from "../persistence/provider.ts";
import type { WatchTimes } from "./heartbeat.ts";

interface Sighting {
  readonly beat: number;
  readonly since: number;
}

/** What one look has found. */
interface Looked {
  /** Nodes that this look has found dead. */
  readonly lost: readonly string[];
  /** Whether others have found some dead since the look before: they may have died before they saw to what those left behind. */
  readonly othersLost: boolean;
  /** How many instances were released. */
  readonly released: number;
  /** Milliseconds after which to look again. */
  readonly nextMs: number;
}

const releaseAtOnce = 500;
const forgetMs = 3_600_000;

/**
 * Watches the other nodes. One is dead when its heartbeat is old by the database's clock *and* this observer, connected all the
 * while, saw its counter stand still for as long: so neither a stepped clock nor an outage of the database kills a live node.
 */
export class Neighbours {
  private readonly store: EngineStore;
  private readonly env: Environment;
  private readonly self: string;
  private readonly times: WatchTimes;
  private readonly seen = new Map<string, Sighting>();
  private lastLookAt = -Infinity;

  constructor(from: { store: EngineStore; env: Environment; self: string; times: WatchTimes }) {
    this.store = from.store;
    this.env = from.env;
    this.self = from.self;
    this.times = from.times;
  }

  /** Looks once: declares the dead, releases what they held. */
  async look(): Promise<Looked> {
    const nodes = await this.store.nodes.list();
    const now = this.env.monotonic();
    if (now - this.lastLookAt > this.times.deadMs / 2) this.seen.clear(); // not connected all the while
    this.lastLookAt = now;
    const lost: string[] = [];
    for (const node of nodes) if (await this.isLost(node, now)) lost.push(node.id);
    const othersLost = nodes.some(({ id, state }) => state === "dead" && this.seen.has(id) && !lost.includes(id));
    this.forgetEnded(nodes, lost);
    const mayOwn = lost.length > 0 || nodes.some(({ state }) => state === "dead" || state === "stopped");
    const released = mayOwn ? await this.release() : 0;
    if (mayOwn && released === 0) await this.store.nodes.forget(forgetMs);
    return { lost, othersLost, released, nextMs: this.nextMs(now) };
  }

  private async isLost({ id, state, beat, silentMs }: NodeRow, now: number): Promise<boolean> {
    if (id === this.self || state === "dead" || state === "stopped") return false;
    if (this.store.alone) return this.store.nodes.declareDead(id, beat, 0);
    const sighting = this.seen.get(id);
    if (sighting === undefined || sighting.beat !== beat) {
      this.seen.set(id, { beat, since: now });
      return false;
    }
    if (now - sighting.since < this.times.deadMs || silentMs < this.times.deadMs) return false;
    return this.store.nodes.declareDead(id, beat, this.times.deadMs);
  }

  private forgetEnded(nodes: readonly NodeRow[], lost: readonly string[]): void {
    const alive = new Set(nodes.filter(({ state }) => state === "live" || state === "draining").map(({ id }) => id));
    for (const id of this.seen.keys()) if (!alive.has(id) || lost.includes(id)) this.seen.delete(id);
  }

  /** Often enough not to lose sight of them, and when the next of those that stand still is to be found dead. Who is alone looks out
   *  for others half as often. */
  private nextMs(now: number): number {
    const { deadMs } = this.times;
    if (this.seen.size === 0) return deadMs * 0.4;
    const silentSince = [...this.seen.values()].map(({ since }) => since).filter((since) => since < now);
    return Math.max(50, Math.min(deadMs * 0.2, ...silentSince.map((since) => since + deadMs - now)));
  }

  private async release(): Promise<number> {
    let total = 0;
    for (;;) {
      const released = await this.store.nodes.release(releaseAtOnce);
      total += released;
      if (released < releaseAtOnce) return total;
    }
  }
}
