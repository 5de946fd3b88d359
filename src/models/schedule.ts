import { latestTick, nextTick, type Recurrence } from "./recurrence.ts";

/** What becomes of a tick while the run that the tick before it started is unfinished. */
export type Overlap = "skip" | "queue" | "allow";

/** What becomes of ticks that nobody carried out in time. */
export type CatchUp = "skip" | "one" | "all";

/** What a schedule is, beside what it starts. */
export interface ScheduleSpec {
  readonly recurrence: Recurrence;
  readonly overlap: Overlap;
  readonly catchUp: CatchUp;
  /** How long each run may take. */
  readonly timeoutMs?: number;
  /** Labels of the runs. */
  readonly reference?: string;
  readonly description?: string;
  readonly correlationId?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

/** A tick later than this is missed: `catchUp: "skip"` starts nothing for it. */
export const lateTickMs = 60_000;

/** What is to be done about a schedule that is due. */
export interface Tick {
  readonly at: number;
  /** Whether it starts a run. */
  readonly starts: boolean;
  /** When the schedule is due again; null: never. */
  readonly nextAt: number | null;
}

/** Decides about a schedule whose tick at `dueAt` is not behind `now`. */
export function tickOf(spec: ScheduleSpec, dueAt: number, now: number, lastRunIsOver: boolean): Tick {
  const { recurrence, overlap, catchUp } = spec;
  const at = catchUp === "all" ? dueAt : latestTick(recurrence, dueAt, now);
  const isMissed = catchUp === "skip" && now - at > lateTickMs;
  const starts = !isMissed && (overlap !== "skip" || lastRunIsOver);
  return { at, starts, nextAt: nextTick(recurrence, at) };
}
