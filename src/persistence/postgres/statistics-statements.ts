import type { Statement } from "../database.ts";
import type { StepWindow } from "../statistics.ts";
import type { Tables } from "./tables.ts";
import { toMs } from "./tables.ts";

/** How large a table is, which decides whether it is counted or sampled. */
export const pagesOf = (table: string): Statement => ({
  name: "statistics-pages",
  text: `select (pg_relation_size($1::regclass) / current_setting('block_size')::int)::float8 as pages`,
  values: [table],
});

export const databaseNow = (t: Tables): Statement => ({
  name: "statistics-now",
  text: `select ${t.clockMs} as now`,
  values: [],
});

const figures = {
  totalWorkflows: "true",
  runningWorkflows: "status = 0",
  suspendedWorkflows: "status = 1",
  completeWorkflows: "status = 2",
  terminatedWorkflows: "status = 3",
  failedWorkflows: "status = 4",
  startedToday: "created_at >= to_timestamp($2::float8 / 1000)",
  completedToday: "status = 2 and completed_at >= to_timestamp($2::float8 / 1000)",
  throughputPerHour: "status = 2 and completed_at >= to_timestamp($3::float8 / 1000)",
} as const;

export type Figure = keyof typeof figures;
export const figureNames: readonly Figure[] = Object.keys(figures) as Figure[];

/** For each figure, how many rows of the sample, and the sum of the squares of how many on each page. */
export type SampledRow = { readonly [F in Figure]: number } & { readonly [F in `${Figure}Squared`]: number };

/**
 * Counts a random share of the table's pages, in percent; 100 is the whole table. Rows of one page are of one age and so of one kind:
 * only the counts by page say how far the sample may be off.
 */
export const sampleInstances = (t: Tables, percent: number, since: { day: number; hour: number }): Statement => ({
  name: "statistics-sample",
  text: `select ${figureNames.map((name) => `coalesce(sum(${quoted(name)}), 0)::float8 as ${quoted(name)}, coalesce(sum((${quoted(name)} * ${quoted(name)})::float8), 0)::float8 as ${quoted(`${name}Squared`)}`).join(",\n      ")}
    from (select ${figureNames.map((name) => `count(*) filter (where ${figures[name]}) as ${quoted(name)}`).join(",\n        ")}
      from ${t.instance} tablesample system ($1::float8) group by (ctid::text::point)[0]) as page`,
  values: [percent, since.day, since.hour],
});

const quoted = (name: string): string => `"${name}"`;

/** Rows of a sample of any table. */
export const sampleRows = (table: string, percent: number): Statement => ({
  name: "",
  text: `select coalesce(sum(n), 0)::float8 as rows, coalesce(sum((n * n)::float8), 0)::float8 as squared
    from (select count(*) as n from ${table} tablesample system ($1::float8) group by (ctid::text::point)[0]) as page`,
  values: [percent],
});

export interface OpenRow {
  readonly status: number;
  readonly n: number;
}

/** Instances that have not ended, from their own index alone; at most `limit` in all. */
export const countOpen = (t: Tables, limit: number): Statement => ({
  name: "statistics-open",
  text: `select status::int, count(*)::float8 as n
    from (select status from ${t.instance} where completed_at is null limit $1) as open group by status`,
  values: [limit],
});

/** Instances created since then; at most `limit`. */
export const countStarted = (t: Tables, since: number, limit: number): Statement => ({
  name: "statistics-started",
  text: `select count(*)::float8 as n from (
      select from ${t.instance} where created_at >= to_timestamp($1::float8 / 1000) order by created_at desc limit $2) as started`,
  values: [since, limit],
});

export interface EndedRow {
  /** How many ended since then; if that is the limit, there may be more. */
  readonly looked: number;
  readonly completed: number;
}

/** Instances that ended since then; at most `limit`, the newest. */
export const countEnded = (t: Tables, since: number, limit: number): Statement => ({
  name: "statistics-ended",
  text: `select count(*)::float8 as looked, (count(*) filter (where status = 2))::float8 as completed
    from (select status from ${t.instance} where completed_at >= to_timestamp($1::float8 / 1000)
      order by completed_at desc limit $2) as ended`,
  values: [since, limit],
});

export interface ExecutionRow {
  readonly n: number;
  readonly average: number | null;
  readonly p95: number | null;
}

/** The newest to end; of these, the Complete ones. */
export const executionTimes = (t: Tables, limit: number): Statement => ({
  name: "statistics-executions",
  text: `select count(*)::float8 as n, avg(took)::float8 as average, percentile_disc(0.95) within group (order by took) as p95
    from (select ${toMs("completed_at")} - ${toMs("created_at")} as took, status from ${t.instance}
      where completed_at is not null order by completed_at desc limit $1) as newest
    where status = 2`,
  values: [limit],
});

export interface StepRow {
  readonly definition: string;
  readonly version: number;
  readonly path: string;
  readonly n: number;
  readonly failures: number;
  readonly retries: number;
  readonly average: number;
  readonly p95: number;
  /** The most pointers that were taken of an instance. */
  readonly fullest: number;
}

/** The newest to end, and as many that have not ended. */
const windowOf = (t: Tables): string => `(
      (select bucket, id, definition, version, created_at, true as ended from ${t.instance}
        where completed_at is not null order by completed_at desc, id desc limit $1)
      union all
      (select bucket, id, definition, version, created_at, false from ${t.instance} where completed_at is null limit $1)) as w`;

/** Pointers of a window of instances, through the key; indexes and laps in paths are taken out, as in `staticPath`. */
export const stepFigures = (t: Tables, window: StepWindow, steps: number): Statement => ({
  name: "statistics-steps",
  text: `select w.definition, w.version, p.path, count(*)::float8 as n, (count(*) filter (where p.status = 2))::float8 as failures,
      sum(p.attempts - 1)::float8 as retries, avg(p.took_ms)::float8 as average,
      (percentile_disc(0.95) within group (order by p.took_ms))::float8 as p95, max(p.nth)::float8 as fullest
    from ${windowOf(t)}
    cross join lateral (
      select regexp_replace(regexp_replace(path, '[[][0-9]+[]]', '[]', 'g'), '#[0-9]+', '#', 'g') as path, status, attempts, took_ms,
        row_number() over () as nth
      from ${t.pointer} where bucket = w.bucket and instance = w.id and status <> 0 limit $2) as p
    where $3::text is null or w.definition = $3
    group by w.definition, w.version, p.path order by w.definition collate "C", w.version, p.path collate "C"`,
  values: [window.instances, steps, window.definition],
});

export interface WindowRow {
  readonly ended: number;
  readonly open: number;
  readonly since: number | null;
}

/** How many instances these are. */
export const stepWindow = (t: Tables, instances: number): Statement => ({
  name: "statistics-window",
  text: `select (count(*) filter (where w.ended))::float8 as ended, (count(*) filter (where not w.ended))::float8 as open,
      ${toMs("min(w.created_at)")} as since from ${windowOf(t)}`,
  values: [instances],
});

export interface SizeRow {
  /** Qualified and quoted, as it was asked for. */
  readonly name: string;
  readonly total: number;
  readonly table: number;
  readonly index: number;
  readonly pages: number;
}

export const tableSizes = (names: readonly string[]): Statement => ({
  name: "statistics-sizes",
  text: `select t.name, pg_total_relation_size(c.oid)::float8 as total, pg_table_size(c.oid)::float8 as "table",
      pg_indexes_size(c.oid)::float8 as index, (pg_relation_size(c.oid) / current_setting('block_size')::int)::float8 as pages
    from unnest($1::text[]) as t(name) join pg_catalog.pg_class c on c.oid = to_regclass(t.name) order by t.name`,
  values: [names],
});

export interface SpanRow {
  readonly now: number;
  readonly bytes: number;
  readonly oldest: number | null;
  readonly newest: number | null;
}

/** From the two ends of the index of births. */
export const span = (t: Tables): Statement => ({
  name: "statistics-span",
  text: `select ${t.clockMs} as now, pg_database_size(current_database())::float8 as bytes,
      ${toMs(`(select min(created_at) from ${t.instance})`)} as oldest, ${toMs(`(select max(created_at) from ${t.instance})`)} as newest`,
  values: [],
});
