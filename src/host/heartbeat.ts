import type { Environment, Timer } from "../models/environment.ts";
import type { EngineStore } from "../persistence/provider.ts";
import type { DatabaseClock } from "./clock.ts";
import { Loop } from "./loop.ts";

/** Times of the watch; shorter only in tests. */
export interface WatchTimes {
  /** Between two beats. Default: 3 s. */
  readonly beatMs: number;
  /** A node without a confirmed beat for so long starts no body and aborts those that run. Default: 10 s. */
  readonly staleMs: number;
  /** A node whose beat stands still for so long is dead. Default: 15 s. */
  readonly deadMs: number;
}

export interface HeartbeatEars {
  /** The beat is not confirmed any more. */
  stale(): void;
  /** It is confirmed again. */
  fresh(): void;
  /** The node was declared dead: it owns nothing. */
  dead(): void;
}

export interface HeartbeatParts {
  readonly store: EngineStore;
  readonly env: Environment;
  readonly clock: DatabaseClock;
  readonly node: string;
  readonly times: WatchTimes;
  readonly ears: HeartbeatEars;
}

/** Tells the others that this node lives, and itself whether it may act. */
export class Heartbeat {
  private readonly from: HeartbeatParts;
  private readonly loop: Loop;
  private confirmedAt: number;
  private isStale = false;
  private isStopped = false;
  private watching: Timer | undefined;

  constructor(from: HeartbeatParts) {
    this.from = from;
    this.confirmedAt = from.env.monotonic();
    this.loop = new Loop(from.env, "The heartbeat", () => this.beat(), Math.min(1_000, from.times.beatMs));
  }

  start(): void {
    this.confirmedAt = this.from.env.monotonic();
    this.loop.start();
    this.watch();
  }

  stop(): Promise<void> {
    this.isStopped = true;
    this.watching?.cancel();
    return this.loop.stop();
  }

  /** Whether bodies may start: measured by monotonic time from before the beat was sent. */
  get isFresh(): boolean {
    return this.from.env.monotonic() - this.confirmedAt < this.from.times.staleMs;
  }

  private async beat(): Promise<number> {
    const { store, env, clock, node, times, ears } = this.from;
    const sentAt = env.monotonic();
    const answer = await store.nodes.beat(node);
    if (answer === null) {
      if (!this.isStopped) ears.dead();
      return times.beatMs;
    }
    clock.observe(answer.now);
    // Also if nobody had looked: whoever asked meanwhile was refused, and waits to be told.
    const wasStale = this.isStale || !this.isFresh;
    this.confirmedAt = sentAt;
    if (wasStale && this.isFresh) {
      this.isStale = false;
      ears.fresh();
    }
    return times.beatMs;
  }

  /** Notices staleness also while a beat hangs. */
  private watch(): void {
    if (this.isStopped) return;
    if (!this.isFresh && !this.isStale) {
      this.isStale = true;
      this.from.ears.stale();
    }
    this.watching = this.from.env.later(Math.max(50, this.from.times.staleMs / 10), () => this.watch());
  }
}
