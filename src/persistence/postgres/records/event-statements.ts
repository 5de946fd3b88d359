import type { CheckedEventFilter, EventInsert } from "../../../models/records/event.ts";
import type { SubscriptionInsert } from "../../../models/records/event-subscription.ts";
import type { CheckedPage } from "../../../models/records/page.ts";
import type { Statement } from "../../database.ts";
import type { SubscriptionPage } from "../../record-tables.ts";
import { at } from "../picking.ts";
import { plain, plainOrNull, quoted } from "../columns.ts";
import { toMs, type Tables } from "../tables.ts";
import { Conditions, eventColumns, fromMicros, fromMs } from "./columns.ts";

/** A row with the bucket of its name and key. */
export type Topical<R> = R & { readonly bucket: number; readonly topic: string };

/**
 * Stores all or nothing. An event lies in the bucket of its name and key, so a chosen id is looked for in every bucket: two events of
 * one id could not be told apart.
 */
export const insertEvents = (t: Tables, buckets: number, rows: readonly Topical<EventInsert>[]): Statement => ({
  name: "record-event-insert",
  text: `with u as materialized (
      select u.*, ${t.clock} as now
      from unnest($2::int[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::jsonb[], $8::float8[], $9::boolean[]) with ordinality
        as u(b, i, topic, name, key, data, published, named, n)),
    known as (
      select e.id from (select u.i, b.bucket from (select i from u where named offset 0) u
                        cross join generate_series(0, $1::int - 1) as b(bucket) offset 0) k
      cross join lateral (select e.id from ${t.event} e where e.bucket = k.bucket and e.id = k.i offset 0) e),
    fresh as (
      insert into ${t.event} (bucket, id, topic, published_at, name, key, data)
      select b, i, topic, least(${fromMs("published")}, now), name, key, data from u where not exists (select from known) order by b, i
      returning *)
    select k.ids as known, ${eventColumns("e")}
    from (select array(select id from known) as ids) k left join fresh e on true`,
  values: [
    buckets,
    plain(rows, (row) => row.bucket),
    plain(rows, (row) => row.id),
    plain(rows, (row) => row.topic),
    quoted(rows, (row) => row.name),
    quoted(rows, (row) => row.key),
    quoted(rows, (row) => row.data),
    plainOrNull(rows, (row) => row.publishedAt),
    plain(rows, (row) => row.isNamed),
  ],
});

/** The event of an id, in whichever of $1 buckets. The id comes in rows: with it as a constant the planner may read the whole index. */
const wherever = (
  t: Tables,
): string => `(select b.bucket, $2::uuid as id from generate_series(0, $1::int - 1) as b(bucket) offset 0) k
      cross join lateral (select e.* from ${t.event} e where e.bucket = k.bucket and e.id = k.id offset 0) e`;

export const readEvent = (t: Tables, buckets: number, id: string): Statement => ({
  name: "record-event-read",
  text: `select ${eventColumns("e")} from ${wherever(t)}`,
  values: [buckets, id],
});

/** The limit says what is so anyway: by it the planner expects one, and reads one. */
export const markProcessed = (t: Tables, buckets: number, id: string): Statement => ({
  name: "record-event-processed",
  text: `with found as materialized (
      select e.bucket, e.id, ${t.clock} as now from ${wherever(t)} limit 1)
    update ${t.event} e set processed_at = f.now from found f where ${at("e.bucket", "f.bucket")} and e.id = f.id returning 1`,
  values: [buckets, id],
});

/** Oldest first: along the index of one topic where name and key are given, else along that of age. */
export function listEvents(
  t: Tables,
  filter: CheckedEventFilter & { readonly topic?: string; readonly bucket?: number },
  page: CheckedPage,
): Statement {
  const where = new Conditions()
    .addIf("e.bucket = $", filter.bucket)
    .addIf("e.topic = $::uuid", filter.topic)
    .addIf("e.name = $", filter.name)
    .addIf(`e.published_at >= ${fromMs("$::float8")}`, filter.from)
    .addIf(`e.published_at < ${fromMs("$::float8")}`, filter.to);
  if (filter.key === null) where.plain("e.key is null");
  else where.addIf("e.key = $", filter.key);
  if (filter.processed !== undefined) where.plain(`e.processed_at is ${filter.processed ? "not " : ""}null`);
  if (page.after !== null) {
    const { at, key } = page.after;
    where.plain(`(e.published_at, e.id) > (${fromMicros(where.value(at))}, ${where.value(key)}::uuid)`);
  }
  return {
    name: "",
    text: `select ${eventColumns("e")} from ${t.event} e where ${where.text}
      order by e.published_at, e.id limit ${where.value(page.limit + 1)} offset ${where.value(page.offset)}`,
    values: where.values,
  };
}

const subscriptionColumns = (s: string): string => `${s}.topic, ${s}.instance, ${s}.path, ${s}.name, ${s}.key,
      ${toMs(`${s}.since`)} as since, ${toMs(`${s}.created_at`)} as "createdAt"`;

/** Stores all or nothing. A subscription sees events from its instance's birth on, as one that a transition makes does. */
export const insertSubscriptions = (
  t: Tables,
  rows: readonly (Topical<SubscriptionInsert> & { readonly instanceBucket: number })[],
): Statement => ({
  name: "record-subscription-insert",
  text: `with u as materialized (
      select u.*, ${t.clock} as now
      from unnest($1::int[], $2::uuid[], $3::uuid[], $4::text[], $5::int[], $6::text[], $7::text[], $8::float8[]) with ordinality
        as u(b, topic, i, path, instance_bucket, name, key, since, n)),
    known as (
      select s.topic || '/' || s.instance || '/' || s.path as id from u cross join lateral (
        select s.* from ${t.subscription} s where s.bucket = u.b and s.topic = u.topic and s.instance = u.i and s.path = u.path offset 0) s),
    fresh as (
      insert into ${t.subscription} (bucket, topic, instance, path, instance_bucket, since, created_at, name, key)
      select u.b, u.topic, u.i, u.path, u.instance_bucket, coalesce(${fromMs("u.since")}, w.created_at, u.now), u.now, u.name, u.key
      from u left join lateral (
        select w.created_at from ${t.instance} w where w.bucket = u.instance_bucket and w.id = u.i offset 0) w on true
      where not exists (select from known) order by u.b, u.topic, u.i, u.path
      returning *)
    select k.ids as known, ${subscriptionColumns("s")}
    from (select array(select id from known) as ids) k left join fresh s on true`,
  values: [
    plain(rows, (row) => row.bucket),
    plain(rows, (row) => row.topic),
    plain(rows, (row) => row.instance),
    quoted(rows, (row) => row.path),
    plain(rows, (row) => row.instanceBucket),
    quoted(rows, (row) => row.name),
    quoted(rows, (row) => row.key),
    plainOrNull(rows, (row) => row.since),
  ],
});

export function listSubscriptions(
  t: Tables,
  at: { readonly bucket: number; readonly topic: string },
  page: SubscriptionPage,
): Statement {
  const where = new Conditions(at.bucket, at.topic).plain("s.bucket = $1 and s.topic = $2::uuid");
  if (page.after !== null) {
    const { instance, path } = page.after;
    where.plain(`(s.instance, s.path) > (${where.value(instance)}::uuid, ${where.value(path)}::text)`);
  }
  return {
    name: "",
    text: `select ${subscriptionColumns("s")} from ${t.subscription} s where ${where.text}
      order by s.instance, s.path limit ${where.value(page.limit)}::int`,
    values: where.values,
  };
}

export const deleteSubscription = (
  t: Tables,
  at: { readonly bucket: number; readonly topic: string; readonly instance: string; readonly path: string },
): Statement => ({
  name: "record-subscription-delete",
  text: `delete from ${t.subscription} where bucket = $1 and topic = $2 and instance = $3 and path = $4 returning 1`,
  values: [at.bucket, at.topic, at.instance, at.path],
});
