import type { Environment } from "../models/environment.ts";
import type { Wake, WakeBus } from "../persistence/provider.ts";

const coalesceMs = 10;
const idsAtOnce = 150;

/**
 * Hints to other processes, gathered for a moment and sent beside the work, never in it. What is lost costs a polling interval.
 */
export class Hints {
  private readonly bus: WakeBus | null;
  private readonly env: Environment;
  private isDue = false;
  private hasEvents = false;
  private readonly owners = new Set<string>();
  private ended: string[] = [];
  private isPlanned = false;

  constructor(bus: WakeBus | null, env: Environment) {
    this.bus = bus;
    this.env = env;
  }

  due(): void {
    this.isDue = true;
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
    this.env.later(coalesceMs, () => this.send());
  }

  private send(): void {
    this.isPlanned = false;
    const wakes: Wake[] = [];
    if (this.isDue) wakes.push({ kind: "due" });
    if (this.hasEvents) wakes.push({ kind: "events" });
    for (const owner of this.owners) wakes.push({ kind: "inbox", owner });
    for (let at = 0; at < this.ended.length; at += idsAtOnce) {
      wakes.push({ kind: "ended", ids: this.ended.slice(at, at + idsAtOnce) });
    }
    this.isDue = false;
    this.hasEvents = false;
    this.owners.clear();
    this.ended = [];
    this.bus?.send(wakes).catch((error: unknown) => this.env.logger.debug("Hints were lost", { error: String(error) }));
  }
}
