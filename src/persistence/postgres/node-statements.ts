import { suspectFromDeaths } from "../../models/limits.ts";
import type { Statement } from "../database.ts";
import type { NodeRegistration } from "../provider.ts";
import { at, inKeyOrder, passingBy, stillSo } from "./picking.ts";
import { toMs, type Tables } from "./tables.ts";

/** SQL: may this node take and start instances? Constant within a statement, so it is evaluated once. */
export const isLive = (t: Tables, parameter: string): string =>
  `exists (select from ${t.node} where id = ${parameter}::uuid and state = 'live')`;

/** Registers once per boot. Repeating it after a lost answer changes nothing; a node that was declared dead meanwhile stays dead. */
export const registerNode = (t: Tables, node: NodeRegistration): Statement => ({
  name: "node-register",
  text: `insert into ${t.node} as n (id, label, engine, state, beat_at, created_at, definitions)
    values ($1, $2, $3, 'live', ${t.clock}, ${t.clock}, $4::jsonb)
    on conflict (id) do update set label = excluded.label, definitions = excluded.definitions, beat_at = excluded.beat_at
      where n.state = 'live'
    returning ${toMs("n.beat_at")} as now`,
  values: [node.id, node.label, node.engine, JSON.stringify(node.definitions)],
});

/** A beat that comes after the node was declared dead finds no row: the dead stay dead. */
export const beatNode = (t: Tables, id: string): Statement => ({
  name: "node-beat",
  text: `update ${t.node} set beat = beat + 1, beat_at = ${t.clock}
    where id = $1 and state in ('live', 'draining')
    returning ${toMs("beat_at")} as now`,
  values: [id],
});

export const drainNode = (t: Tables, id: string): Statement => ({
  name: "node-drain",
  text: `update ${t.node} set state = 'draining' where id = $1 and state = 'live'`,
  values: [id],
});

export const retireNode = (t: Tables, id: string): Statement => ({
  name: "node-retire",
  text: `update ${t.node} set state = 'stopped', ended_at = ${t.clock} where id = $1 and state in ('live', 'draining')`,
  values: [id],
});

export const listNodes = (t: Tables): Statement => ({
  name: "node-list",
  text: `select id, label, state, beat, ${toMs(t.clock)} - ${toMs("beat_at")} as "silentMs", definitions
    from ${t.node} order by created_at, id`,
  values: [],
});

/** Beaten by a beat: whoever waits for the row's lock sees the new counter and declares nobody dead. True again when repeated. */
export const declareDead = (t: Tables, id: string, beat: number, silentMs: number): Statement => ({
  name: "node-declare-dead",
  text: `update ${t.node} set state = 'dead', ended_at = ${t.clock}
    where id = $1 and beat = $2
      and (state = 'dead' or (state in ('live', 'draining') and beat_at <= ${t.clock} - $3::float8 * interval '1 ms'))
    returning id`,
  values: [id, beat, silentMs],
});

/**
 * Releases what nodes that are dead or stopped own, found through the index of open rows. Claims that a node won just before it
 * was declared dead are found by the next sweep. The row locks skip what another sweep holds; the CTE is materialized because a
 * re-run sub-select would pass the limit. The epoch fences off what a node, dead by mistake, may still send. Deaths count up
 * to where the suspect lane begins; from there on only those while the instance's body ran in that lane do.
 */
export const releaseOwned = (t: Tables, buckets: number, limit: number): Statement => ({
  name: "node-release",
  text: `with gone as materialized (
      select id, state = 'dead' as is_dead from ${t.node} where state in ('dead', 'stopped')),
    owned as materialized (
      select i.bucket, i.id, g.is_dead from gone g cross join generate_series(0, $1::int - 1) as b(bucket)
      cross join lateral (select w.bucket, w.id from ${t.instance} w where w.bucket = b.bucket and w.owner = g.id and w.completed_at is null
                          limit $2${passingBy(t, "for no key update")}) as i
      limit $2),
    released as (
      update ${t.instance} w set owner = null, epoch = w.epoch + 1, due_at = o.now, lane = false,
        crashes = case when o.is_dead and (w.lane or w.crashes < ${suspectFromDeaths}) then w.crashes + 1 else w.crashes end
      from (select owned.*, ${t.clock} as now from ${inKeyOrder(t, "owned")} owned offset 0) o
      where ${at("w.bucket", "o.bucket")} and w.id = o.id${stillSo(t, "w.owner in (select id from gone)")}
      returning 1)
    select count(*)::int as released from released`,
  values: [buckets, limit],
});

/** Only nodes that own nothing: as long as they are known, the sweep can find what they own. */
export const forgetNodes = (t: Tables, buckets: number, olderMs: number): Statement => ({
  name: "node-forget",
  text: `with forgotten as (
      delete from ${t.node} n
      where n.state in ('dead', 'stopped') and n.ended_at < ${t.clock} - $2::float8 * interval '1 ms'
        and not exists (select from generate_series(0, $1::int - 1) as b(bucket)
                        cross join lateral (select from ${t.instance} w
                                            where w.bucket = b.bucket and w.owner = n.id and w.completed_at is null limit 1) as i)
      returning 1)
    select count(*)::int as forgotten from forgotten`,
  values: [buckets, olderMs],
});
