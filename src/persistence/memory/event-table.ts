import type { EventRef, EventRow, SubscriptionRef } from "../event-store.ts";
import type { InstanceRef } from "../provider.ts";
import type { SubscriptionKey, SubscriptionRow } from "../../models/transition.ts";
import type { EventRecord, SubscriptionRecord } from "./records.ts";

/** Stored events and open subscriptions, by topic. */
export class EventTable {
  readonly #events = new Map<string, EventRecord>();
  readonly #eventsByTopic = new Map<string, EventRecord[]>();
  readonly #subscriptions = new Map<string, Map<string, SubscriptionRecord>>();
  #numbered = 0;

  add(event: EventRow, now: number): void {
    if (this.#events.has(event.id)) return;
    this.put({ ...event, createdAt: now, looked: false, number: null, processedAt: null });
  }

  /** Adds an event of its own time to those of its topic. */
  put(record: EventRecord): void {
    this.#events.set(record.id, record);
    const key = topicKey(record.bucket, record.topic);
    const others = this.#eventsByTopic.get(key) ?? [];
    const later = others.findIndex(({ createdAt }) => createdAt > record.createdAt);
    this.#eventsByTopic.set(key, later < 0 ? [...others, record] : others.toSpliced(later, 0, record));
  }

  byId(id: string): EventRecord | undefined {
    return this.#events.get(id);
  }

  get(ref: EventRef): EventRecord | undefined {
    const event = this.#events.get(ref.id);
    return event?.bucket === ref.bucket ? event : undefined;
  }

  all(): IterableIterator<EventRecord> {
    return this.#events.values();
  }

  /** Events of a topic, oldest first. */
  of(bucket: number, topic: string): readonly EventRecord[] {
    return this.#eventsByTopic.get(topicKey(bucket, topic)) ?? [];
  }

  /** Nobody has to deliver it any more. */
  markLooked(event: EventRecord): void {
    this.#numbered += 1;
    event.looked = true;
    event.number = this.#numbered;
  }

  delete(event: EventRecord): void {
    this.#events.delete(event.id);
    const key = topicKey(event.bucket, event.topic);
    const rest = this.of(event.bucket, event.topic).filter((other) => other !== event);
    if (rest.length === 0) this.#eventsByTopic.delete(key);
    else this.#eventsByTopic.set(key, rest);
  }

  /** One that is there already keeps the time from which events are meant for it, and what it has heard. */
  subscribe(instance: InstanceRef & { readonly createdAt: number }, row: SubscriptionRow, now: number): void {
    const placed = { instanceBucket: instance.bucket, instance: instance.id, createdAt: now, looked: false };
    const { since = instance.createdAt, heard = row.heard } = this.subscription({ ...row, ...placed }) ?? {};
    this.putSubscription({ ...row, ...placed, since, heard });
  }

  putSubscription(record: SubscriptionRecord): void {
    const key = topicKey(record.bucket, record.topic);
    const waiting = this.#subscriptions.get(key) ?? new Map<string, SubscriptionRecord>();
    this.#subscriptions.set(key, waiting);
    waiting.set(waiterKey(record.instance, record.path), record);
  }

  unsubscribe(instance: Pick<InstanceRef, "id">, key: SubscriptionKey): void {
    const waiting = this.#subscriptions.get(topicKey(key.bucket, key.topic));
    waiting?.delete(waiterKey(instance.id, key.path));
    if (waiting?.size === 0) this.#subscriptions.delete(topicKey(key.bucket, key.topic));
  }

  subscription(ref: SubscriptionRef): SubscriptionRecord | undefined {
    return this.#subscriptions.get(topicKey(ref.bucket, ref.topic))?.get(waiterKey(ref.instance, ref.path));
  }

  /** Subscriptions to a topic. */
  waiting(bucket: number, topic: string): readonly SubscriptionRecord[] {
    return [...(this.#subscriptions.get(topicKey(bucket, topic))?.values() ?? [])];
  }

  *allSubscriptions(): IterableIterator<SubscriptionRecord> {
    for (const waiting of this.#subscriptions.values()) yield* waiting.values();
  }
}

const topicKey = (bucket: number, topic: string): string => `${bucket} ${topic}`;
const waiterKey = (instance: string, path: string): string => `${instance} ${path}`;
