import type { Environment } from "../models/environment.ts";

/**
 * What the database's clock shows at the least: the latest answer that told its time, plus the monotonic time since. A statement's
 * time is taken before its answer travels, so the estimate never runs ahead, and a timer that waits for it is never early.
 */
export class DatabaseClock {
  private readonly env: Environment;
  private offset = -Infinity;
  private setAt = -Infinity;

  constructor(env: Environment) {
    this.env = env;
  }

  /** A database answer said that it is `now`, in milliseconds since the epoch. */
  observe(now: number): void {
    const monotonic = this.env.monotonic();
    const offset = now - monotonic;
    // The greatest of late answers is the closest; an old one is dropped, since either clock may have been set or drift.
    if (offset <= this.offset && monotonic - this.setAt < 10_000) return;
    this.offset = offset;
    this.setAt = monotonic;
  }

  /** Milliseconds since the epoch, at the least. */
  now(): number {
    return this.env.monotonic() + this.offset;
  }

  /** Milliseconds that are to be waited until the database's clock has surely passed `instant`; 0 if it has. */
  until(instant: number): number {
    return Math.max(0, Math.ceil(instant - this.now()));
  }
}
