import type { LiveInstance } from "../execution/live-instance.ts";
import { suspectFromDeaths } from "../models/limits.ts";
import type { Transition } from "../models/transition.ts";

/**
 * Instances whose owners keep dying run one at a time, each after a committed row that says its body is about to run: so deaths
 * in the lane can be its own, and neighbours that merely shared a node with it are not punished.
 */
export class SuspectLane {
  private holder: LiveInstance | undefined;
  private readonly marked = new WeakSet<LiveInstance>();
  private readonly cleared = new WeakSet<LiveInstance>();
  private readonly waiting: { readonly live: LiveInstance; readonly go: () => void }[] = [];

  /** Whether bodies of the instance may start now; if not, `go` is called when they may. */
  admits(live: LiveInstance, go: () => void): boolean {
    if (!this.isSuspect(live) || this.holder === live) return true;
    if (this.holder === undefined) {
      this.holder = live;
      return true;
    }
    if (!this.waiting.some((one) => one.live === live)) this.waiting.push({ live, go });
    return false;
  }

  /** Whether a row must be committed before bodies of the instance start. */
  mustMark(live: LiveInstance): boolean {
    return this.isSuspect(live) && !this.marked.has(live);
  }

  /** A transition was committed: the mark itself, or progress, which clears the instance. */
  passed(live: LiveInstance, transition: Transition): void {
    if (!this.isSuspect(live)) return;
    if (transition.lane) {
      this.marked.add(live);
      return;
    }
    if (!this.marked.has(live)) return; // what was decided before its bodies ran is no progress of theirs
    this.cleared.add(live);
    this.free(live);
  }

  free(live: LiveInstance): void {
    if (this.holder !== live) return;
    this.holder = undefined;
    // Who has left meanwhile does not take the lane, and must not keep it from the next.
    while (this.holder === undefined && this.waiting.length > 0) this.waiting.shift()?.go();
  }

  private isSuspect(live: LiveInstance): boolean {
    return live.crashes >= suspectFromDeaths && !this.cleared.has(live);
  }
}
