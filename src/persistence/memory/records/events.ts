import { bucketOf, topicOf } from "../../../models/identity.ts";
import { subscriptionId } from "../../../models/records/event-subscription.ts";
import type { EventRecordRow, RecordTables, SubscriptionRecordRow } from "../../record-tables.ts";
import { type EventRecord, parseJson, type SubscriptionRecord } from "../records.ts";
import type { RecordMemory } from "./journal.ts";
import { isBeyond, microsOf, pageRows } from "./pages.ts";

type EventTables = Pick<RecordTables, "insertEvents" | "event" | "events" | "markProcessed">;
type SubscriptionTables = Pick<RecordTables, "insertSubscriptions" | "subscriptions" | "deleteSubscription">;

export function eventTables(memory: RecordMemory): EventTables {
  const { events } = memory;
  return {
    insertEvents: (rows) =>
      memory.act((now, journal) => {
        const existing = rows.map(({ id }) => id).filter((id) => events.byId(id) !== undefined);
        if (existing.length > 0) return { stored: [], existing };
        const stored = rows.map(({ id, name, key, data, publishedAt }) => {
          const createdAt = Math.min(publishedAt ?? now, now);
          const row = {
            ...placed(memory, name, key),
            id,
            name,
            key,
            data,
            createdAt,
            looked: false,
            number: null,
            processedAt: null,
          };
          journal.addEvent(row);
          return eventRow(row);
        });
        return { stored, existing };
      }),
    event: (id) =>
      memory.act(() => {
        const row = events.byId(id);
        return row === undefined ? null : eventRow(row);
      }),
    events: (filter, page) =>
      memory.act(() => {
        const { from = 0, to = Infinity, name, key, processed } = filter;
        const rows = [...events.all()]
          .filter((row) => row.createdAt >= from && row.createdAt < to)
          .filter((row) => (name === undefined || row.name === name) && (key === undefined || row.key === key))
          .filter((row) => processed === undefined || (row.processedAt !== null) === processed)
          .filter((row) => page.after === null || isBeyond(page.after, row.createdAt, row.id))
          .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
        return pageRows(rows, page).map(eventRow);
      }),
    markProcessed: (id) =>
      memory.act((now, journal) => {
        const row = events.byId(id);
        if (row !== undefined) journal.markProcessed(row, now);
        return row !== undefined;
      }),
  };
}

export function subscriptionTables(memory: RecordMemory): SubscriptionTables {
  const { events, buckets } = memory;
  return {
    insertSubscriptions: (rows) =>
      memory.act((now, journal) => {
        const records = rows.map(({ instance, path, name, key, since }): SubscriptionRecord => {
          const instanceBucket = bucketOf(instance, buckets);
          const born = memory.instances.get({ bucket: instanceBucket, id: instance })?.createdAt;
          const facts = { instance, instanceBucket, path, name, key, createdAt: now, looked: false, heard: null };
          return { ...placed(memory, name, key), ...facts, since: since ?? born ?? now };
        });
        const existing = records.filter((row) => events.subscription(row) !== undefined).map(subscriptionId);
        if (existing.length > 0) return { stored: [], existing };
        for (const row of records) journal.addSubscription(row);
        return { stored: records.map(subscriptionRow), existing };
      }),
    subscriptions: (topic, { limit, after }) =>
      memory.act(() => {
        const keyOf = (row: { readonly instance: string; readonly path: string }): string =>
          `${row.instance} ${row.path}`;
        return events
          .waiting(bucketOf(topic, buckets), topic)
          .filter((row) => after === null || keyOf(row) > keyOf(after))
          .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
          .slice(0, limit ?? undefined)
          .map(subscriptionRow);
      }),
    deleteSubscription: (topic, instance, path) =>
      memory.act((_, journal) => {
        const bucket = bucketOf(topic, buckets);
        const row = events.subscription({ bucket, topic, instance, path, instanceBucket: 0 });
        if (row !== undefined) journal.deleteSubscription(row);
        return row !== undefined;
      }),
  };
}

/** Where events of this name and key meet those who wait for them. */
function placed(
  { buckets }: RecordMemory,
  name: string,
  key: string | null,
): { readonly topic: string; readonly bucket: number } {
  const topic = topicOf(name, key);
  return { topic, bucket: bucketOf(topic, buckets) };
}

const eventRow = (row: EventRecord): EventRecordRow => ({
  bucket: row.bucket,
  id: row.id,
  name: row.name,
  key: row.key,
  data: parseJson(row.data),
  publishedAt: row.createdAt,
  processed: row.processedAt !== null,
  cursor: { at: microsOf(row.createdAt), key: row.id },
});

const subscriptionRow = (row: SubscriptionRecord): SubscriptionRecordRow => ({
  topic: row.topic,
  instance: row.instance,
  path: row.path,
  name: row.name,
  key: row.key,
  since: row.since,
  createdAt: row.createdAt,
});
