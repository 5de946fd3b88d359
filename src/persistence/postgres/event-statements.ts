import type { Statement } from "../database.ts";
import type { EventRef, EventRow, SubscriptionRef, TriggeredStart } from "../event-store.ts";
import { plain, quoted } from "./columns.ts";
import { at, inKeyOrder, passingBy } from "./picking.ts";
import { dated, type Tables, undelivered } from "./tables.ts";

/** How many stored events one subscription is given at a time. */
const eventsPerLook = 100;

/** A repeated id changes nothing: neither the event nor its time. */
export const publishEvents = (t: Tables, batch: readonly EventRow[]): Statement => ({
  name: "event-publish",
  text: `insert into ${t.event} (bucket, id, topic, published_at, name, key, data)
    select u.bucket, u.id, u.topic, ${t.clock}, u.name, u.key, u.data
    from unnest($1::int[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::jsonb[]) as u(bucket, id, topic, name, key, data)
    on conflict (bucket, id) do nothing`,
  values: [
    plain(batch, (row) => row.bucket),
    plain(batch, (row) => row.id),
    plain(batch, (row) => row.topic),
    quoted(batch, (row) => row.name),
    quoted(batch, (row) => row.key),
    quoted(batch, (row) => row.data),
  ],
});

/**
 * The rest of a delivery, behind a CTE `hit` of (bucket, instance, source, topic, payload, at, heard), one row an inbox row to be written.
 * Instances are updated once each, in key order, so that deliveries never deadlock; their numbers come out of that update, under the
 * row's lock. What two deliveries bring at once meets at the inbox's key: the second leaves a gap in the numbers and no row.
 * The arrays travel with the instance's row, because a join between CTEs would be a nested loop over both.
 */
const deliverHits = (t: Tables): string => `given as (
      select bucket, instance, count(*) as count, array_agg(source order by at, source) as sources,
        array_agg(topic order by at, source) as topics, array_agg(payload order by at, source) as payloads,
        array_agg(heard order by at, source) as heards
      from hit group by bucket, instance),
    moved as (
      update ${t.instance} w set inbox_seq = w.inbox_seq + g.count,
        due_at = case when w.owner is null and w.status = 0 and not w.blocked then least(w.due_at, g.now) else w.due_at end
      from (select given.*, ${t.clock} as now from given order by bucket, instance offset 0) g
      where ${at("w.bucket", "g.bucket")} and w.id = g.instance and w.status < 2
      returning w.bucket, w.id, w.inbox_seq - g.count as seq, g.sources, g.topics, g.payloads, g.heards, g.now,
        w.owner, w.owner is null and w.status = 0 and not w.blocked as woke),
    put as (
      insert into ${t.inbox} (bucket, instance, source, seq, created_at, kind, topic, payload, heard)
      select m.bucket, m.id, u.source, m.seq + u.n, m.now, 'event', u.topic, u.payload, u.heard
      from moved m
      cross join lateral unnest(m.sources, m.topics, m.payloads, m.heards) with ordinality as u(source, topic, payload, heard, n)
      on conflict (bucket, instance, source) do nothing
      returning 1)`;

const deliveryAnswer = `select (select count(*)::int from put) as delivered, coalesce((select bool_or(woke) from moved), false) as woke,
      array(select distinct owner from moved where owner is not null) as owners`;

/** `offset 0` keeps it a probe of the inbox's key: as an anti join it would read the whole inbox of the instance for each event. */
const isNew = (t: Tables, source: string): string => `not exists (select from ${t.inbox} x
        where x.bucket = s.instance_bucket and x.instance = s.instance and x.source = ${source} offset 0)`;

/**
 * The oldest events that the instance of subscription `s` was not given, past what it has heard: those with a higher number, as those
 * have that are not delivered yet. While nothing is known to be heard, the index by time finds the first at once. `is true` keeps the
 * others from indexes by time, which may look as good as the one by number, and lead past all that was heard.
 */
const unheard = (t: Tables): string => `(
        select i.id, i.topic, i.data, i.published_at from ${t.event} i
        where coalesce(s.heard, 0) = 0 and i.topic = s.topic and ${dated("i.published_at")}
          and i.published_at >= s.since and (i.bucket = s.bucket) is true and ${isNew(t, "i.id::text")}
        order by i.published_at limit ${eventsPerLook})
        union all
        select i.id, i.topic, i.data, i.published_at from ${t.event} i
        where s.heard > 0 and i.topic = s.topic and i.number > s.heard
          and (i.bucket = s.bucket and i.published_at >= s.since) is true and ${isNew(t, "i.id::text")}`;

/**
 * The publisher's look, after its events are committed: it sees each subscription that was committed before, and all others see
 * its events. Older events may still be on their way, by another delivery (they are not marked looked) or by the subscription's own
 * look (that one is not): it brings them along, so that the instance never takes a later one first. Until a subscription has looked,
 * it is given the oldest, as its own look would.
 *
 * What is delivered gets a number, by the statement that sees and marks it. So whoever sees a number committed sees all events of lower
 * numbers too, numbered or not yet: a subscription that has taken all that it sees has heard everything up to the highest number there.
 *
 * Events that start runs are not marked: that is done with the starts. Where nothing is ever started, one look for all tells. A trigger
 * that this statement does not see was not committed when it began, so nobody was told yet that it holds.
 */
export const deliverEvents = (t: Tables, events: readonly EventRef[]): Statement => ({
  name: "event-deliver",
  text: `with hit as (
      select distinct on (s.instance_bucket, s.instance, o.id)
        s.instance_bucket as bucket, s.instance, o.id::text as source, o.topic, o.data as payload, o.published_at as at, s.heard
      from unnest($1::int[], $2::uuid[]) as u(bucket, id)
      join ${t.event} e on ${at("e.bucket", "u.bucket")} and e.id = u.id
      join ${t.subscription} s on ${at("s.bucket", "e.bucket")} and ${at("s.topic", "e.topic")} and s.since <= e.published_at
      cross join lateral (
        select e.id, e.topic, e.data, e.published_at where s.looked and ${isNew(t, "e.id::text")}
        union all
        select i.id, i.topic, i.data, i.published_at from ${t.event} i
        where s.looked and i.topic = e.topic and i.number = ${undelivered}
          and (i.bucket = e.bucket and i.published_at >= s.since) is true and ${isNew(t, "i.id::text")}
        union all (
        select i.* from (${unheard(t)}) i where not s.looked order by i.published_at limit ${eventsPerLook})) as o),
    ${deliverHits(t)},
    triggered as materialized (
      select e.bucket, e.id, g.definition, g.version
      from unnest($1::int[], $2::uuid[]) as u(bucket, id)
      join ${t.event} e on ${at("e.bucket", "u.bucket")} and e.id = u.id and (not e.looked) is true
      join ${t.trigger} g on g.event = e.name and g.since <= e.published_at
      where exists (select from ${t.trigger} where event is not null)),
    looked as (
      update ${t.event} e set looked = true, number = ${t.nextEventNumber}
      from unnest($1::int[], $2::uuid[]) as u(bucket, id)
      where ${at("e.bucket", "u.bucket")} and e.id = u.id and (not e.looked) is true and e.id <> all(array(select id from triggered)))
    ${deliveryAnswer},
      (select coalesce(jsonb_agg(jsonb_build_object('event', jsonb_build_object('bucket', bucket, 'id', id),
          'definition', definition, 'version', version)), '[]') from triggered) as triggered`,
  values: [plain(events, (event) => event.bucket), plain(events, (event) => event.id)],
});

/**
 * The subscriber's look, after its subscription is committed: the other half of the promise that no event is lost. One that was given
 * as many as a look gives has not looked at all, so that nothing later comes before the rest; unless its instance takes nothing any more.
 */
export const lookForEvents = (t: Tables, subscriptions: readonly SubscriptionRef[]): Statement => ({
  name: "subscription-look",
  text: `with wanted as (
      select u.* from unnest($1::int[], $2::uuid[], $3::uuid[], $4::text[]) as u(bucket, topic, instance, path)),
    found as materialized (
      select s.bucket, s.topic, s.instance, s.path, s.instance_bucket, s.heard, e.id, e.data, e.published_at,
        count(e.id) over (partition by u.bucket, u.topic, u.instance, u.path) < ${eventsPerLook} as whole,
        (select n.number from ${t.event} n where n.topic = s.topic and n.number < ${undelivered}
          order by n.number desc limit 1) as highest
      from wanted u
      join ${t.subscription} s on ${at("s.bucket", "u.bucket")} and s.topic = u.topic and s.instance = u.instance and s.path = u.path
      left join lateral (
        select i.* from (${unheard(t)}) i order by i.published_at limit ${eventsPerLook}) e on true),
    known as materialized (
      select f.*, case when whole and heard is not null then greatest(heard, highest) else heard end as known from found f),
    hit as (
      select distinct on (instance_bucket, instance, id)
        instance_bucket as bucket, instance, id::text as source, topic, data as payload, published_at as at, known as heard
      from known where id is not null),
    ${deliverHits(t)},
    looked as (
      update ${t.subscription} s set looked = u.whole or (s.instance in (select id from moved)) is not true, heard = u.known
      from (select distinct bucket, topic, instance, path, whole, known from known offset 0) u
      where ${at("s.bucket", "u.bucket")} and s.topic = u.topic and s.instance = u.instance and s.path = u.path and (not s.looked) is true)
    ${deliveryAnswer}, '[]'::jsonb as triggered`,
  values: [
    plain(subscriptions, (row) => row.bucket),
    plain(subscriptions, (row) => row.topic),
    plain(subscriptions, (row) => row.instance),
    quoted(subscriptions, (row) => row.path) ?? "{}",
  ],
});

/**
 * Starts runs and marks their events in one act. Of two nodes that do so at once the later one waits for the event's row, finds it
 * marked, and starts nothing; the deterministic id would tell as well. The row in the inbox keeps the event from coming again, to a
 * run that waits for others of its kind.
 */
export const startTriggered = (t: Tables, batch: readonly TriggeredStart[], frontier: string): Statement => ({
  name: "event-start",
  text: `with given as (
      select u.*, ${t.clock} as now
      from unnest($1::int[], $2::uuid[], $3::int[], $4::uuid[], $5::text[], $6::int[])
        as u(event_bucket, event, bucket, id, definition, version)),
    looked as (
      update ${t.event} e set looked = true, number = ${t.nextEventNumber}
      from (select distinct event_bucket, event from given order by event_bucket, event offset 0) u
      where ${at("e.bucket", "u.event_bucket")} and e.id = u.event and (not e.looked) is true
      returning e.bucket, e.id, e.key, e.data, e.published_at),
    born as (
      insert into ${t.instance} (bucket, id, epoch, due_at, created_at, turned_at, version, definition, frontier, data, key, reference, correlation_id)
      select g.bucket, g.id, 0, g.now, l.published_at, g.now, g.version, g.definition, $7::jsonb, l.data, l.id::text, l.key, l.id::text
      from given g join looked l on l.bucket = g.event_bucket and l.id = g.event
      order by g.bucket, g.id
      on conflict (bucket, id) do nothing
      returning bucket, id, key, turned_at),
    taken as (
      insert into ${t.inbox} (bucket, instance, source, seq, created_at, kind, taken)
      select bucket, id, key, 0, turned_at, 'event', true from born
      on conflict (bucket, instance, source) do nothing)
    select id from born`,
  values: [
    plain(batch, (row) => row.event.bucket),
    plain(batch, (row) => row.event.id),
    plain(batch, (row) => row.bucket),
    plain(batch, (row) => row.id),
    quoted(batch, (row) => row.definition),
    plain(batch, (row) => row.version),
    frontier,
  ],
});

/** Before all keys. */
const zero = "00000000-0000-0000-0000-000000000000";
const firstEvent: EventRef = { bucket: -1, id: zero };
const firstSubscription: SubscriptionRef = { bucket: -1, topic: zero, instanceBucket: -1, instance: zero, path: "" };

export const undeliveredEvents = (
  t: Tables,
  olderMs: number,
  limit: number,
  after: EventRef = firstEvent,
): Statement => ({
  name: "event-undelivered",
  text: `select bucket, id from ${t.event}
    where not looked and published_at <= ${t.clock} - $1::float8 * interval '1 ms' and (bucket, id) > ($3::int, $4::uuid)
    order by bucket, id limit $2`,
  values: [olderMs, limit, after.bucket, after.id],
});

export const unlookedSubscriptions = (
  t: Tables,
  olderMs: number,
  limit: number,
  after: SubscriptionRef = firstSubscription,
): Statement => ({
  name: "subscription-unlooked",
  text: `select bucket, topic, instance_bucket as "instanceBucket", instance, path from ${t.subscription}
    where not looked and created_at <= ${t.clock} - $1::float8 * interval '1 ms'
      and (bucket, topic, instance, path) > ($3::int, $4::uuid, $5::uuid, $6::text)
    order by bucket, topic, instance, path limit $2`,
  values: [olderMs, limit, after.bucket, after.topic, after.instance, after.path],
});

export const purgeEvents = (t: Tables, olderMs: number, limit: number): Statement => ({
  name: "event-purge",
  text: `with old as materialized (
      select bucket, id from ${t.event} where published_at < ${t.clock} - $1::float8 * interval '1 ms'
      order by published_at limit $2${passingBy(t, "for update")}),
    purged as (
      delete from ${t.event} e using ${inKeyOrder(t, "old")} old where e.bucket = old.bucket and e.id = old.id
      returning 1)
    select count(*)::int as purged from purged`,
  values: [olderMs, limit],
});

/**
 * Marks of what was consumed keep it from coming again, so they go only when no event of their age is left, also none that another
 * purge is about to delete. No mark is older than its event.
 */
export const purgeMarks = (t: Tables, olderMs: number, limit: number): Statement => ({
  name: "inbox-purge",
  text: `with old as materialized (
      select bucket, instance, source from ${t.inbox} where taken and created_at < ${t.clock} - $1::float8 * interval '1 ms'
        and not exists (select from ${t.event} where published_at < ${t.clock} - $1::float8 * interval '1 ms')
      order by created_at limit $2${passingBy(t, "for update")}),
    purged as (
      delete from ${t.inbox} x using ${inKeyOrder(t, "old", "bucket, instance, source")} old where x.bucket = old.bucket and x.instance = old.instance and x.source = old.source
      returning 1)
    select count(*)::int as purged from purged`,
  values: [olderMs, limit],
});
