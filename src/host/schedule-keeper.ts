import type { Environment } from "../models/environment.ts";
import { type ScheduleSpec, type Tick, tickOf } from "../models/schedule.ts";
import type { EngineStore } from "../persistence/provider.ts";
import type { StoredSchedule } from "../persistence/schedule-store.ts";
import type { Notices } from "../telemetry/notices.ts";
import type { DatabaseClock } from "./clock.ts";
import { Loop } from "./loop.ts";
import { isPassing } from "./persist.ts";
import { startOf } from "./schedule.ts";

export interface ScheduleKeeperParts {
  readonly store: EngineStore;
  readonly env: Environment;
  readonly clock: DatabaseClock;
  readonly notices: Notices;
  readonly pollMs: number;
  /** Milliseconds between looks while a tick waits for the end of a run, or more, up to `pollMs`, if it waits for long. */
  readonly endPollMs: number;
  /** A run was started that any node may take. */
  readonly started: () => void;
}

const firedAtOnce = 100;
/** Between looks of a node that knows of no tick soon: schedules that others create are first of all theirs to carry out. */
const idlePolls = 10;
const longestIdleMs = 10_000;

/** Carries out the ticks of schedules. Every live node does; the schedule's revision lets one of them succeed. */
export class ScheduleKeeper {
  private readonly parts: ScheduleKeeperParts;
  private readonly loop: Loop;
  /** Schedules that could not be carried out here: they stay due, and must not crowd out the others. */
  private readonly stuck = new Set<string>();

  constructor(parts: ScheduleKeeperParts) {
    this.parts = parts;
    this.loop = new Loop(parts.env, "Schedules", () => this.look());
  }

  start(): void {
    this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  /** A schedule was made or changed here. */
  poke(): void {
    this.loop.poke();
  }

  private async look(): Promise<number> {
    const { store, clock, pollMs, endPollMs } = this.parts;
    const { now, dueAt, laterAt } = await store.schedules.clock();
    clock.observe(now);
    const idleMs = Math.min(longestIdleMs, idlePolls * pollMs);
    const untilLater = laterAt === null ? idleMs : Math.min(idleMs, Math.max(1, clock.until(laterAt)));
    if (dueAt === null) return untilLater;
    const due = await store.schedules.due(firedAtOnce + this.stuck.size);
    let carriedOut = 0;
    for (const schedule of due) if (await this.carriesOut(schedule, now)) carriedOut += 1;
    if (carriedOut > 0) return 0;
    // Ticks wait for runs to end, or cannot be carried out here: the longer they do, the less often they are looked at.
    return Math.min(untilLater, pollMs, Math.max(endPollMs, (now - dueAt) / 10));
  }

  /** One that cannot be read or reckoned here (of another engine, in a time zone that this machine does not know) holds up no other. */
  private async carriesOut(schedule: StoredSchedule, now: number): Promise<boolean> {
    try {
      await this.carryOut(schedule, now);
      this.stuck.delete(schedule.id);
      return true;
    } catch (error) {
      if (isPassing(error)) throw error;
      const fields = { schedule: schedule.id, error: String(error) };
      if (!this.stuck.has(schedule.id))
        this.parts.env.logger.error("A schedule's tick cannot be carried out here", fields);
      this.stuck.add(schedule.id);
      return false;
    }
  }

  private async carryOut(schedule: StoredSchedule, now: number): Promise<void> {
    const { store, started, notices } = this.parts;
    const { id, revision, nextAt, lastRunIsOver } = schedule;
    if (nextAt === null) return;
    const tick: Tick = tickOf(schedule.spec as ScheduleSpec, nextAt, now, lastRunIsOver);
    const start = tick.starts ? startOf(schedule, new Date(tick.at).toISOString(), store.buckets) : null;
    const firing = { id, revision, nextAt: tick.nextAt, tickAt: tick.at, start };
    const isMine = await store.schedules.fire(firing).catch((error: unknown) => {
      if (isPassing(error)) started(); // it may have held: then nothing is due any more when it is tried again
      throw error;
    });
    if (!isMine || start === null) return;
    if (notices.isHeard) {
      const { definition: workflow, version } = schedule;
      notices.tell({ kind: "run-started", instanceId: start.id, workflow, version });
    }
    started();
  }
}
