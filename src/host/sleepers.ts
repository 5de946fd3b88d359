import type { LiveInstance } from "../execution/live-instance.ts";

/** A timer that is due within so many milliseconds is waited for in memory: exactly, and without a claim. */
const briefMs = 2_000;

/** So many sleepers for each slot, since they hold little memory and no connection. */
const sleepersPerSlot = 4;

/** Instances that stay with their node for nothing but a timer that is due soon. They hold no slot, and need one to go on. */
export class Sleepers {
  private readonly most: number;
  private asleep = 0;

  constructor(slots: number) {
    this.most = slots * sleepersPerSlot;
  }

  get count(): number {
    return this.asleep;
  }

  /** How long the instance may sleep here, in milliseconds. One whose owner died goes back: whoever is free takes it on time. */
  patience(live: LiveInstance): number {
    return live.crashes === 0 && this.asleep < this.most ? briefMs : 0;
  }

  add(live: LiveInstance): void {
    if (live.isAsleep) return;
    live.isAsleep = true;
    this.asleep += 1;
  }

  remove(live: LiveInstance): void {
    if (!live.isAsleep) return;
    live.isAsleep = false;
    this.asleep -= 1;
  }
}
