import type { Statement } from "../database.ts";
import type { Tables } from "./tables.ts";
import { toMs } from "./tables.ts";

export interface ExtensionRow {
  /** Quoted. */
  readonly view: string | null;
  readonly mayInstall: boolean;
}

/** Where pg_stat_statements has its view: an extension may stand in any schema. */
export const findExtension: Statement = {
  name: "performance-extension",
  text: `select (select format('%I.pg_stat_statements', n.nspname) from pg_catalog.pg_extension e
        join pg_catalog.pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements') as view,
      exists (select from pg_catalog.pg_available_extensions where name = 'pg_stat_statements') as "mayInstall"`,
  values: [],
};

export interface QueryRow {
  readonly query: string;
  readonly calls: number;
  readonly average: number;
  readonly longest: number;
  readonly total: number;
  readonly rows: number;
}

/** `view` comes quoted from the database. A text that this role may not see is none of its own. */
export const slowestQueries = (t: Tables, view: string, limit: number): Statement => ({
  name: "",
  text: `select query, calls::float8 as calls, mean_exec_time as average, max_exec_time as longest, total_exec_time as total,
      rows::float8 / calls as rows
    from ${view} where dbid = (select oid from pg_catalog.pg_database where datname = current_database())
      and calls > 0 and strpos(query, $1) > 0
    order by mean_exec_time desc limit $2`,
  values: [`${t.namespace}.`, limit],
});

export interface HiddenRow {
  readonly hidden: boolean;
}

/** Without the right to read other roles' statistics, their texts are hidden. */
export const seesEveryQuery: Statement = {
  name: "performance-rights",
  text: `select not pg_has_role(current_user, 'pg_read_all_stats', 'usage') as hidden`,
  values: [],
};

export interface IndexRow {
  readonly table: string;
  readonly index: string;
  readonly scans: number;
  readonly rows: number;
  readonly bytes: number;
  readonly unique: boolean;
}

export const indexUsage = (t: Tables): Statement => ({
  name: "performance-indexes",
  text: `select s.relname as "table", s.indexrelname as index, s.idx_scan::float8 as scans, s.idx_tup_read::float8 as rows,
      pg_relation_size(s.indexrelid)::float8 as bytes, i.indisunique as "unique"
    from pg_catalog.pg_stat_user_indexes s join pg_catalog.pg_index i on i.indexrelid = s.indexrelid
    where s.schemaname = $1 and s.relname <> 'clock' order by s.relname, s.indexrelname`,
  values: [t.schema],
});

export interface TableRow {
  readonly table: string;
  readonly total: number;
  readonly bytes: number;
  readonly index: number;
  readonly live: number;
  readonly dead: number;
  readonly updates: number;
  readonly hot: number;
  readonly sequential: number;
  readonly indexed: number;
  readonly vacuumed: number | null;
  readonly autovacuumed: number | null;
  readonly analyzed: number | null;
  readonly changed: number;
  readonly age: number;
  /** Bytes that the rows should take at the table's fillfactor; null if the planner knows nothing of it. */
  readonly expected: number | null;
  readonly main: number;
  readonly hits: number;
  readonly reads: number;
}

/**
 * One row per table. What its rows should take: 28 bytes of header and line pointer each, and the average width of each column where
 * it is not null, rounded up to 8 bytes, on pages of which `fillfactor` percent may be filled.
 */
export const tablePerformance = (t: Tables): Statement => ({
  name: "performance-tables",
  text: `select s.relname as "table", pg_total_relation_size(s.relid)::float8 as total, pg_table_size(s.relid)::float8 as bytes,
      pg_indexes_size(s.relid)::float8 as index, s.n_live_tup::float8 as live, s.n_dead_tup::float8 as dead,
      s.n_tup_upd::float8 as updates, s.n_tup_hot_upd::float8 as hot, s.seq_scan::float8 as sequential,
      coalesce(s.idx_scan, 0)::float8 as indexed, ${toMs("s.last_vacuum")} as vacuumed, ${toMs("s.last_autovacuum")} as autovacuumed,
      ${toMs("greatest(s.last_analyze, s.last_autoanalyze)")} as analyzed, s.n_mod_since_analyze::float8 as changed,
      age(c.relfrozenxid)::float8 as age, pg_relation_size(s.relid)::float8 as main,
      (case when c.reltuples >= 0 and w.width is not null then
        ceil(c.reltuples * (28 + ceil(w.width / 8) * 8) / (current_setting('block_size')::int - 24)
          / (coalesce((select option_value from pg_options_to_table(c.reloptions) where option_name = 'fillfactor')::int, 100) / 100.0))
          * current_setting('block_size')::int end)::float8 as expected,
      coalesce(x.heap_blks_hit + x.idx_blks_hit, 0)::float8 as hits, coalesce(x.heap_blks_read + x.idx_blks_read, 0)::float8 as reads
    from pg_catalog.pg_stat_user_tables s join pg_catalog.pg_class c on c.oid = s.relid
    join pg_catalog.pg_statio_user_tables x on x.relid = s.relid
    left join lateral (select sum((1 - p.null_frac) * p.avg_width) as width from pg_catalog.pg_stats p
      where p.schemaname = s.schemaname and p.tablename = s.relname) as w on true
    where s.schemaname = $1 and s.relname <> 'clock' order by s.relname`,
  values: [t.schema],
});

export interface ActivityRow {
  readonly now: number;
  readonly since: number | null;
  readonly oldestMs: number | null;
  readonly hidden: boolean;
}

/** Since when the database counts, and its oldest open transaction: of roles whose activity this one may see. */
export const databaseActivity = (t: Tables): Statement => ({
  name: "performance-activity",
  text: `select ${t.clockMs} as now,
      (select ${toMs("stats_reset")} from pg_catalog.pg_stat_database where datname = current_database()) as since,
      (select max(extract(epoch from statement_timestamp() - xact_start) * 1000)::float8 from pg_catalog.pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()) as "oldestMs",
      not pg_has_role(current_user, 'pg_read_all_stats', 'usage') as hidden`,
  values: [],
});
