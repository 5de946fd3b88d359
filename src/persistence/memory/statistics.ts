import { startOfDay } from "../../models/calendar.ts";
import { isTerminal, type WorkflowStatus } from "../../models/instance.ts";
import { staticPath } from "../../models/path.ts";
import {
  type PerformanceAnalysis,
  type PerformanceOptions,
  slowQueriesOf,
  type Unavailable,
} from "../performance-analysis.ts";
import {
  errorRateOf,
  executionWindow,
  type Statistics,
  type StepFigures,
  stepsPerInstance,
  type StepStatistics,
  type StepStatsOptions,
  type StepWindow,
  stepWindowOf,
  type StorageStatistics,
  type TableStorage,
  timeZoneOf,
  type WorkflowStatistics,
  type WorkflowStatsOptions,
} from "../statistics.ts";
import type { Act } from "./act.ts";
import type { EventRecord, InstanceRecord, PointerRecord, SubscriptionRecord } from "./records.ts";

/** What statistics are taken of. */
export interface Shelves {
  instances(): Iterable<InstanceRecord>;
  events(): Iterable<EventRecord>;
  subscriptions(): Iterable<SubscriptionRecord>;
}

const hourMs = 3_600_000;

/** Statistics of what memory holds: everything is looked at, so every figure is exact. */
export class MemoryStatistics implements Statistics {
  private readonly shelves: Shelves;
  private readonly act: Act;

  constructor(shelves: Shelves, act: Act) {
    this.shelves = shelves;
    this.act = act;
  }

  async getWorkflowStats(options?: WorkflowStatsOptions): Promise<WorkflowStatistics> {
    const timeZone = timeZoneOf(options);
    return this.act((now) => this.workflows(timeZone, now));
  }

  async getStepStats(options?: StepStatsOptions): Promise<StepStatistics> {
    const window = stepWindowOf(options);
    return this.act(() => this.steps(window));
  }

  async getStorageStats(): Promise<StorageStatistics> {
    return this.act((now) => this.storage(now));
  }

  async analyzePerformance(options?: PerformanceOptions): Promise<PerformanceAnalysis> {
    slowQueriesOf(options);
    return this.act((now) => ({
      slowQueries: [],
      indexUsage: [],
      unusedIndexes: [],
      tables: [],
      cacheHitRatio: null,
      oldestTransactionMs: null,
      pools: [],
      countedSince: null,
      measuredAt: new Date(now),
      unavailable: parts.map(withoutDatabase),
    }));
  }

  private workflows(timeZone: string, now: number): WorkflowStatistics {
    const day = startOfDay(now, timeZone);
    const all = [...this.shelves.instances()];
    const count = (test: (row: InstanceRecord) => boolean): number => all.filter(test).length;
    const of = (status: WorkflowStatus): number => count((row) => row.status === status);
    const completedSince = (at: number): number =>
      count((row) => row.status === "Complete" && (row.completedAt ?? 0) >= at);
    const counts = {
      totalWorkflows: all.length,
      runningWorkflows: of("Runnable"),
      suspendedWorkflows: of("Suspended"),
      completeWorkflows: of("Complete"),
      failedWorkflows: of("Failed"),
      terminatedWorkflows: of("Terminated"),
      startedToday: count((row) => row.createdAt >= day),
      completedToday: completedSince(day),
    };
    return {
      ...counts,
      throughputPerHour: completedSince(now - hourMs),
      ...executionTimes(all),
      errorRate: errorRateOf(counts),
      dayStartedAt: new Date(day),
      measuredAt: new Date(now),
      estimated: false,
      estimates: [],
    };
  }

  private steps({ definition, instances }: StepWindow): StepStatistics {
    const all = [...this.shelves.instances()];
    const ended = newestEnded(all);
    const open = all.filter((row) => !isTerminal(row.status));
    const looked = [...ended.slice(0, instances), ...open.slice(0, instances)];
    const groups = new Map<string, Group>();
    for (const row of looked) if (definition === null || row.definition === definition) gather(groups, row);
    return {
      steps: [...groups.values()].map(figuresOf).sort(byPlace),
      instances: looked.length,
      since: earliest(looked),
      estimated:
        Math.max(ended.length, open.length) > instances || looked.some((row) => row.pointers.size > stepsPerInstance),
    };
  }

  private storage(now: number): StorageStatistics {
    const instances = [...this.shelves.instances()];
    const tables = [
      tableOf("instance", instances),
      tableOf(
        "pointer",
        instances.flatMap((row) => [...row.pointers.values()]),
      ),
      tableOf(
        "history",
        instances.flatMap((row) => row.history),
      ),
      tableOf(
        "inbox",
        instances.flatMap((row) => [...row.inbox.values()]),
      ),
      tableOf("event", [...this.shelves.events()]),
      tableOf("subscription", [...this.shelves.subscriptions()]),
    ];
    return {
      totalSizeBytes: sum(tables, (table) => table.totalBytes),
      databaseSizeBytes: null,
      totalRows: sum(tables, (table) => table.rows),
      tables,
      oldestInstanceAt: earliest(instances),
      newestInstanceAt: latest(instances),
      measuredAt: new Date(now),
      estimated: false,
    };
  }
}

const parts = ["slowQueries", "indexUsage", "tables", "cacheHitRatio", "oldestTransactionMs", "pools"] as const;

const withoutDatabase = (what: (typeof parts)[number]): Unavailable => ({
  what,
  reason: "Memory has no database that could be looked into.",
  remedy: "Use a PostgresPersistenceProvider or a PglitePersistenceProvider.",
});

function executionTimes(
  all: readonly InstanceRecord[],
): Pick<WorkflowStatistics, "averageExecutionMs" | "p95ExecutionMs" | "executionsMeasured"> {
  const newest = newestEnded(all).slice(0, executionWindow);
  const took = newest
    .filter((row) => row.status === "Complete")
    .map((row) => (row.completedAt ?? 0) - row.createdAt)
    .sort((a, b) => a - b);
  if (took.length === 0) return { averageExecutionMs: null, p95ExecutionMs: null, executionsMeasured: 0 };
  return { averageExecutionMs: average(took), p95ExecutionMs: p95(took), executionsMeasured: took.length };
}

const newestEnded = (all: readonly InstanceRecord[]): readonly InstanceRecord[] =>
  all
    .filter((row) => row.completedAt !== null)
    .sort((a, b) => (b.completedAt ?? 0) - (a.completedAt ?? 0) || compare(b.id, a.id));

interface Group {
  readonly row: InstanceRecord;
  readonly path: string;
  readonly pointers: PointerRecord[];
}

function gather(groups: Map<string, Group>, row: InstanceRecord): void {
  const finished = [...row.pointers.values()].filter((pointer) => pointer.status !== "Started");
  for (const pointer of finished.slice(0, stepsPerInstance)) {
    const path = staticPath(pointer.path);
    const key = JSON.stringify([row.definition, row.version, path]);
    const group = groups.get(key) ?? { row, path, pointers: [] };
    group.pointers.push(pointer);
    groups.set(key, group);
  }
}

function figuresOf({ row, path, pointers }: Group): StepFigures {
  const took = pointers.map(({ tookMs }) => Math.round(tookMs)).sort((a, b) => a - b);
  return {
    workflowDefinitionId: row.definition,
    version: row.version,
    path,
    count: pointers.length,
    failures: pointers.filter(({ status }) => status === "Failed").length,
    retries: sum(pointers, ({ attempts }) => attempts - 1),
    averageMs: average(took),
    p95Ms: p95(took),
  };
}

const byPlace = (a: StepFigures, b: StepFigures): number =>
  compare(a.workflowDefinitionId, b.workflowDefinitionId) || a.version - b.version || compare(a.path, b.path);

function tableOf(name: string, rows: readonly object[]): TableStorage {
  const bytes = sum(rows, weightOf);
  return { name, totalBytes: bytes, tableBytes: bytes, indexBytes: 0, rows: rows.length, estimated: false, margin: 0 };
}

/** Characters of the texts that a row holds: its ids, names and JSON. */
function weightOf(row: object): number {
  const values: readonly unknown[] = Object.values(row);
  return sum(values, (value) => (typeof value === "string" ? value.length : 0));
}

const earliest = (rows: readonly InstanceRecord[]): Date | null => extreme(rows, (a, b) => Math.min(a, b));
const latest = (rows: readonly InstanceRecord[]): Date | null => extreme(rows, (a, b) => Math.max(a, b));

function extreme(rows: readonly InstanceRecord[], pick: (a: number, b: number) => number): Date | null {
  const [first] = rows;
  return first === undefined ? null : new Date(rows.reduce((at, row) => pick(at, row.createdAt), first.createdAt));
}

/** Of sorted numbers the one that 95 % do not exceed. */
const p95 = (sorted: readonly number[]): number => sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
const average = (numbers: readonly number[]): number => sum(numbers, (n) => n) / numbers.length;
const sum = <R>(rows: readonly R[], of: (row: R) => number): number => rows.reduce((total, row) => total + of(row), 0);
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
