import assert from "node:assert/strict";
import { test } from "node:test";
import { eventRow, refOf, sorted, subscriptionOf, transition, waiting } from "./rows.ts";
import type { Transition } from "../../src/models/transition.ts";
import type { EventRow } from "../../src/persistence/event-store.ts";
import type { EngineStore, StartRow } from "../../src/persistence/provider.ts";
import { claimAll, claimedIds, commit, liveNode, start, startMany, sweep, type MakeStore } from "./world.ts";

const nothing = { delivered: 0, woke: false, owners: [], triggered: [] };

/** An instance that waits for an event, unowned unless it is kept. */
async function waiter(
  store: EngineStore,
  node: string,
  key: string | null,
  facts: Partial<Transition> = {},
): Promise<StartRow> {
  const row = await start(store, node);
  await store.instances.commit([waiting(row, node, key, facts)]);
  return row;
}

async function publish(store: EngineStore, key: string | null, facts: Partial<EventRow> = {}): Promise<EventRow> {
  const event = eventRow(key, facts);
  await store.events.publish([event]);
  return event;
}

const sources = async (store: EngineStore, row: StartRow): Promise<readonly string[]> =>
  (await store.instances.inbox([row])).map(({ source }) => source);

export function eventTests(make: MakeStore): void {
  test("an event wakes the instance that waits for it and lies in its inbox", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await waiter(store, node, "7");
    const event = await publish(store, "7", { data: `{"sum":3}` });
    assert.deepEqual(await store.events.deliver([event]), { delivered: 1, woke: true, owners: [], triggered: [] });
    const [read] = await store.instances.inbox([row]);
    assert.deepEqual(
      { ...read, createdAt: 0 },
      {
        ...{ bucket: row.bucket, id: row.id, source: event.id, seq: 1, kind: "event" },
        ...{ topic: event.topic, payload: { sum: 3 }, heard: 0, createdAt: 0 },
      },
    );
    assert.deepEqual(await claimedIds(store, node), [row.id]);
  });

  test("an event for an owned instance names its owner", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    await waiter(store, node, "7", { release: "keep" });
    const event = await publish(store, "7");
    assert.deepEqual(await store.events.deliver([event]), { delivered: 1, woke: false, owners: [node], triggered: [] });
    assert.deepEqual(await claimAll(store, node), []);
  });

  test("an event for a suspended instance waits in its inbox without waking it", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await waiter(store, node, "7", { release: "halt", status: "Suspended" });
    const event = await publish(store, "7");
    assert.deepEqual(await store.events.deliver([event]), { delivered: 1, woke: false, owners: [], triggered: [] });
    assert.deepEqual(await claimAll(store, node), []);
    assert.deepEqual(await sources(store, row), [event.id]);
  });

  test("an event is given to an instance once, however many deliver it, and whoever looks", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await waiter(store, node, "7");
    const event = await publish(store, "7");
    const subscription = subscriptionOf(row, "7");
    await Promise.all([
      store.events.deliver([event]),
      store.events.look([subscription]),
      store.events.deliver([event]),
      store.events.look([subscription]),
    ]);
    assert.deepEqual(await store.events.deliver([event]), nothing);
    assert.deepEqual(await store.events.look([subscription]), nothing);
    assert.deepEqual(await sources(store, row), [event.id]);
  });

  test("an event that was consumed does not come again", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await waiter(store, node, "7", { release: "keep" });
    const event = await publish(store, "7");
    await store.events.deliver([event]);
    const again = waiting(row, node, "7", { revision: 1, release: "park", inboxSeen: 1, consume: [event.id] });
    await store.instances.commit([again]);
    assert.deepEqual(await store.events.deliver([event]), nothing);
    assert.deepEqual(await store.events.look([subscriptionOf(row, "7")]), nothing);
    assert.deepEqual(await claimAll(store, node), []);
  });

  test("an event from before an instance's birth is not meant for it", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const event = await publish(store, "7");
    await advance(1);
    const row = await waiter(store, node, "7");
    assert.deepEqual(await store.events.look([subscriptionOf(row, "7")]), nothing);
    assert.deepEqual(await store.events.deliver([event]), nothing);
  });

  test("an event from between birth and waiting is found by the subscriber's look", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    await advance(1);
    const event = await publish(store, "7");
    assert.deepEqual(await store.events.deliver([event]), nothing);
    await advance(1);
    await store.instances.commit([waiting(row, node, "7")]);
    assert.deepEqual(await store.events.look([subscriptionOf(row, "7")]), {
      ...{ delivered: 1, woke: true, owners: [], triggered: [] },
    });
    assert.deepEqual(await claimedIds(store, node), [row.id]);
  });

  test("a key matches itself, and no key matches only no key", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const keys = [null, "", "7"];
    const rows: StartRow[] = [];
    for (const key of keys) rows.push(await waiter(store, node, key));
    for (const [index, key] of keys.entries()) {
      await store.events.deliver([await publish(store, key)]);
      assert.deepEqual(await claimedIds(store, node), [rows[index]?.id]);
    }
    const other = eventRow("7", { name: "shipped" });
    await store.events.publish([other]);
    assert.deepEqual(await store.events.deliver([other]), nothing);
  });

  test("an instance that waits twice is given an event once, and two instances each", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    const { bucket, topic } = subscriptionOf(row, "7");
    const subscribe = ["a", "b"].map((path) => ({ bucket, topic, path, name: "paid", key: "7", heard: 0 }));
    await commit(store, row, node, { release: "park", subscribe });
    const second = await waiter(store, node, "7");
    const event = await publish(store, "7");
    assert.equal((await store.events.deliver([event])).delivered, 2);
    assert.deepEqual([await sources(store, row), await sources(store, second)], [[event.id], [event.id]]);
    assert.equal((await claimAll(store, node)).length, 2);
  });

  test("whoever no longer waits is given nothing", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await waiter(store, node, "7", { release: "keep" });
    const { bucket, topic, path } = subscriptionOf(row, "7");
    await commit(store, row, node, { revision: 1, release: "park", unsubscribe: [{ bucket, topic, path }] });
    assert.deepEqual(await store.events.deliver([await publish(store, "7")]), nothing);
    assert.deepEqual(await store.events.look([subscriptionOf(row, "7")]), nothing);
  });

  test("what is given up and asked for again in one transition is waited for", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await waiter(store, node, "7", { release: "keep" });
    const { bucket, topic, path } = subscriptionOf(row, "7");
    await store.instances.commit([waiting(row, node, "7", { revision: 1, unsubscribe: [{ bucket, topic, path }] })]);
    assert.equal((await store.events.deliver([await publish(store, "7")])).delivered, 1);
  });

  test("an instance that has ended is given nothing, though its subscription was left", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await waiter(store, node, "7", { release: "end", status: "Terminated" });
    assert.deepEqual(await store.events.deliver([await publish(store, "7")]), nothing);
    assert.deepEqual(await sources(store, row), []);
  });

  test("an event that is published again changes nothing", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await waiter(store, node, "7");
    const event = await publish(store, "7", { data: `"first"` });
    await store.events.publish([{ ...event, data: `"second"` }]);
    assert.equal((await store.events.deliver([event])).delivered, 1);
    assert.equal((await store.instances.inbox([row]))[0]?.payload, "first");
  });

  test("events that nobody stored and subscriptions that nobody has are harmless", async () => {
    const { store } = await make();
    assert.deepEqual(await store.events.deliver([eventRow("7")]), nothing);
    assert.deepEqual(await store.events.look([subscriptionOf(refOf(), "7")]), nothing);
    assert.deepEqual([await store.events.deliver([]), await store.events.look([])], [nothing, nothing]);
    await store.events.publish([]);
  });

  test("a look gives the oldest hundred, and the next look the rest", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    const events: EventRow[] = [];
    for (let count = 0; count < 105; count += 1) {
      events.push(await publish(store, "7"));
      await advance(1);
    }
    await store.instances.commit([waiting(row, node, "7")]);
    const looks = [subscriptionOf(row, "7")];
    assert.equal((await store.events.look(looks)).delivered, 100);
    assert.deepEqual(
      await sources(store, row),
      events.slice(0, 100).map(({ id }) => id),
    );
    assert.equal((await store.events.look(looks)).delivered, 5);
    assert.deepEqual(
      await sources(store, row),
      events.map(({ id }) => id),
    );
  });

  test("an event brings along the older ones that are still on their way, and is taken behind them", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    const events: EventRow[] = [];
    const next = async (): Promise<EventRow> => {
      await advance(1);
      events.push(await publish(store, "7"));
      return events.at(-1) ?? assert.fail();
    };
    const ids = (): readonly string[] => events.map(({ id }) => id);
    await store.events.deliver([await next()]); // nobody waits yet
    await store.instances.commit([waiting(row, node, "7")]); // and it has not looked
    assert.equal((await store.events.deliver([await next()])).delivered, 2);
    assert.deepEqual(await sources(store, row), ids());
    assert.equal((await store.events.look([subscriptionOf(row, "7")])).delivered, 0);
    const overtaken = await next(); // whose own delivery comes late
    assert.equal((await store.events.deliver([await next()])).delivered, 2);
    assert.deepEqual(await sources(store, row), ids());
    assert.deepEqual(await store.events.deliver([overtaken]), nothing);
  });

  test("a batch of events reaches everybody who waits", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const rows = await startMany(store, node, 60);
    await store.instances.commit(rows.map((row) => waiting(row, node, row.id)));
    const events = sorted(rows.map((row) => eventRow(row.id)));
    await store.events.publish(events);
    assert.deepEqual(await store.events.deliver(events), { delivered: 60, woke: true, owners: [], triggered: [] });
    assert.equal((await claimAll(store, node)).length, 60);
  });

  test("the sweep finishes what a publisher did not, and nothing twice", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const row = await waiter(store, node, "7");
    const event = await publish(store, "7");
    assert.deepEqual(await sweep(store, 5_000, 10), nothing, "its publisher may still be about to look");
    await advance(6_000);
    assert.deepEqual(await sweep(store, 5_000, 10), { delivered: 1, woke: true, owners: [], triggered: [] });
    assert.deepEqual(await sources(store, row), [event.id]);
    assert.deepEqual(await sweep(store, 5_000, 10), nothing);
  });

  test("the sweep finishes what a subscriber did not", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    const event = await publish(store, "7");
    await store.events.deliver([event]);
    await store.instances.commit([waiting(row, node, "7")]);
    await advance(6_000);
    assert.equal((await sweep(store, 5_000, 10)).delivered, 1);
    assert.equal((await sweep(store, 5_000, 10)).delivered, 0);
  });

  test("subscriptions that have looked do not stand in the way of those that have not", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const rows = await startMany(store, node, 6);
    const [cutOff, ...others] = rows;
    assert.ok(cutOff !== undefined);
    await store.events.deliver([await publish(store, cutOff.id)]);
    await store.instances.commit(others.map((row) => waiting(row, node, row.id)));
    await store.events.look(others.map((row) => subscriptionOf(row, row.id)));
    await store.instances.commit([waiting(cutOff, node, cutOff.id)]);
    await advance(6_000);
    assert.equal((await sweep(store, 5_000, 1)).delivered, 1);
  });

  test("what nobody looked at is listed page by page, each once, also if nothing becomes of it", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const rows = await startMany(store, node, 5);
    await store.instances.commit(rows.map((row) => waiting(row, node, row.id)));
    const events: EventRow[] = [];
    for (const row of rows) events.push(await publish(store, row.id));
    await advance(6_000);
    const left = await store.events.undelivered(5_000, 3);
    const others = await store.events.undelivered(5_000, 3, left.at(-1));
    assert.deepEqual([...left, ...others], sorted(events.map(({ bucket, id }) => ({ bucket, id }))));
    assert.deepEqual(await store.events.undelivered(5_000, 3, others.at(-1)), []);
    const waiters = await store.events.unlooked(5_000, 3);
    const more = await store.events.unlooked(5_000, 3, waiters.at(-1));
    assert.deepEqual([waiters.length, more.length], [3, 2]);
    const listed = [...waiters, ...more].map(({ instance }) => instance).sort();
    assert.deepEqual(listed, rows.map(({ id }) => id).sort());
    assert.deepEqual(await store.events.unlooked(5_000, 3, more.at(-1)), []);
  });

  test("old events are purged in bounded batches, and an inbox keeps what it was given", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const row = await waiter(store, node, "7");
    const event = await publish(store, "7", { data: "1" });
    await store.events.deliver([event]);
    await publish(store, "8");
    await publish(store, "9");
    await advance(10_000);
    const young = await publish(store, "7");
    await store.events.deliver([young]);
    const purged = [await store.events.purge(5_000, 2), await store.events.purge(5_000, 2)];
    assert.deepEqual([...purged, await store.events.purge(5_000, 2)], [2, 1, 0]);
    assert.deepEqual(await sources(store, row), [event.id, young.id]);
  });

  test("publisher and subscriber never miss each other, in whatever order their acts fall", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const rows = await startMany(store, node, 24);
    await Promise.all(
      rows.map(async (row) => {
        const event = eventRow(row.id);
        const subscriber = async (): Promise<void> => {
          await store.instances.commit([waiting(row, node, row.id)]);
          await store.events.look([subscriptionOf(row, row.id)]);
        };
        const publisher = async (): Promise<void> => {
          await store.events.publish([event]);
          await store.events.deliver([event]);
        };
        await Promise.all([subscriber(), publisher()]);
        assert.deepEqual(await sources(store, row), [event.id]);
      }),
    );
    assert.equal((await claimAll(store, node)).length, rows.length);
  });

  test("an event and the parking of its instance never miss each other", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const rows = await startMany(store, node, 24);
    await store.instances.commit(rows.map((row) => waiting(row, node, row.id, { release: "keep" })));
    const events = rows.map((row) => eventRow(row.id));
    await store.events.publish(sorted(events));
    await Promise.all([
      ...rows.map((row) => store.instances.commit([transition(row, node, { revision: 1, release: "park" })])),
      ...events.map((event) => store.events.deliver([event])),
    ]);
    assert.equal((await claimAll(store, node)).length, rows.length);
  });
}
