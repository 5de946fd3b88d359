import type { Statement } from "../database.ts";
import type { StartRow } from "../provider.ts";
import { plain, quoted } from "./columns.ts";
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

/**
 * Inserts a batch of starts, born owned if the node is live as this very statement sees it: an instance that is owned by a node
 * declared dead before is never born. Two starts of one id meet at the primary key, and the later one is answered as existing.
 */
export const startInstances = (t: Tables, owner: string, batch: readonly StartRow[]): Statement => ({
  name: "instance-start",
  text: `with fresh as (
      insert into ${t.instance} (${columns})
      select s.b, s.i, case when s.own then $1::uuid end, case when s.own then 1 else 0 end,
        case when s.own then null else s.now end, s.now, s.now, s.version, s.definition, s.frontier, s.data,
        s.key, s.input_hash, s.reference, s.description, s.correlation_id, s.tags
      from (select u.b, u.i, u.may_own and ${isLive(t, "$1")} as own, u.version, u.definition, u.frontier, u.data,
              u.key, u.input_hash, u.reference, u.description, u.correlation_id, u.tags, ${t.clock} as now
            from unnest($2::int[], $3::uuid[], $4::boolean[], $5::int[], $6::text[], $7::jsonb[], $8::jsonb[],
              $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::jsonb[])
              as u(b, i, may_own, version, definition, frontier, data, key, input_hash, reference, description, correlation_id, tags)
            offset 0) s
      on conflict (bucket, id) do nothing
      returning id)
    select ${t.clockMs} as now, ${isLive(t, "$1")} as live,
      array(select u.n::int from unnest($3::uuid[]) with ordinality as u(i, n)
            where (u.i in (select id from fresh)) is not true) as existing`,
  values: [
    owner,
    plain(batch, (row) => row.bucket),
    plain(batch, (row) => row.id),
    plain(batch, (row) => row.own),
    ...startColumns(batch),
  ],
});

/**
 * The same rows inside a caller's transaction: unowned and due, and nothing else is touched or locked. The number of rows that it
 * reports is the number of instances that are new.
 */
export const startUnowned = (t: Tables, batch: readonly StartRow[]): Statement => ({
  name: "instance-start-unowned",
  text: `insert into ${t.instance} (${columns})
    select u.b, u.i, null, 0, ${t.clock}, ${t.clock}, ${t.clock}, u.version, u.definition, u.frontier, u.data,
      u.key, u.input_hash, u.reference, u.description, u.correlation_id, u.tags
    from unnest($1::int[], $2::uuid[], $3::int[], $4::text[], $5::jsonb[], $6::jsonb[],
      $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::jsonb[])
      as u(b, i, version, definition, frontier, data, key, input_hash, reference, description, correlation_id, tags)
    on conflict (bucket, id) do nothing
    returning id`,
  values: [plain(batch, (row) => row.bucket), plain(batch, (row) => row.id), ...startColumns(batch)],
});

const startColumns = (batch: readonly StartRow[]): readonly (string | null)[] => [
  plain(batch, (row) => row.version),
  quoted(batch, (row) => row.definition),
  quoted(batch, (row) => row.frontier),
  quoted(batch, (row) => row.data),
  quoted(batch, (row) => row.key),
  quoted(batch, (row) => row.inputHash),
  quoted(batch, (row) => row.reference),
  quoted(batch, (row) => row.description),
  quoted(batch, (row) => row.correlationId),
  quoted(batch, (row) => row.tags),
];
