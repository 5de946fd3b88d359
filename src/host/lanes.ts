import type { Environment } from "../models/environment.ts";

/** Gets its turn on a lane: sends what has gathered until then. */
export type Turn = (lane: number) => Promise<void>;

interface Asked {
  readonly turn: Turn;
  readonly isLong: () => boolean;
}

/**
 * A number of connections, each for one batch at a time. Whoever has something to send asks once, and gets the first lane that is
 * free, in the order of asking: so what gathers meanwhile goes along, and batches are as large as the waiting allows.
 *
 * Where all lanes lead to one session, only a long batch is sent behind another one: the database begins it while this process decides
 * on the answers of the one before. Short ones do better to gather until then.
 */
export class Lanes {
  /** What the last batch met if it was not answered. */
  failure: unknown;
  private readonly env: Environment;
  private readonly free: number[];
  private readonly count: number;
  private readonly hasOneSession: boolean;
  private readonly waiting: Asked[] = [];
  private readonly idle: (() => void)[] = [];
  private isPlanned = false;

  constructor(env: Environment, count: number, hasOneSession = false) {
    this.env = env;
    this.count = count;
    this.hasOneSession = hasOneSession;
    this.free = Array.from({ length: count }, (_, lane) => lane);
  }

  /** Between two batches, and before the first, the event loop gets its turn. `isLong`: whether what would be sent now is worth a lane
   *  beside others. */
  ask(turn: Turn, isLong: () => boolean = never): void {
    this.waiting.push({ turn, isLong });
    this.plan();
  }

  /** What somebody asked for has become long. */
  grown(): void {
    if (this.hasOneSession) this.plan();
  }

  /** Whether another batch could be worked on beside the one that gets this turn. */
  get hasOther(): boolean {
    return !this.hasOneSession && this.free.length > 0 && this.waiting.length === 0;
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
    for (let next = this.waiting[0]; next !== undefined; next = this.waiting[0]) {
      if (this.hasOneSession && this.free.length < this.count && !next.isLong()) return;
      const lane = this.free.pop();
      if (lane === undefined) return;
      this.waiting.shift();
      void next.turn(lane).finally(() => this.release(lane));
    }
  }

  private release(lane: number): void {
    this.free.push(lane);
    this.plan();
    if (this.isIdle) for (const resolve of this.idle.splice(0)) resolve();
  }
}

const never = (): boolean => false;
