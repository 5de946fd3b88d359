import { checkTimeZone } from "../models/calendar.ts";
import { InvalidRequestError } from "../models/errors.ts";
import { checkKnown, fieldsOf } from "../models/known-fields.ts";
import type { PerformanceAnalysis, PerformanceOptions } from "./performance-analysis.ts";

/**
 * Figures for people and dashboards. The cost of each is bounded, however many instances there are: what would need a look at every
 * row is counted exactly in small tables and estimated from a random sample in large ones, and the answer says which.
 */
export interface Statistics {
  /** How many workflows there are, how they end, and how fast. Throws `InvalidRequestError` for an unknown time zone. */
  getWorkflowStats(options?: WorkflowStatsOptions): Promise<WorkflowStatistics>;
  /** How the steps of the newest instances fared. Throws `InvalidRequestError`. */
  getStepStats(options?: StepStatsOptions): Promise<StepStatistics>;
  /** What the engine's tables hold and weigh. */
  getStorageStats(): Promise<StorageStatistics>;
  /** Looks for what makes the database slow. What cannot be read is told with the reason and the remedy, never thrown. */
  analyzePerformance(options?: PerformanceOptions): Promise<PerformanceAnalysis>;
}

export interface WorkflowStatsOptions {
  /** IANA name of the time zone in which `startedToday` and `completedToday` have their day. Default: `UTC`. */
  readonly timeZone?: string | undefined;
}

/** A count that was estimated: with 95 % confidence the true one lies no further than `margin` from it. */
export interface Estimate<Name extends string = string> {
  readonly figure: Name;
  /** Rows, up and down. */
  readonly margin: number;
}

/** Workflows by status. `Runnable` ones are the running: being worked on, due, or waiting for a time or an event. */
export interface WorkflowCounts {
  readonly totalWorkflows: number;
  readonly runningWorkflows: number;
  readonly suspendedWorkflows: number;
  readonly completeWorkflows: number;
  readonly failedWorkflows: number;
  readonly terminatedWorkflows: number;
  /** Created since `dayStartedAt`. */
  readonly startedToday: number;
  /** Ended as Complete since `dayStartedAt`. */
  readonly completedToday: number;
}

export interface WorkflowStatistics extends WorkflowCounts {
  /** Milliseconds from creation to the end, waiting included, on average over the newest Complete workflows; null if there are none. */
  readonly averageExecutionMs: number | null;
  /** Of these the time that 95 % did not exceed. */
  readonly p95ExecutionMs: number | null;
  /** Over how many workflows both were taken: the newest to complete, 10,000 at most. */
  readonly executionsMeasured: number;
  /** Share of Failed among the ended workflows, from 0 to 1; 0 while none has ended. */
  readonly errorRate: number;
  /** How many completed within the last hour. */
  readonly throughputPerHour: number;
  /** The first instant of today in the time zone. */
  readonly dayStartedAt: Date;
  /** The time by the store's own clock. */
  readonly measuredAt: Date;
  /** Whether any of the counts is an estimate. */
  readonly estimated: boolean;
  /** Which; all others are exact. */
  readonly estimates: readonly Estimate<keyof WorkflowCounts | "throughputPerHour">[];
}

export interface StepStatsOptions {
  /** Only steps of this definition. Default: all. */
  readonly workflowDefinitionId?: string | undefined;
  /** How many of the newest to end are looked at, and as many that have not ended: 1 to 100,000. Of each, 10,000 steps at most.
   *  Default: 1,000. */
  readonly instances?: number | undefined;
}

export interface StepStatistics {
  readonly steps: readonly StepFigures[];
  /** How many instances were looked at, of whatever definition. */
  readonly instances: number;
  /** When the oldest of them was created; null if there are none. */
  readonly since: Date | null;
  /** Whether there are more instances, or one with more than 10,000 steps: then these figures are of a part. */
  readonly estimated: boolean;
}

/** One step of one definition. */
export interface StepFigures {
  readonly workflowDefinitionId: string;
  readonly version: number;
  /** Its place in the definition: its name, and what it stands in; `each[]/ship` is `ship` in every iteration of `each`, `poll#/ask`
   *  is `ask` in every lap of `poll`. A compensation ends in `/undo`. */
  readonly path: string;
  /** How often it came to an end, whatever that was. */
  readonly count: number;
  readonly failures: number;
  /** Attempts beyond the first of each. */
  readonly retries: number;
  /** Milliseconds that its last attempt took, on average. */
  readonly averageMs: number;
  readonly p95Ms: number;
}

export interface StorageStatistics {
  /** Bytes of all the engine's tables with their indexes. */
  readonly totalSizeBytes: number;
  /** Bytes of the whole database, with all that is not the engine's. Null where there is no database. */
  readonly databaseSizeBytes: number | null;
  readonly totalRows: number;
  readonly tables: readonly TableStorage[];
  /** When the oldest and the newest instance were created; null if there are none. */
  readonly oldestInstanceAt: Date | null;
  readonly newestInstanceAt: Date | null;
  readonly measuredAt: Date;
  /** Whether any count of rows is an estimate. Bytes are exact on a database, and in memory those of the JSON alone. */
  readonly estimated: boolean;
}

export interface TableStorage {
  readonly name: string;
  readonly totalBytes: number;
  /** With what is stored out of line. */
  readonly tableBytes: number;
  readonly indexBytes: number;
  readonly rows: number;
  readonly estimated: boolean;
  /** See `Estimate`; 0 if exact. */
  readonly margin: number;
}

/** How many of the newest ended instances times are taken from. */
export const executionWindow = 10_000;

/** How many rows of an instance step statistics look at. */
export const stepsPerInstance = 10_000;

const mostInstances = 100_000;
const stepFields = fieldsOf<StepStatsOptions>({ workflowDefinitionId: true, instances: true });
const workflowFields = fieldsOf<WorkflowStatsOptions>({ timeZone: true });

export interface StepWindow {
  readonly definition: string | null;
  readonly instances: number;
}

/** Fills in the defaults. Throws `InvalidRequestError`. */
export function stepWindowOf(options: StepStatsOptions = {}): StepWindow {
  checkKnown(options, "getStepStats", stepFields);
  const { workflowDefinitionId = null, instances = 1_000 } = options;
  if (workflowDefinitionId !== null && typeof workflowDefinitionId !== "string")
    throw new InvalidRequestError("getStepStats: workflowDefinitionId", "must be the id of a definition");
  if (!Number.isInteger(instances) || instances < 1 || instances > mostInstances)
    throw new InvalidRequestError("getStepStats: instances", `must be a whole number from 1 to ${mostInstances}`);
  return { definition: workflowDefinitionId, instances };
}

/** Fills in the default. Throws `InvalidRequestError`. */
export function timeZoneOf(options: WorkflowStatsOptions = {}): string {
  checkKnown(options, "getWorkflowStats", workflowFields);
  return checkTimeZone(options.timeZone ?? "UTC", "getWorkflowStats: timeZone");
}

/** Share of failed among ended ones. */
export function errorRateOf(counts: WorkflowCounts): number {
  const ended = counts.completeWorkflows + counts.failedWorkflows + counts.terminatedWorkflows;
  return ended === 0 ? 0 : counts.failedWorkflows / ended;
}
