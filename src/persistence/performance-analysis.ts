import { InvalidRequestError } from "../models/errors.ts";
import { checkKnown, fieldsOf } from "../models/known-fields.ts";

export interface PerformanceOptions {
  /** How many slow queries are told, from 1 to 1,000. Default: 20. */
  readonly slowQueries?: number | undefined;
}

/** What a database says about its own work on the engine's tables. */
export interface PerformanceAnalysis {
  /** Queries on the engine's tables, the longest on average first. */
  readonly slowQueries: readonly SlowQuery[];
  readonly indexUsage: readonly IndexUsage[];
  /** Indexes that no query has used since `countedSince`, and that keep no key unique. The engine's own are used by rare acts
   *  (takeovers, purges) too: do not drop them for being idle. */
  readonly unusedIndexes: readonly string[];
  readonly tables: readonly TablePerformance[];
  /** Share of the blocks that were found in the database's memory, from 0 to 1; null before any was read. */
  readonly cacheHitRatio: number | null;
  /** Milliseconds that the oldest open transaction of the database has been open; null if there is none. While it lasts, rows that
   *  were deleted or updated since cannot be freed. */
  readonly oldestTransactionMs: number | null;
  /** Sessions of this process. */
  readonly pools: readonly PoolFigures[];
  /** Since when the database counts; null if it has never been told to begin anew. */
  readonly countedSince: Date | null;
  readonly measuredAt: Date;
  /** What could not be read. */
  readonly unavailable: readonly Unavailable[];
}

/** A part of an analysis that is missing. */
export interface Unavailable {
  /** The part: `slowQueries`, `bloat of pointer`, … */
  readonly what: string;
  readonly reason: string;
  /** What to do to have it the next time. */
  readonly remedy: string;
}

export interface SlowQuery {
  /** The text, with placeholders for values. */
  readonly query: string;
  readonly calls: number;
  readonly avgDurationMs: number;
  readonly maxDurationMs: number;
  readonly totalDurationMs: number;
  /** Rows that it returned or changed, on average. */
  readonly avgRows: number;
}

export interface IndexUsage {
  readonly table: string;
  readonly index: string;
  readonly scans: number;
  readonly rowsRead: number;
  readonly sizeBytes: number;
  readonly isUnique: boolean;
}

export interface TablePerformance {
  readonly table: string;
  readonly totalBytes: number;
  readonly tableBytes: number;
  readonly indexBytes: number;
  /** As the database's statistics have it. */
  readonly liveRows: number;
  /** Versions of rows that vacuum has yet to free. */
  readonly deadRows: number;
  /** Bytes of the table, without indexes, beyond what its rows should take: an estimate from the width of its columns. Null if that is
   *  not known. */
  readonly bloatBytes: number | null;
  /** Share of updates that touched no index (heap-only tuples), from 0 to 1; null before any update. */
  readonly hotUpdateRatio: number | null;
  /** How often it was read from end to end. */
  readonly sequentialScans: number;
  readonly indexScans: number;
  readonly lastVacuumAt: Date | null;
  readonly lastAutovacuumAt: Date | null;
  readonly lastAnalyzeAt: Date | null;
  /** Rows changed since the planner's statistics were taken. */
  readonly rowsSinceAnalyze: number;
  /** Transactions since the oldest row version that is not frozen. Vacuum must have been there before 2,000,000,000. */
  readonly transactionAge: number;
}

export interface PoolFigures {
  /** `hot`: the engine's claims and deliveries; `general`: transactional steps, records and all else. */
  readonly name: string;
  readonly connections: number;
  readonly idle: number;
  /** Callers that wait for a connection. */
  readonly waiting: number;
  /** Most connections it may have. */
  readonly max: number;
}

const mostQueries = 1_000;
const known = fieldsOf<PerformanceOptions>({ slowQueries: true });

/** Fills in the default. Throws `InvalidRequestError`. */
export function slowQueriesOf(options: PerformanceOptions = {}): number {
  checkKnown(options, "analyzePerformance", known);
  const { slowQueries = 20 } = options;
  if (Number.isInteger(slowQueries) && slowQueries >= 1 && slowQueries <= mostQueries) return slowQueries;
  throw new InvalidRequestError("analyzePerformance: slowQueries", `must be a whole number from 1 to ${mostQueries}`);
}
