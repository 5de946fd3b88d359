import type { Environment } from "../../models/environment.ts";
import { PersistenceError } from "../../models/errors-storage.ts";
import { WorkflowError } from "../../models/errors.ts";
import type { Database, Statement } from "../database.ts";
import {
  type IndexUsage,
  type PerformanceAnalysis,
  type PerformanceOptions,
  type SlowQuery,
  slowQueriesOf,
  type TablePerformance,
  type Unavailable,
} from "../performance-analysis.ts";
import {
  type ActivityRow,
  databaseActivity,
  type ExtensionRow,
  findExtension,
  type HiddenRow,
  indexUsage,
  type IndexRow,
  type QueryRow,
  seesEveryQuery,
  slowestQueries,
  tablePerformance,
  type TableRow,
} from "./performance-statements.ts";
import { retrying } from "../retrying.ts";
import type { Tables } from "./tables.ts";

/** Reads what the database says about its own work. Each part by itself: one that fails keeps none of the others. */
export class PerformanceAnalyst {
  private readonly database: Database;
  private readonly tables: Tables;
  private readonly env: Environment;

  constructor(database: Database, tables: Tables, env: Environment) {
    this.database = database;
    this.tables = tables;
    this.env = env;
  }

  /** Throws `InvalidRequestError`, and what the store throws when the database cannot be asked at all. */
  async analyze(options?: PerformanceOptions): Promise<PerformanceAnalysis> {
    const limit = slowQueriesOf(options);
    const unavailable: Unavailable[] = [];
    const [activity] = await this.run<ActivityRow>(databaseActivity(this.tables));
    const slowQueries = await this.part("slowQueries", unavailable, [], () => this.slowQueries(limit, unavailable));
    const indexes = await this.part("indexUsage", unavailable, [], () => this.run<IndexRow>(indexUsage(this.tables)));
    const rows = await this.part("tables", unavailable, [], () => this.run<TableRow>(tablePerformance(this.tables)));
    const pools = this.database.pools();
    unavailable.push(...unknownBloat(rows));
    if (activity?.hidden === true) unavailable.push(hiddenTransactions);
    if (pools.length === 0) unavailable.push(noPools);
    return {
      slowQueries,
      indexUsage: indexes.map(usageOf),
      unusedIndexes: indexes.filter(({ scans, unique }) => scans === 0 && !unique).map(({ index }) => index),
      tables: rows.map(performanceOf),
      cacheHitRatio: ratio(total(rows, "hits"), total(rows, "hits") + total(rows, "reads")),
      oldestTransactionMs: activity?.oldestMs ?? null,
      pools,
      countedSince: dateOf(activity?.since ?? null),
      measuredAt: new Date(activity?.now ?? this.env.now()),
      unavailable,
    };
  }

  private async slowQueries(limit: number, unavailable: Unavailable[]): Promise<readonly SlowQuery[]> {
    const [extension] = await this.run<ExtensionRow>(findExtension);
    if (extension === undefined || extension.view === null) {
      unavailable.push(extension?.mayInstall === true ? notCreated : notInstalled);
      return [];
    }
    const rows = await this.run<QueryRow>(slowestQueries(this.tables, extension.view, limit));
    const [rights] = await this.run<HiddenRow>(seesEveryQuery);
    if (rights?.hidden === true) unavailable.push(hiddenQueries);
    return rows.map(queryOf);
  }

  /** A part that the database refuses is told, with what can be done; what may pass by itself is tried again, then thrown. */
  private async part<T>(what: string, unavailable: Unavailable[], otherwise: T, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof WorkflowError && error.shouldRetry()) throw error;
      unavailable.push({ what, reason: reasonOf(error), remedy: remedyOf(error) });
      return otherwise;
    }
  }

  private run<R>(statement: Statement): Promise<readonly R[]> {
    return retrying(this.env, () => this.database.query<R>(statement));
  }
}

const preload = "Add pg_stat_statements to shared_preload_libraries in postgresql.conf and restart the server.";
const grant = "Grant the engine's role the right to see it: grant pg_read_all_stats to <role>.";

const notCreated: Unavailable = {
  what: "slowQueries",
  reason: "The extension pg_stat_statements was not created in this database.",
  remedy: `Run create extension pg_stat_statements as a superuser. If the analysis then says that it is not loaded: ${preload}`,
};

const notInstalled: Unavailable = {
  what: "slowQueries",
  reason: "This server does not have the extension pg_stat_statements.",
  remedy:
    "Install PostgreSQL's contrib package (an embedded PGlite has none of it), preload the extension and create it.",
};

const hiddenQueries: Unavailable = {
  what: "slowQueries of other roles",
  reason: "The engine's role may not read what other roles run.",
  remedy: grant,
};

const hiddenTransactions: Unavailable = {
  what: "oldestTransactionMs of other roles",
  reason: "The engine's role may not see the transactions of other roles.",
  remedy: grant,
};

const noPools: Unavailable = {
  what: "pools",
  reason: "An embedded database is one session.",
  remedy: "None is needed: statements take turns.",
};

/** Of an empty table nothing need be known. */
function unknownBloat(rows: readonly TableRow[]): readonly Unavailable[] {
  const tables = rows.filter(({ expected, main }) => expected === null && main > 0).map(({ table }) => table);
  if (tables.length === 0) return [];
  return [
    {
      what: `bloat of ${tables.join(", ")}`,
      reason: "The planner has no statistics of these tables yet.",
      remedy: "Run analyze on them; autovacuum does so by itself after enough changes.",
    },
  ];
}

const sqlStateOf = (error: unknown): string | undefined =>
  error instanceof PersistenceError ? error.sqlState : undefined;

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function remedyOf(error: unknown): string {
  switch (sqlStateOf(error)) {
    case "55000":
      return preload;
    case "42501":
      return grant;
    default:
      return "Look the database's message up; all other parts of the analysis were read.";
  }
}

const queryOf = (row: QueryRow): SlowQuery => ({
  query: row.query,
  calls: row.calls,
  avgDurationMs: row.average,
  maxDurationMs: row.longest,
  totalDurationMs: row.total,
  avgRows: row.rows,
});

const usageOf = (row: IndexRow): IndexUsage => ({
  table: row.table,
  index: row.index,
  scans: row.scans,
  rowsRead: row.rows,
  sizeBytes: row.bytes,
  isUnique: row.unique,
});

const performanceOf = (row: TableRow): TablePerformance => ({
  table: row.table,
  totalBytes: row.total,
  tableBytes: row.bytes,
  indexBytes: row.index,
  liveRows: row.live,
  deadRows: row.dead,
  bloatBytes: bloatOf(row),
  hotUpdateRatio: ratio(row.hot, row.updates),
  sequentialScans: row.sequential,
  indexScans: row.indexed,
  lastVacuumAt: dateOf(row.vacuumed),
  lastAutovacuumAt: dateOf(row.autovacuumed),
  lastAnalyzeAt: dateOf(row.analyzed),
  rowsSinceAnalyze: row.changed,
  transactionAge: row.age,
});

function bloatOf({ main, expected }: TableRow): number | null {
  if (main === 0) return 0;
  return expected === null ? null : Math.max(0, main - expected);
}

const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
const dateOf = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));
const total = (rows: readonly TableRow[], column: "hits" | "reads"): number =>
  rows.reduce((sum, row) => sum + row[column], 0);
