import { startOfDay } from "../../models/calendar.ts";
import type { Environment } from "../../models/environment.ts";
import type { Database, Statement } from "../database.ts";
import type { PerformanceAnalysis, PerformanceOptions } from "../performance-analysis.ts";
import {
  errorRateOf,
  type Estimate,
  executionWindow,
  type Statistics,
  type StepFigures,
  stepsPerInstance,
  type StepStatistics,
  type StepStatsOptions,
  stepWindowOf,
  type StorageStatistics,
  type TableStorage,
  timeZoneOf,
  type WorkflowStatistics,
  type WorkflowStatsOptions,
} from "../statistics.ts";
import { PerformanceAnalyst } from "./performance.ts";
import { retrying } from "../retrying.ts";
import {
  countEnded,
  countOpen,
  countStarted,
  databaseNow,
  type EndedRow,
  type ExecutionRow,
  executionTimes,
  type Figure,
  figureNames,
  type OpenRow,
  pagesOf,
  type SampledRow,
  sampleInstances,
  sampleRows,
  type SizeRow,
  span,
  type SpanRow,
  stepFigures,
  type StepRow,
  stepWindow,
  tableSizes,
  type WindowRow,
} from "./statistics-statements.ts";
import { allTables, type Tables } from "./tables.ts";

/** A table of no more pages than this is counted; of a larger one about so many are sampled (16 MB). */
const sampledPages = 2_000;
/** Where an index knows, this many rows are counted one by one. */
const mostCounted = 200_000;
const hourMs = 3_600_000;

type Counts = { [F in Figure]: number };
type Margins = Map<Figure, number>;

/** Statistics in SQL, on whatever `Database` it is given. */
export class SqlStatistics implements Statistics {
  private readonly database: Database;
  private readonly tables: Tables;
  private readonly env: Environment;
  private readonly analyst: PerformanceAnalyst;

  constructor(database: Database, tables: Tables, env: Environment) {
    this.database = database;
    this.tables = tables;
    this.env = env;
    this.analyst = new PerformanceAnalyst(database, tables, env);
  }

  async getWorkflowStats(options?: WorkflowStatsOptions): Promise<WorkflowStatistics> {
    const timeZone = timeZoneOf(options);
    const { now } = await this.one<{ readonly now: number }>(databaseNow(this.tables));
    const since = { day: startOfDay(now, timeZone), hour: now - hourMs };
    const { counts, margins } = await this.counts(since);
    const times = await this.one<ExecutionRow>(executionTimes(this.tables, executionWindow));
    const estimates: Estimate<Figure>[] = [...margins].map(([figure, margin]) => ({ figure, margin }));
    return {
      ...counts,
      averageExecutionMs: times.average,
      p95ExecutionMs: times.p95,
      executionsMeasured: times.n,
      errorRate: errorRateOf(counts),
      dayStartedAt: new Date(since.day),
      measuredAt: new Date(now),
      estimated: estimates.length > 0,
      estimates,
    };
  }

  async getStepStats(options?: StepStatsOptions): Promise<StepStatistics> {
    const window = stepWindowOf(options);
    const rows = await this.run<StepRow>(stepFigures(this.tables, window, stepsPerInstance));
    const { ended, open, since } = await this.one<WindowRow>(stepWindow(this.tables, window.instances + 1));
    const counted = (n: number): number => Math.min(n, window.instances);
    return {
      steps: rows.map(figuresOf),
      instances: counted(ended) + counted(open),
      since: dateOf(since),
      estimated: Math.max(ended, open) > window.instances || rows.some((row) => row.fullest >= stepsPerInstance),
    };
  }

  async getStorageStats(): Promise<StorageStatistics> {
    const names = allTables(this.tables);
    const sizes = await this.run<SizeRow>(tableSizes([...names.values()]));
    const tables: TableStorage[] = [];
    for (const [name, qualified] of names) {
      const size = sizes.find((row) => row.name === qualified);
      if (size !== undefined) tables.push(await this.tableStorage(name, size));
    }
    const { now, bytes, oldest, newest } = await this.one<SpanRow>(span(this.tables));
    return {
      totalSizeBytes: sum(tables, (table) => table.totalBytes),
      databaseSizeBytes: bytes,
      totalRows: sum(tables, (table) => table.rows),
      tables,
      oldestInstanceAt: dateOf(oldest),
      newestInstanceAt: dateOf(newest),
      measuredAt: new Date(now),
      estimated: tables.some((table) => table.estimated),
    };
  }

  analyzePerformance(options?: PerformanceOptions): Promise<PerformanceAnalysis> {
    return this.analyst.analyze(options);
  }

  /** Everything from the sample; then, unless that was the whole table, exactly what an index knows and is not too much to count. */
  private async counts(since: {
    readonly day: number;
    readonly hour: number;
  }): Promise<{ counts: Counts; margins: Margins }> {
    const { tables } = this;
    const { pages } = await this.one<{ readonly pages: number }>(pagesOf(tables.instance));
    const percent = percentOf(pages);
    const sampled = await this.one<SampledRow>(sampleInstances(tables, percent, since));
    const counts = estimatesOf(sampled, percent);
    const margins: Margins = new Map();
    if (percent === 100) return { counts, margins };
    for (const figure of figureNames) margins.set(figure, marginOf(sampled[`${figure}Squared`], percent));
    const known = (figure: Figure, count: number): void => {
      counts[figure] = count;
      margins.delete(figure);
    };
    const open = await this.run<OpenRow>(countOpen(tables, mostCounted));
    if (sum(open, (row) => row.n) < mostCounted) {
      known("runningWorkflows", open.find((row) => row.status === 0)?.n ?? 0);
      known("suspendedWorkflows", open.find((row) => row.status === 1)?.n ?? 0);
    }
    const started = await this.one<{ readonly n: number }>(countStarted(tables, since.day, mostCounted));
    if (started.n < mostCounted) known("startedToday", started.n);
    const today = await this.one<EndedRow>(countEnded(tables, since.day, mostCounted));
    if (today.looked < mostCounted) known("completedToday", today.completed);
    const lately = await this.one<EndedRow>(countEnded(tables, since.hour, mostCounted));
    if (lately.looked < mostCounted) known("throughputPerHour", lately.completed);
    return { counts, margins };
  }

  private async tableStorage(name: string, size: SizeRow): Promise<TableStorage> {
    const percent = percentOf(size.pages);
    const sampled = await this.one<{ readonly rows: number; readonly squared: number }>(sampleRows(size.name, percent));
    return {
      name,
      totalBytes: size.total,
      tableBytes: size.table,
      indexBytes: size.index,
      rows: Math.round((sampled.rows * 100) / percent),
      estimated: percent < 100,
      margin: marginOf(sampled.squared, percent),
    };
  }

  private async one<R>(statement: Statement): Promise<R> {
    const [row] = await this.run<R>(statement);
    if (row === undefined) throw new Error(`${statement.name} answered no row`); // aggregates always do
    return row;
  }

  private run<R>(statement: Statement): Promise<readonly R[]> {
    return retrying(this.env, () => this.database.query<R>(statement));
  }
}

const percentOf = (pages: number): number => (pages <= sampledPages ? 100 : (100 * sampledPages) / pages);

function estimatesOf(sampled: SampledRow, percent: number): Counts {
  const scaled = figureNames.map((figure) => [figure, Math.round((sampled[figure] * 100) / percent)]);
  return Object.fromEntries(scaled) as Counts;
}

/** Each page is in the sample with probability p, so the estimate has the variance (1 - p) / p² · Σ n². */
function marginOf(squared: number, percent: number): number {
  const p = percent / 100;
  return Math.ceil((1.96 * Math.sqrt((1 - p) * squared)) / p);
}

const figuresOf = (row: StepRow): StepFigures => ({
  workflowDefinitionId: row.definition,
  version: row.version,
  path: row.path,
  count: row.n,
  failures: row.failures,
  retries: row.retries,
  averageMs: row.average,
  p95Ms: row.p95,
});

const dateOf = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

const sum = <R>(rows: readonly R[], of: (row: R) => number): number => rows.reduce((total, row) => total + of(row), 0);
