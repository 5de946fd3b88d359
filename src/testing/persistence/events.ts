import assert from "node:assert/strict";
import { Event } from "../../models/records/event.ts";
import { EventSubscription } from "../../models/records/event-subscription.ts";
import { idsOf, instance, pagesOf, refused, type Sentence, someId, unique } from "./ground.ts";

const day = (n: number): Date => new Date(Date.UTC(2020, 0, n));

/** Events. */
export function eventSentences(sentence: Sentence): void {
  sentence("an event comes back with every field as it was given", async (store) => {
    const event = new Event(unique("user_registered"), "user_123", { id: someId() })
      .withEventData({ email: "user@example.com", at: new Date(7) })
      .withEventTime(day(2));
    const made = await store.createEvent(event);
    assert.deepEqual({ ...made }, { ...event, isProcessed: false });
    assert.deepEqual(await store.getEvent(made.id), made);
    assert.equal(await store.getEvent(someId()), null);
  });

  sentence("an event gets an id and the present where none is given", async (store) => {
    const made = await store.createEvent({ eventName: unique("paid") });
    assert.deepEqual([made.eventKey, made.eventData, made.isProcessed], [null, null, false]);
    assert.deepEqual(await store.getEvent(made.id), made);
    const future = new Date("2990-01-01");
    const clamped = await store.createEvent({ eventName: unique("paid"), eventTime: future });
    assert.ok(clamped.eventTime < future, "no event is from the future");
  });

  sentence("an event whose id is taken is refused, though it has another name", async (store) => {
    const made = await store.createEvent({ eventName: unique("paid"), eventData: 1 });
    for (const eventName of [made.eventName, unique("other")])
      await refused("DUPLICATE_RECORD", () => store.createEvent({ eventName, id: made.id, eventData: 2 }));
    assert.equal((await store.getEvent(made.id))?.eventData, 1);
  });

  sentence("of many events one that is in the way keeps all out", async (store) => {
    const eventName = unique("paid");
    const made = await store.createEvent({ eventName });
    const batch = [{ eventName }, { eventName, id: made.id }, { eventName }];
    await refused("DUPLICATE_RECORD", () => store.createEvents(batch));
    assert.deepEqual(idsOf((await store.getEvents({ eventName })).items), [made.id]);
  });

  sentence("events are found by name, key, time and whether they were processed, oldest first", async (store) => {
    const eventName = unique("paid");
    const [c, a, b] = await store.createEvents([
      { eventName, eventTime: day(3) },
      { eventName, eventKey: "k", eventTime: day(1) },
      { eventName, eventKey: "k", eventTime: day(2) },
    ]);
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    assert.equal(await store.markEventProcessed(b.id), true);
    const by = async (filter: object) => idsOf((await store.getEvents({ eventName, ...filter })).items);
    assert.deepEqual(await by({}), idsOf([a, b, c]));
    assert.deepEqual(await by({ eventKey: "k" }), idsOf([a, b]));
    assert.deepEqual(await by({ eventKey: null }), [c.id]);
    assert.deepEqual(await by({ from: day(2) }), idsOf([b, c]));
    assert.deepEqual(await by({ to: day(2) }), [a.id]);
    assert.deepEqual(await by({ isProcessed: true }), [b.id]);
    assert.deepEqual(await by({ isProcessed: false }), idsOf([a, c]));
  });

  sentence("pages of events miss and repeat nothing, also where many have one time", async (store) => {
    const eventName = unique("paid");
    await store.createEvents(
      Array.from({ length: 12 }, (_, n) => ({ eventName, eventKey: `k${n % 3}`, eventTime: day(1) })),
    );
    const pages = await pagesOf((page) => store.getEvents({ eventName }, page), 5);
    assert.deepEqual(
      pages.map(({ length }) => length),
      [5, 5, 2],
    );
    assert.equal(new Set(idsOf(pages.flat())).size, 12);
  });

  sentence("an event that was processed says so, and one that never was cannot be", async (store) => {
    const made = await store.createEvent({ eventName: unique("paid") });
    assert.equal(await store.markEventProcessed(made.id), true);
    assert.equal((await store.getEvent(made.id))?.isProcessed, true);
    assert.equal(await store.markEventProcessed(someId()), false);
  });
}

/** Subscriptions. */
export function subscriptionSentences(sentence: Sentence): void {
  sentence("who waits for an event is found by its name and key", async (store) => {
    const [name, other] = [unique("user_registered"), unique("other")];
    const { id } = await instance(store);
    const made = await store.createSubscription(new EventSubscription(id, "wait", name, "user_123"));
    await store.createSubscriptions([
      new EventSubscription(id, "wait", name, "user_456"),
      new EventSubscription(id, "wait", name),
      new EventSubscription(id, "wait", other, "user_123"),
    ]);
    assert.deepEqual(await store.getSubscriptionsForEvent(name, "user_123"), [made]);
    assert.equal((await store.getSubscriptionsForEvent(name, "user_789")).length, 0);
    assert.deepEqual(
      { ...made, createTime: 0, subscribeAsOf: 0, id: 0 },
      { id: 0, workflowId: id, path: "wait", eventName: name, eventKey: "user_123", subscribeAsOf: 0, createTime: 0 },
    );
  });

  sentence("a null key matches those who wait without a key, and nobody else", async (store) => {
    const name = unique("paid");
    const { id } = await instance(store);
    await store.createSubscriptions([
      new EventSubscription(id, "a", name, null),
      new EventSubscription(id, "b", name, "null"),
    ]);
    assert.deepEqual(
      (await store.getSubscriptionsForEvent(name, null)).map(({ path }) => path),
      ["a"],
    );
  });

  sentence("a subscription counts from the birth of its instance, unless it says otherwise", async (store) => {
    const made = await instance(store, { createTime: day(1) });
    const since = async (subscription: EventSubscription | object) =>
      (await store.createSubscription({ workflowId: made.id, path: "w", eventName: unique("paid"), ...subscription }))
        .subscribeAsOf;
    assert.deepEqual(await since({}), day(1));
    assert.deepEqual(await since({ subscribeAsOf: day(3) }), day(3));
    assert.ok((await since({ workflowId: someId() })) > day(9), "without an instance it counts from now on");
  });

  sentence("the same wait twice is refused", async (store) => {
    const { id } = await instance(store);
    const wait = new EventSubscription(id, "wait", unique("paid"), "k");
    await store.createSubscription(wait);
    await refused("DUPLICATE_RECORD", () => store.createSubscription(wait));
    const batch = [new EventSubscription(id, "other", wait.eventName, "k"), wait];
    await refused("DUPLICATE_RECORD", () => store.createSubscriptions(batch));
    assert.equal((await store.getSubscriptionsForEvent(wait.eventName, "k")).length, 1);
  });

  sentence("subscriptions may be read in parts", async (store) => {
    const name = unique("paid");
    await store.createSubscriptions(Array.from({ length: 5 }, () => new EventSubscription(someId(), "wait", name)));
    const all = await store.getSubscriptionsForEvent(name);
    const first = await store.getSubscriptionsForEvent(name, null, { limit: 2 });
    const rest = await store.getSubscriptionsForEvent(name, null, { after: first[1]?.id });
    assert.deepEqual([first.length, rest.length, [...first, ...rest]], [2, 3, all]);
  });

  sentence("a subscription that is removed is gone, and only that", async (store) => {
    const name = unique("paid");
    const { id } = await instance(store);
    const [gone, left] = await store.createSubscriptions([
      new EventSubscription(id, "a/b", name),
      new EventSubscription(id, "a", name),
    ]);
    assert.ok(gone !== undefined);
    assert.equal(await store.removeSubscription(gone.id), true);
    assert.equal(await store.removeSubscription(gone.id), false);
    assert.deepEqual(await store.getSubscriptionsForEvent(name), [left]);
  });

  sentence("an instance that ends waits for nothing any more", async (store) => {
    const name = unique("paid");
    const { id } = await instance(store);
    await store.createSubscription(new EventSubscription(id, "wait", name));
    await store.updateWorkflowInstance({ id, status: "Terminated" });
    assert.deepEqual(await store.getSubscriptionsForEvent(name), []);
  });
}
