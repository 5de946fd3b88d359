import type { Statement } from "../database.ts";
import type { StartRow } from "../provider.ts";
import { type Column, listsOf, manyRows, namesOf, oneRow, plainColumn, quotedColumn, valuesOf } from "./columns.ts";
import { isLive } from "./node-statements.ts";
import type { Tables } from "./tables.ts";

export interface StartAnswer {
  readonly now: number;
  readonly live: boolean;
  /** Ordinals, from 1, of rows that were not inserted. */
  readonly existing: readonly number[];
}

const columns = `bucket, id, owner, epoch, due_at, created_at, turned_at, version, definition, frontier, data,
      key, input_hash, reference, description, correlation_id, tags`;

const startColumns: readonly Column<StartRow>[] = [
  plainColumn("b int", (row) => row.bucket),
  plainColumn("i uuid", (row) => row.id),
  plainColumn("version int", (row) => row.version),
  quotedColumn("definition text", (row) => row.definition),
  quotedColumn("frontier jsonb", (row) => row.frontier),
  quotedColumn("data jsonb", (row) => row.data),
  quotedColumn("key text", (row) => row.key),
  quotedColumn("input_hash text", (row) => row.inputHash),
  quotedColumn("reference text", (row) => row.reference),
  quotedColumn("description text", (row) => row.description),
  quotedColumn("correlation_id text", (row) => row.correlationId),
  quotedColumn("tags jsonb", (row) => row.tags),
];

const ownedColumns: readonly Column<StartRow>[] = [...startColumns, plainColumn("may_own boolean", (row) => row.own)];

/** Where the statement has its rows from, and their ids with their ordinals. */
interface Source {
  readonly rows: string;
  readonly ids: string;
}

const many: Source = { rows: manyRows(ownedColumns, 2), ids: "unnest($3::uuid[]) with ordinality" };

/** One row, as plain values: the server reads them faster than arrays of one. */
const one: Source = { rows: oneRow(ownedColumns, 2), ids: "(select $3::uuid, 1)" };

/**
 * Inserts a batch of starts, born owned if the node is live as this very statement sees it: an instance that is owned by a node
 * declared dead before is never born. Two starts of one id meet at the primary key, and the later one is answered as existing.
 */
const startText = (t: Tables, from: Source): string => `with fresh as (
      insert into ${t.instance} (${columns})
      select s.b, s.i, case when s.own then $1::uuid end, case when s.own then 1 else 0 end,
        case when s.own then null else s.now end, s.now, s.now, s.version, s.definition, s.frontier, s.data,
        s.key, s.input_hash, s.reference, s.description, s.correlation_id, s.tags
      from (select u.*, u.may_own and ${isLive(t, "$1")} as own, ${t.clock} as now
            from ${from.rows} as u(${namesOf(ownedColumns)}) offset 0) s
      on conflict (bucket, id) do nothing
      returning id)
    select ${t.clockMs} as now, ${isLive(t, "$1")} as live,
      array(select u.n::int from ${from.ids} as u(i, n)
            where (u.i in (select id from fresh)) is not true) as existing`;

export type StartBatch = (owner: string, batch: readonly StartRow[]) => Statement;

export function startInstances(t: Tables): StartBatch {
  const texts = { one: startText(t, one), many: startText(t, many) };
  return (owner, batch) => {
    const [row] = batch;
    return row !== undefined && batch.length === 1
      ? { name: "instance-start-one", text: texts.one, values: [owner, ...valuesOf(ownedColumns, row)] }
      : { name: "instance-start", text: texts.many, values: [owner, ...listsOf(ownedColumns, batch)] };
  };
}

/**
 * The same rows inside a caller's transaction: unowned and due, and nothing else is touched or locked. The number of rows that it
 * reports is the number of instances that are new.
 */
export const startUnowned = (t: Tables, batch: readonly StartRow[]): Statement => ({
  name: "instance-start-unowned",
  text: `insert into ${t.instance} (${columns})
    select u.b, u.i, null, 0, ${t.clock}, ${t.clock}, ${t.clock}, u.version, u.definition, u.frontier, u.data,
      u.key, u.input_hash, u.reference, u.description, u.correlation_id, u.tags
    from ${manyRows(startColumns, 1)} as u(${namesOf(startColumns)})
    on conflict (bucket, id) do nothing
    returning id`,
  values: listsOf(startColumns, batch),
});
