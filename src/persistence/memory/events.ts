import { isTerminal } from "../../models/instance.ts";
import type {
  Delivery,
  EventRef,
  EventRow,
  EventStore,
  SubscriptionRef,
  Triggered,
  TriggeredStart,
} from "../event-store.ts";
import type { Act } from "./act.ts";
import type { TriggerRecord } from "./definitions.ts";
import type { EventTable } from "./event-table.ts";
import type { InstanceTable } from "./instance-table.ts";
import type { EventRecord, InstanceRecord, SubscriptionRecord } from "./records.ts";

const eventsPerLook = 100;

/** Events of a memory store: publish, then look; commit a subscription, then look. */
export class MemoryEventStore implements EventStore {
  readonly #act: Act;
  readonly #events: EventTable;
  readonly #instances: InstanceTable;
  readonly #triggers: ReadonlyMap<string, TriggerRecord>;

  constructor(act: Act, tables: EventTables) {
    this.#act = act;
    this.#events = tables.events;
    this.#instances = tables.instances;
    this.#triggers = tables.triggers;
  }

  publish(batch: readonly EventRow[]): Promise<void> {
    return this.#act((now) => {
      for (const event of batch) this.#events.add(event, now);
    });
  }

  deliver(events: readonly EventRef[]): Promise<Delivery> {
    return this.#act((now) => {
      const delivery = new DeliveryCount();
      for (const ref of events) {
        const event = this.#events.get(ref);
        if (event !== undefined) this.#deliverOne(event, now, delivery);
      }
      return delivery.view();
    });
  }

  look(subscriptions: readonly SubscriptionRef[]): Promise<Delivery> {
    return this.#act((now) => {
      const delivery = new DeliveryCount();
      for (const ref of subscriptions) {
        const subscription = this.#events.subscription(ref);
        if (subscription !== undefined) this.#lookOne(subscription, now, delivery);
      }
      return delivery.view();
    });
  }

  start(batch: readonly TriggeredStart[], frontier: string): Promise<readonly string[]> {
    return this.#act((now) => {
      const ids: string[] = [];
      const fresh = new Set<EventRecord>();
      for (const one of batch) {
        const event = this.#events.get(one.event);
        if (event === undefined || (event.looked && !fresh.has(event))) continue;
        if (!event.looked) this.#events.markLooked(event);
        fresh.add(event);
        if (this.#begin(one, event, { frontier, now })) ids.push(one.id);
      }
      return ids;
    });
  }

  undelivered(olderMs: number, limit: number, after?: EventRef): Promise<readonly EventRef[]> {
    return this.#act((now) => {
      const left = [...this.#events.all()].filter((event) => !event.looked && now - event.createdAt >= olderMs);
      const refs = left.map(({ bucket, id }) => ({ bucket, id }));
      return behind(refs, after, ({ bucket, id }) => [bucket, id]).slice(0, limit);
    });
  }

  unlooked(olderMs: number, limit: number, after?: SubscriptionRef): Promise<readonly SubscriptionRef[]> {
    return this.#act((now) => {
      const all = [...this.#events.allSubscriptions()];
      const refs = all
        .filter(({ looked, createdAt }) => !looked && now - createdAt >= olderMs)
        .map(({ bucket, topic, instanceBucket, instance, path }) => ({
          bucket,
          topic,
          instanceBucket,
          instance,
          path,
        }));
      return behind(refs, after, ({ bucket, topic, instance, path }) => [bucket, topic, instance, path]).slice(
        0,
        limit,
      );
    });
  }

  purge(olderMs: number, limit: number): Promise<number> {
    return this.#act((now) => {
      const old = first(this.#events.all(), (event) => now - event.createdAt > olderMs, limit);
      const purged = new Set(old.map((event) => event.id));
      for (const event of old) this.#events.delete(event);
      for (const instance of purged.size === 0 ? [] : this.#instances.all()) {
        for (const [source, row] of instance.inbox) {
          if (row.kind === "event" && row.consumedAt !== null && purged.has(source)) instance.inbox.delete(source);
        }
      }
      return old.length;
    });
  }

  #deliverOne(event: EventRecord, now: number, delivery: DeliveryCount): void {
    for (const subscription of this.#events.waiting(event.bucket, event.topic))
      for (const one of this.#with(event, subscription)) this.#give(one, subscription, now, delivery);
    if (event.looked) return;
    const triggered = this.#triggeredBy(event);
    delivery.triggered.push(...triggered);
    if (triggered.length === 0) this.#events.markLooked(event); // else it is marked with the starts
  }

  #triggeredBy({ bucket, id, name, createdAt }: EventRecord): readonly Triggered[] {
    const mine = [...this.#triggers.values()].filter(({ event, since }) => event === name && since <= createdAt);
    return mine.map(({ definition, version }) => ({ event: { bucket, id }, definition, version }));
  }

  /** Starts a run, unless there is one of its id. It has taken the event that it is started by. */
  #begin(one: TriggeredStart, event: EventRecord, { frontier, now }: Birth): boolean {
    const { bucket, id, definition, version } = one;
    if (this.#instances.get(one) !== undefined) return false;
    const row = { bucket, id, definition, version, own: false, data: event.data ?? "null", frontier };
    const labels = { reference: event.key, description: null, correlationId: event.id, tags: null };
    const start = { ...row, ...labels, key: event.id, inputHash: null };
    const instance = this.#instances.add(start, now, event.createdAt);
    const mark = { source: event.id, seq: 0, kind: "event", topic: null, payload: null, heard: 0 } as const;
    instance.inbox.set(event.id, { bucket, id, ...mark, createdAt: now, consumedAt: now });
    this.#instances.free(instance, now);
    return true;
  }

  /** Others may still be on their way, by another delivery or by the subscription's own look: older ones are not taken behind it. */
  #with(event: EventRecord, subscription: SubscriptionRecord): readonly EventRecord[] {
    const all = this.#events.of(event.bucket, event.topic);
    return subscription.looked ? all.filter((one) => one === event || !one.looked) : unheard(all, subscription);
  }

  #lookOne(subscription: SubscriptionRecord, now: number, delivery: DeliveryCount): void {
    const all = this.#events.of(subscription.bucket, subscription.topic);
    const meant = unheard(all, subscription).filter((event) => this.#taker(event, subscription) !== undefined);
    if (meant.length < eventsPerLook) {
      subscription.looked = true;
      if (subscription.heard !== null)
        subscription.heard = all.reduce((most, { number }) => Math.max(most, number ?? 0), subscription.heard);
    }
    for (const event of meant.slice(0, eventsPerLook)) this.#give(event, subscription, now, delivery);
  }

  /** The instance that waits, unless the event is not meant for it, or was given to it. */
  #taker(event: EventRecord, subscription: SubscriptionRecord): InstanceRecord | undefined {
    const instance = this.#instances.get({ bucket: subscription.instanceBucket, id: subscription.instance });
    if (instance === undefined || isTerminal(instance.status)) return undefined;
    return event.createdAt < subscription.since || instance.inbox.has(event.id) ? undefined : instance;
  }

  /** Puts an event into the inbox of the instance that waits, once in its life. */
  #give(event: EventRecord, subscription: SubscriptionRecord, now: number, delivery: DeliveryCount): void {
    const instance = this.#taker(event, subscription);
    if (instance === undefined) return;
    instance.inboxSeq += 1;
    instance.inbox.set(event.id, {
      bucket: instance.bucket,
      id: instance.id,
      source: event.id,
      seq: instance.inboxSeq,
      kind: "event",
      topic: event.topic,
      payload: event.data,
      heard: subscription.heard ?? 0,
      createdAt: now,
      consumedAt: null,
    });
    const woke = instance.status === "Runnable" && this.#instances.wake(instance, now);
    delivery.count(instance.owner, woke);
  }
}

interface EventTables {
  readonly events: EventTable;
  readonly instances: InstanceTable;
  readonly triggers: ReadonlyMap<string, TriggerRecord>;
}

interface Birth {
  readonly frontier: string;
  readonly now: number;
}

class DeliveryCount {
  readonly triggered: Triggered[] = [];
  #delivered = 0;
  #woke = false;
  readonly #owners = new Set<string>();

  count(owner: string | null, woke: boolean): void {
    this.#delivered += 1;
    if (woke) this.#woke = true;
    if (owner !== null) this.#owners.add(owner);
  }

  view(): Delivery {
    return { delivered: this.#delivered, woke: this.#woke, owners: [...this.#owners], triggered: this.triggered };
  }
}

/** Those that come after what the subscription has heard, and those that nobody has delivered yet. */
const unheard = (events: readonly EventRecord[], { heard }: SubscriptionRecord): readonly EventRecord[] =>
  events.filter(({ number }) => number === null || number > (heard ?? 0));

type Key = readonly (number | string)[];

/** Those with a greater key than the last one, in the order of their keys. */
function behind<T>(rows: readonly T[], last: T | undefined, keyOf: (row: T) => Key): readonly T[] {
  const from = last === undefined ? [] : keyOf(last);
  return rows.filter((row) => inOrder(keyOf(row), from) > 0).sort((one, other) => inOrder(keyOf(one), keyOf(other)));
}

/** Nothing comes before something. */
function inOrder(one: Key, other: Key): number {
  for (const [n, part] of one.entries()) {
    const against = other[n];
    if (against === undefined || part > against) return 1;
    if (part < against) return -1;
  }
  return 0;
}

function first<T>(rows: Iterable<T>, wanted: (row: T) => boolean, limit: number): T[] {
  const found: T[] = [];
  for (const row of rows) {
    if (found.length === limit) break;
    if (wanted(row)) found.push(row);
  }
  return found;
}
