import type { Registry } from "../execution/registry.ts";
import { validated } from "../execution/validate.ts";
import { encodeValue } from "../models/codec.ts";
import { toRunTimeoutMs } from "../models/duration.ts";
import { ScheduleExistsError, ScheduleNotFoundError } from "../models/errors-instance.ts";
import { checkName } from "../models/identity.ts";
import { nextTick, type Recurrence, type Ticking } from "../models/recurrence.ts";
import type { ScheduleSpec } from "../models/schedule.ts";
import { storedFromJson } from "../models/stored-value.ts";
import { definitionOf } from "../models/workflow-definition.ts";
import type { ScheduleRow, StoredSchedule } from "../persistence/schedule-store.ts";
import type { Engine } from "./engine.ts";
import type { Run, StartOptions } from "./run.ts";
import { checkTags } from "./starter.ts";
import {
  checkChanges,
  checkCreation,
  checkScheduleId,
  firstTick,
  policyOf,
  recurrenceOf,
  type Schedule,
  type ScheduleChanges,
  type ScheduleOptions,
  type SchedulePage,
  schedulePageOf,
  startOf,
  type TickPolicy,
  viewOf,
} from "./schedule.ts";

/** What the schedules of a host work with. */
export interface SchedulesParts {
  readonly registry: Registry;
  /** The engine, if the host runs; throws else. */
  readonly engine: (call: string) => Engine;
  readonly run: (id: string) => Run<unknown>;
}

type Given = Partial<Ticking> & TickPolicy & StartOptions & { readonly workflow?: object; readonly data?: unknown };

/**
 * Schedules: they start workflows again and again. They are kept in the database; whichever node is running carries out a tick, and
 * exactly one run is started for it. All methods throw `HostStoppedError`, and `DatabaseUnreachableError` or `PersistenceError` without
 * the database.
 */
export class Schedules {
  private readonly parts: SchedulesParts;

  /** A host makes its own: `host.schedules`. */
  constructor(parts: SchedulesParts) {
    this.parts = parts;
  }

  /**
   * Makes a schedule. Throws `ScheduleExistsError`, `InvalidRecurrenceError`, `InvalidDurationError`, `InvalidNameError`,
   * `InvalidRequestError`, `WorkflowNotRegisteredError`, and for the data what `startWorkflow` throws.
   */
  async create<S>(options: ScheduleOptions<S>): Promise<Schedule> {
    const { id: givenId, paused = false, ifExists = "refuse", ...given } = checkCreation(options);
    const id = checkScheduleId(givenId);
    const { now } = await this.parts.engine("schedules.create").store.schedules.clock();
    const recurrence = recurrenceOf(given, now);
    const spec: ScheduleSpec = { recurrence, ...policyOf(given), ...this.limitOf(given), ...labelsOf(given) };
    const nextAt = firstTick(recurrence, now);
    const row = rowOf({ id, spec, paused, nextAt: paused ? null : nextAt, ...(await this.startedBy(given)) });
    const { store, node } = this.parts.engine("schedules.create"); // still, after an author's schema took its time
    if (await store.schedules.create(row)) {
      node.keeper.poke();
      return this.found(id);
    }
    if (ifExists === "refuse") throw new ScheduleExistsError(id);
    return this.changed(id, async (stored) => {
      const redefined = await this.redefined(stored, { ...given, ...policyOf(given) }, labelsOf(given));
      return paused ? { ...redefined, paused, nextAt: null } : redefined;
    });
  }

  /** The schedule as it is now; undefined if there is none of this id. */
  async get(id: string): Promise<Schedule | undefined> {
    const stored = await this.parts.engine("schedules.get").store.schedules.get(checkScheduleId(id));
    return stored === null ? undefined : viewOf(stored);
  }

  /** Schedules in the order of their ids, at most `limit` (default 100) from behind the id `after`. */
  async list(page: SchedulePage = {}): Promise<readonly Schedule[]> {
    const { after, limit } = schedulePageOf(page);
    return (await this.parts.engine("schedules.list").store.schedules.list(after, limit)).map(viewOf);
  }

  /**
   * Changes a schedule; what is left out stays. If other ticks are given, its next one is the first of those that are still to come.
   * Throws `ScheduleNotFoundError` and what `create` throws.
   */
  async update<S>(id: string, changes: ScheduleChanges<S>): Promise<Schedule> {
    checkChanges(changes);
    return this.changed(id, (stored) => this.redefined(stored, changes, labelsOf(specOf(stored))));
  }

  /** Stops its ticks; those that come meanwhile are not made up for. Throws `ScheduleNotFoundError`. */
  pause(id: string): Promise<Schedule> {
    return this.changed(id, async (stored) => ({ ...rowFrom(stored), paused: true, nextAt: null }));
  }

  /** Lets it tick again, from the next tick that is still to come. Throws `ScheduleNotFoundError`. */
  resume(id: string): Promise<Schedule> {
    return this.changed(id, async (stored) => {
      const nextAt = stored.paused ? nextTick(specOf(stored).recurrence, stored.now) : stored.nextAt;
      return { ...rowFrom(stored), paused: false, nextAt };
    });
  }

  /**
   * Starts a run now, also while the schedule is paused or a run of it is unfinished. It is no tick: the next one comes as it would have.
   * Throws `ScheduleNotFoundError`.
   */
  async trigger(id: string): Promise<Run<unknown>> {
    const engine = this.parts.engine("schedules.trigger");
    const { schedules, instances, buckets } = engine.store;
    const occasion = `trigger ${engine.env.uuid()}`;
    for (;;) {
      const stored = await this.stored(id);
      const start = startOf(stored, occasion, buckets);
      const { revision, nextAt } = stored;
      // Refused: a tick came between, or an answer was lost behind which the run was started.
      if (!(await schedules.fire({ id, revision, nextAt, tickAt: null, start }))) {
        if ((await instances.look([start])).length === 0) continue;
      }
      engine.node.leftToAny();
      return this.parts.run(start.id);
    }
  }

  /** Deletes it; runs that it started go on. Answers false if there was none. */
  delete(id: string): Promise<boolean> {
    return this.parts.engine("schedules.delete").store.schedules.delete(checkScheduleId(id));
  }

  /** Which workflow is started, and with what. */
  private async startedBy(given: Given): Promise<Pick<ScheduleRow, "definition" | "version" | "data">> {
    const { id, version } = definitionOf(given.workflow).graph;
    const { schema } = this.parts.registry.get(id, version).definition;
    const what = `start data of "${id}"`;
    const data = schema === undefined ? given.data : await validated(schema, given.data, what);
    return { definition: id, version, data: encodeValue(data, what).json };
  }

  /** How long its runs may take. */
  private limitOf({ workflow, timeout }: Given): Limit {
    const { timeoutMs } = definitionOf(workflow).graph;
    return limitFrom({ timeoutMs: timeout === undefined ? timeoutMs : toRunTimeoutMs(timeout) });
  }

  private async redefined(stored: StoredSchedule, given: Given, labels: Labels): Promise<ScheduleRow> {
    const before = specOf(stored);
    const isSilent = given.cron === undefined && given.every === undefined && given.timeZone === undefined;
    const recurrence = isSilent ? before.recurrence : recurrenceOf(given, stored.now);
    const ticksAsBefore = isSameRecurrence(recurrence, before.recurrence);
    const { overlap = before.overlap, catchUp = before.catchUp } = given;
    const row = rowOf({
      ...rowFrom(stored),
      ...(given.workflow !== undefined && (await this.startedBy(given))),
      spec: {
        recurrence: ticksAsBefore ? before.recurrence : recurrence,
        ...policyOf({ overlap, catchUp }),
        ...(given.workflow !== undefined ? this.limitOf(given) : limitFrom(before)),
        ...labels,
      },
    });
    return ticksAsBefore || stored.paused ? row : { ...row, nextAt: firstTick(recurrence, stored.now) };
  }

  /** Writes what `change` makes of the schedule as it is; as often as another change or a tick comes between. */
  private async changed(id: string, change: (stored: StoredSchedule) => Promise<ScheduleRow>): Promise<Schedule> {
    for (;;) {
      const stored = await this.stored(id);
      const row = await change(stored);
      const { store, node } = this.parts.engine("schedules");
      if (!(await store.schedules.change(row, stored.revision))) continue;
      node.keeper.poke();
      return this.found(id);
    }
  }

  private async stored(id: string): Promise<StoredSchedule> {
    const stored = await this.parts.engine("schedules").store.schedules.get(checkScheduleId(id));
    if (stored === null) throw new ScheduleNotFoundError(id);
    return stored;
  }

  private async found(id: string): Promise<Schedule> {
    return viewOf(await this.stored(id));
  }
}

type Limit = Pick<ScheduleSpec, "timeoutMs">;

const limitFrom = ({ timeoutMs }: { readonly timeoutMs?: number | undefined }): Limit =>
  timeoutMs === undefined ? {} : { timeoutMs };

type Labels = Pick<ScheduleSpec, "reference" | "description" | "correlationId" | "tags">;

/** Throws what a start throws for labels that cannot be stored. */
function labelsOf({ reference, description, correlationId, tags }: Labels): Labels {
  return {
    ...(reference !== undefined && { reference: checkName(reference, "reference") }),
    ...(description !== undefined && { description: checkName(description, "description") }),
    ...(correlationId !== undefined && { correlationId: checkName(correlationId, "correlationId") }),
    ...(tags !== undefined && { tags: checkTags(tags) }),
  };
}

const specOf = (stored: StoredSchedule): ScheduleSpec => stored.spec as ScheduleSpec;

const rowOf = (row: Omit<ScheduleRow, "spec" | "queues"> & { readonly spec: ScheduleSpec }): ScheduleRow => {
  const { id, definition, version, paused, nextAt, spec, data } = row;
  const queues = spec.overlap === "queue";
  return { id, definition, version, queues, paused, nextAt, spec: JSON.stringify(spec), data };
};

const rowFrom = (stored: StoredSchedule): ScheduleRow =>
  rowOf({ ...stored, spec: specOf(stored), data: storedFromJson(stored.data).json });

/** Intervals of one length are the same, whatever they are counted from. */
const isSameRecurrence = (a: Recurrence, b: Recurrence): boolean =>
  "cron" in a
    ? "cron" in b && a.cron === b.cron && a.timeZone === b.timeZone
    : "everyMs" in b && a.everyMs === b.everyMs;
