import { cronOf, everyOf, nextTick, type Recurrence, type Ticking } from "../models/recurrence.ts";
import type { CatchUp, Overlap, ScheduleSpec } from "../models/schedule.ts";
import { InvalidRequestError } from "../models/errors.ts";
import { InvalidNameError, InvalidRecurrenceError } from "../models/errors-values.ts";
import { emptyFrontier, limitedTo } from "../models/frontier.ts";
import { checkKnown, fieldsOf, pick } from "../models/known-fields.ts";
import { bucketOf, checkName, keyedId } from "../models/identity.ts";
import { storedFromJson } from "../models/stored-value.ts";
import { isStorableText, utf8Bytes } from "../models/text.ts";
import type { WorkflowDefinition } from "../models/workflow-definition.ts";
import type { StartRow } from "../persistence/provider.ts";
import type { StoredSchedule } from "../persistence/schedule-store.ts";
import type { StartOptions } from "./run.ts";

/** What becomes of a schedule's ticks. */
export interface TickPolicy {
  /** What becomes of a tick while the run of the one before is unfinished. `skip` (default): nothing is started for it. `queue`: it waits
   *  for the end of that run; of several that wait, `catchUp` says which are started. `allow`: runs may overlap. */
  readonly overlap?: Overlap;
  /** What becomes of ticks that came while no node was running. `one` (default): the last of them starts a run. `all`: each does, oldest
   *  first. `skip`: none that is more than a minute late. */
  readonly catchUp?: CatchUp;
}

/** What a schedule starts, and when. `S` is what starts the workflow. */
export type ScheduleOptions<S> = Ticking &
  TickPolicy &
  Omit<StartOptions, "key"> & {
    /** What the schedule is called: 1 to 480 bytes, unique in the database. */
    readonly id: string;
    /** What it starts, in this very version. */
    readonly workflow: WorkflowDefinition<never, unknown, S>;
    /** What starts each run; validated now. */
    readonly data: NoInfer<S>;
    /** Begins without ticking, until `resume`. Default: false. */
    readonly paused?: boolean;
    /** What to do if there is a schedule of this id: `refuse` (default) throws `ScheduleExistsError`; `update` makes it what these
     *  options say, and leaves it paused if it was. */
    readonly ifExists?: "refuse" | "update";
  };

/** What of a schedule is to be changed; what is left out stays. */
export type ScheduleChanges<S> = (
  Ticking | { readonly cron?: never; readonly every?: never; readonly timeZone?: never }
) &
  TickPolicy &
  (
    | { readonly workflow: WorkflowDefinition<never, unknown, S>; readonly data: NoInfer<S> }
    | { readonly workflow?: never; readonly data?: never }
  );

/** Which schedules are wanted. */
export interface SchedulePage {
  /** From behind this id. */
  readonly after?: string;
  /** How many at most: 1 to 10,000. Default: 100. */
  readonly limit?: number;
}

/** A schedule as it was when it was read. */
export interface Schedule {
  readonly id: string;
  /** What it starts. */
  readonly workflow: string;
  readonly version: number;
  /** When it ticks: `cron` and `timeZone`, or `everyMs`. */
  readonly cron?: string;
  readonly timeZone?: string;
  readonly everyMs?: number;
  readonly overlap: Overlap;
  readonly catchUp: CatchUp;
  readonly isPaused: boolean;
  /** Its next tick; null while it is paused, and when there is none to come. */
  readonly nextAt: Date | null;
  /** The last tick that was carried out: a run was started for it, or its policy skipped it. */
  readonly lastTickAt: Date | null;
  /** The run that it started last. */
  readonly lastRunId: string | null;
  /** How many runs it has started. */
  readonly started: number;
  /** How many due ticks started nothing. */
  readonly skipped: number;
  readonly data: unknown;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const ticks = { cron: true, timeZone: true, every: true, overlap: true, catchUp: true } as const;
const labels = { timeout: true, reference: true, description: true, correlationId: true, tags: true } as const;
const changed = fieldsOf<ScheduleChanges<unknown>>({ ...ticks, workflow: true, data: true });
const created = fieldsOf<ScheduleOptions<unknown>>({
  ...ticks,
  ...labels,
  ...{ id: true, workflow: true, data: true, paused: true, ifExists: true },
});

/** What is given. Throws `InvalidRequestError` for options that are not known, or that say neither yes nor no, neither refuse nor
 *  update. */
export function checkCreation<S>(given: ScheduleOptions<S>): ScheduleOptions<S> {
  checkKnown(given, "schedules.create", created);
  const options = pick(given, created);
  if (options.paused !== undefined && typeof options.paused !== "boolean")
    throw new InvalidRequestError("paused", "must be true or false");
  oneOf("ifExists", options.ifExists ?? "refuse", ["refuse", "update"]);
  return options;
}

/** Throws `InvalidRequestError` for what cannot be changed. */
export function checkChanges<S>(changes: ScheduleChanges<S>): void {
  checkKnown(changes, "schedules.update", changed);
  if (changes.workflow === undefined && changes.data !== undefined)
    throw new InvalidRequestError("data", "is for a workflow: give the `workflow` too, also if it stays the same");
}

const longestPage = 10_000;

const listed = fieldsOf<SchedulePage>({ after: true, limit: true });

/** Fills in the defaults. Throws `InvalidRequestError`. */
export function schedulePageOf(page: SchedulePage): Required<SchedulePage> {
  checkKnown(page, "schedules.list", listed);
  const { after = "", limit = 100 } = page;
  if (typeof after !== "string" || !isStorableText(after))
    throw new InvalidRequestError("after", "must be the id of a schedule");
  if (!Number.isInteger(limit) || limit < 1 || limit > longestPage)
    throw new InvalidRequestError("limit", `must be a whole number from 1 to ${longestPage}`);
  return { after, limit };
}

const maxIdBytes = 480; // what is behind it in the keys of its runs fits into a name

export function checkScheduleId(id: unknown): string {
  const name = checkName(id, "schedule id");
  if (utf8Bytes(name) > maxIdBytes)
    throw new InvalidNameError("schedule id", id, `takes more than ${maxIdBytes} bytes`);
  return name;
}

/** Throws `InvalidRecurrenceError`, and `InvalidRequestError` unless there is exactly one of `cron` and `every`. */
export function recurrenceOf({ cron, every, timeZone }: Partial<Ticking>, anchorMs: number): Recurrence {
  if ((cron === undefined) === (every === undefined)) {
    throw new InvalidRequestError("schedule", "needs either `cron` or `every`");
  }
  if (cron !== undefined) return cronOf(cron, timeZone);
  if (timeZone !== undefined) throw new InvalidRequestError("schedule", "has no use for `timeZone` without `cron`");
  return everyOf(every, anchorMs);
}

/** Its first tick behind `now`. Throws `InvalidRecurrenceError` if there never is one. */
export function firstTick(recurrence: Recurrence, now: number): number {
  const first = nextTick(recurrence, now);
  if (first !== null) return first;
  if ("cron" in recurrence) throw new InvalidRecurrenceError("cron", recurrence.cron, "has no tick to come");
  throw new InvalidRecurrenceError("every", recurrence.everyMs, "has no tick to come");
}

/** Throws `InvalidRequestError` for a policy that is none. */
export function policyOf({ overlap, catchUp }: TickPolicy): Required<TickPolicy> {
  return {
    overlap: oneOf("overlap", overlap ?? "skip", ["skip", "queue", "allow"]),
    catchUp: oneOf("catchUp", catchUp ?? "one", ["skip", "one", "all"]),
  };
}

function oneOf<C extends string>(what: string, value: C, choices: readonly C[]): C {
  if (choices.includes(value)) return value;
  throw new InvalidRequestError(what, `must be one of ${choices.map((one) => `"${one}"`).join(", ")}`);
}

/** The start of a run, for a tick or an operator's wish. The workflow's code is not needed: whoever claims the run has it. */
export function startOf(schedule: StoredSchedule, occasion: string, buckets: number): StartRow {
  const { timeoutMs, reference, description, correlationId, tags } = schedule.spec as ScheduleSpec;
  const key = `${schedule.id}@${occasion}`;
  const id = keyedId("start", schedule.definition, key);
  const { json } = storedFromJson(schedule.data);
  return {
    bucket: bucketOf(id, buckets),
    id,
    definition: schedule.definition,
    version: schedule.version,
    own: false,
    data: json,
    frontier: JSON.stringify(limitedTo(emptyFrontier, timeoutMs)),
    key,
    inputHash: keyedId("input", json),
    reference: reference ?? null,
    description: description ?? null,
    correlationId: correlationId ?? null,
    tags: tags === undefined ? null : JSON.stringify(tags),
  };
}

export function viewOf(stored: StoredSchedule): Schedule {
  const { recurrence, overlap, catchUp } = stored.spec as ScheduleSpec;
  return {
    id: stored.id,
    workflow: stored.definition,
    version: stored.version,
    ...("cron" in recurrence ? recurrence : { everyMs: recurrence.everyMs }),
    overlap,
    catchUp,
    isPaused: stored.paused,
    nextAt: dateOf(stored.nextAt),
    lastTickAt: dateOf(stored.lastAt),
    lastRunId: stored.lastRun,
    started: stored.started,
    skipped: stored.skipped,
    data: storedFromJson(stored.data).get(),
    createdAt: new Date(stored.createdAt),
    updatedAt: new Date(stored.updatedAt),
  };
}

const dateOf = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));
