import type { Environment } from "../models/environment.ts";

/** Gets its turn on a lane: sends what has gathered until then. */
export type Turn = (lane: number) => Promise<void>;

/**
 * A number of connections, each for one batch at a time. Whoever has something to send asks once, and gets the first lane that is
 * free, in the order of asking: so what gathers meanwhile goes along, and batches are as large as the waiting allows.
 */
export class Lanes {
  /** What the last batch met if it was not answered. */
  failure: unknown;
  private readonly env: Environment;
  private readonly free: number[];
  private readonly count: number;
  private readonly waiting: Turn[] = [];
  private readonly idle: (() => void)[] = [];
  private isPlanned = false;

  constructor(env: Environment, count: number) {
    this.env = env;
    this.count = count;
    this.free = Array.from({ length: count }, (_, lane) => lane);
  }

  /** Between two batches, and before the first, the event loop gets its turn. */
  ask(turn: Turn): void {
    this.waiting.push(turn);
    this.plan();
  }

  /** Whether another batch could be under way beside the one that gets this turn. */
  get hasOther(): boolean {
    return this.free.length > 0 && this.waiting.length === 0;
  }

  /** Resolves once nobody waits and every lane is free. */
  drained(): Promise<void> {
    return this.isIdle ? Promise.resolve() : new Promise((resolve) => this.idle.push(resolve));
  }

  private get isIdle(): boolean {
    return this.waiting.length === 0 && this.free.length === this.count;
  }

  private plan(): void {
    if (this.isPlanned || this.waiting.length === 0 || this.free.length === 0) return;
    this.isPlanned = true;
    this.env.soon(() => {
      this.isPlanned = false;
      this.dispatch();
    });
  }

  private dispatch(): void {
    while (this.waiting.length > 0) {
      const lane = this.free.pop();
      if (lane === undefined) return;
      void this.waiting
        .shift()?.(lane)
        .finally(() => this.release(lane));
    }
  }

  private release(lane: number): void {
    this.free.push(lane);
    this.plan();
    if (this.isIdle) for (const resolve of this.idle.splice(0)) resolve();
  }
}
