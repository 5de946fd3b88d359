/**
 * Schedules that start workflows. A schedule is changed by whoever saw its latest revision: of several nodes that carry out one tick
 * one succeeds, and the run that it starts is born in the same transaction. `Start` is the row of a start.
 */
export interface ScheduleStore<Start> {
  /** Adds a schedule; false if there is one of its id. */
  create(schedule: ScheduleRow): Promise<boolean>;
  get(id: string): Promise<StoredSchedule | null>;
  /** In the order of their ids (by code point), from behind `after`. */
  list(after: string, limit: number): Promise<readonly StoredSchedule[]>;
  /** Writes a schedule over the one whose revision was seen; false if that is no longer the latest. Revision + 1. */
  change(schedule: ScheduleRow, revision: number): Promise<boolean>;
  delete(id: string): Promise<boolean>;
  /** When the earliest is due (also if that has passed), and the earliest that is not due yet. */
  clock(): Promise<ScheduleClock>;
  /** Schedules that are due, longest first; without those whose ticks wait for a run that is unfinished. */
  due(limit: number): Promise<readonly StoredSchedule[]>;
  /** Moves a schedule on whose revision was seen, and starts its run, unowned and due: both or neither. False if that revision is no
   *  longer the latest. A start whose id exists already starts nothing. */
  fire(firing: Firing<Start>): Promise<boolean>;
}

export interface ScheduleClock {
  readonly now: number;
  readonly dueAt: number | null;
  readonly laterAt: number | null;
}

export interface ScheduleRow {
  readonly id: string;
  readonly definition: string;
  readonly version: number;
  /** Ticks wait for the end of the run that the tick before them started. */
  readonly queues: boolean;
  readonly paused: boolean;
  /** When it is due; null while it is paused, and when no tick is to come. */
  readonly nextAt: number | null;
  /** Canonical JSON of a `ScheduleSpec`. */
  readonly spec: string;
  /** Canonical JSON. */
  readonly data: string;
}

export interface StoredSchedule extends Omit<ScheduleRow, "spec" | "data"> {
  /** Parsed JSON. */
  readonly spec: unknown;
  readonly data: unknown;
  readonly revision: number;
  /** The last tick that was carried out. */
  readonly lastAt: number | null;
  readonly lastRun: string | null;
  /** True also if there is none. */
  readonly lastRunIsOver: boolean;
  readonly started: number;
  readonly skipped: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** The database's clock as it was read. */
  readonly now: number;
}

export interface Firing<Start> {
  readonly id: string;
  readonly revision: number;
  readonly nextAt: number | null;
  /** The tick that is carried out; null: an operator's wish, which is no tick. */
  readonly tickAt: number | null;
  /** What it starts; null: the tick is skipped. */
  readonly start: Start | null;
}
