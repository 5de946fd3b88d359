import type { Environment, Timer } from "../models/environment.ts";
import type { Wake, WakeBus } from "../persistence/provider.ts";

const coalesceMs = 10;
const idsAtOnce = 150;

/**
 * Hints to other processes, sent beside the work, never in it: the first at once, those that follow closely gathered for a moment. What
 * is lost costs a polling interval.
 */
export class Hints {
  private readonly bus: WakeBus | null;
  private readonly env: Environment;
  private isDue = false;
  private hasLeft = false;
  private hasEvents = false;
  private readonly owners = new Set<string>();
  private ended: string[] = [];
  private isPlanned = false;
  private sentAt = -Infinity;
  private timer: Timer | undefined;

  constructor(bus: WakeBus | null, env: Environment) {
    this.bus = bus;
    this.env = env;
  }

  due(): void {
    this.isDue = true;
    this.plan();
  }

  left(): void {
    this.hasLeft = true;
    this.plan();
  }

  events(): void {
    this.hasEvents = true;
    this.plan();
  }

  inbox(owner: string): void {
    this.owners.add(owner);
    this.plan();
  }

  over(id: string): void {
    if (this.bus === null) return;
    this.ended.push(id);
    this.plan();
  }

  private plan(): void {
    if (this.bus === null || this.isPlanned) return;
    this.isPlanned = true;
    const waitMs = this.sentAt + coalesceMs - this.env.monotonic();
    if (waitMs > 0) this.timer = this.env.later(waitMs, () => void this.flush());
    else this.env.soon(() => void this.flush()); // a timer of no time takes a millisecond
  }

  /** Sends now what has gathered. Never throws. */
  async flush(): Promise<void> {
    this.isPlanned = false;
    this.timer?.cancel();
    this.sentAt = this.env.monotonic();
    const wakes: Wake[] = [];
    if (this.isDue) wakes.push({ kind: "due" });
    if (this.hasLeft) wakes.push({ kind: "left" });
    if (this.hasEvents) wakes.push({ kind: "events" });
    for (const owner of this.owners) wakes.push({ kind: "inbox", owner });
    for (let at = 0; at < this.ended.length; at += idsAtOnce) {
      wakes.push({ kind: "ended", ids: this.ended.slice(at, at + idsAtOnce) });
    }
    this.isDue = false;
    this.hasLeft = false;
    this.hasEvents = false;
    this.owners.clear();
    this.ended = [];
    try {
      if (wakes.length > 0) await this.bus?.send(wakes);
    } catch (error) {
      this.env.logger.debug("Hints were lost", { error: String(error) });
    }
  }
}
