import type { WorkflowStatus } from "../models/instance.ts";

export interface PurgeWorkflows {
  /** Those that ended before this time. */
  readonly endedBefore: Date;
  /** Default: every status that is an end. */
  readonly status?: WorkflowStatus | readonly WorkflowStatus[] | undefined;
  readonly workflowDefinitionId?: string | undefined;
  /** How many at most. Default: all of them, in bounded batches. */
  readonly limit?: number | undefined;
}

export interface PurgeBefore {
  /** Those from before this time. */
  readonly before: Date;
  /** How many at most. Default: all of them, in bounded batches. */
  readonly limit?: number | undefined;
}

/** How a store is. */
export interface HealthReport {
  readonly isHealthy: boolean;
  /** Milliseconds that one question took. */
  readonly latencyMs: number;
  /** The store's own time; null if it gave no answer. */
  readonly time: Date | null;
  /** What it is: `postgres`, `pglite`, `memory`. */
  readonly store: string;
  /** Its version, as it says itself. */
  readonly version: string | null;
  /** Why it is not healthy. */
  readonly problem: string | null;
}

/** Upkeep: never part of a transaction. */
export interface Upkeep {
  /** Deletes instances that ended long ago, with all that hangs on them. Answers how many. */
  purgeWorkflows(which: PurgeWorkflows): Promise<number>;
  /** Deletes old events. Hosts do so by themselves after 7 days. */
  purgeEvents(which: PurgeBefore): Promise<number>;
  /** Deletes old subscriptions of instances that have ended or do not exist. */
  purgeSubscriptions(which: PurgeBefore): Promise<number>;
  /** Has the database look at its tables anew, so that it plans well. `vacuum`: and free what deleted rows took, which may take long. */
  optimize(options?: { readonly vacuum?: boolean | undefined }): Promise<void>;
  /** Never throws. */
  healthCheck(): Promise<HealthReport>;
}
