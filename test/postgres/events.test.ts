import assert from "node:assert/strict";
import { test } from "node:test";
import type { SqlEngineStore } from "../../src/persistence/postgres/store.ts";
import type { InstanceRef } from "../../src/persistence/provider.ts";
import {
  allBuckets,
  definitionName,
  eventRow,
  liveNode,
  startMany,
  startOne,
  subscriptionOf,
  transition,
  waiting,
  world,
} from "./store.ts";
import { sweep } from "../stores/world.ts";

const w = world();

const payloads = async (store: SqlEngineStore, ref: InstanceRef): Promise<readonly unknown[]> =>
  (await store.instances.inbox([ref])).map((row) => row.payload);

test("an event reaches who waits for it: an inbox row, and due at once", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  await store.instances.commit([waiting(row, node, ["paid", "o-1"])]);
  const event = eventRow("paid", "o-1", { data: `{"amount":5}` });
  await store.events.publish([event]);
  assert.deepEqual(await store.events.deliver([event]), { delivered: 1, woke: true, owners: [], triggered: [] });
  const inbox = await store.instances.inbox([row]);
  assert.deepEqual(
    inbox.map(({ createdAt: _, ...facts }) => facts),
    [
      {
        bucket: row.bucket,
        id: row.id,
        source: event.id,
        seq: 1,
        kind: "event",
        topic: event.topic,
        heard: 0,
        payload: { amount: 5 },
      },
    ],
  );
  const { claimed } = await store.instances.claim({
    owner: node,
    buckets: allBuckets,
    definitions: [definitionName],
    limit: 5,
  });
  assert.deepEqual(
    claimed.map(({ id, inboxSeq }) => [id, inboxSeq]),
    [[row.id, 1]],
  );
});

test("an owner is told, and its instance is not made due; a suspended instance is given the event and stays asleep", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const [owned, halted] = await startMany(store, node, 2);
  assert.ok(owned !== undefined && halted !== undefined);
  await store.instances.commit([
    waiting(owned, node, ["paid", "k"], { release: "keep" }),
    waiting(halted, node, ["paid", "k"], { release: "halt", status: "Suspended" }),
  ]);
  const event = eventRow("paid", "k");
  await store.events.publish([event]);
  assert.deepEqual(await store.events.deliver([event]), { delivered: 2, woke: false, owners: [node], triggered: [] });
  assert.equal((await store.instances.nextDue([definitionName])).dueAt, null);
  assert.deepEqual(await payloads(store, halted), [null]);
});

test("a null key matches only null, and each key only itself", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const rows = await startMany(store, node, 3);
  const keys = [null, "", "k"];
  await store.instances.commit(rows.map((row, index) => waiting(row, node, ["paid", keys[index] ?? null])));
  for (const [index, key] of keys.entries()) {
    const event = eventRow("paid", key, { data: `${index}` });
    await store.events.publish([event]);
    assert.equal((await store.events.deliver([event])).delivered, 1);
  }
  assert.deepEqual(await Promise.all(rows.map((row) => payloads(store, row))), [[0], [1], [2]]);
});

test("a repeated publish and a repeated delivery change nothing, also after the event was consumed", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  await store.instances.commit([waiting(row, node, ["paid", "k"], { release: "keep" })]);
  const event = eventRow("paid", "k", { data: "1" });
  for (let time = 0; time < 3; time += 1) {
    await store.events.publish([{ ...event, data: `${time + 1}` }]);
    assert.equal((await store.events.deliver([event])).delivered, time === 0 ? 1 : 0);
  }
  await store.instances.commit([transition(row, node, { revision: 1, consume: [event.id] })]);
  assert.equal((await store.events.deliver([event])).delivered, 0);
  assert.equal((await store.events.look([subscriptionOf(row, "paid", "k")])).delivered, 0);
  assert.deepEqual(await store.instances.inbox([row]), []);
});

test("a subscriber finds the events that came before it, oldest first, but none that is older than its instance", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const before = eventRow("paid", "k", { data: `"before"` });
  await store.events.publish([before]);
  const row = await startOne(store, node);
  for (let time = 1; time <= 3; time += 1) await store.events.publish([eventRow("paid", "k", { data: `${time}` })]);
  await store.instances.commit([waiting(row, node, ["paid", "k"])]);
  assert.deepEqual(await store.events.look([subscriptionOf(row, "paid", "k")]), {
    delivered: 3,
    woke: true,
    owners: [],
    triggered: [],
  });
  assert.equal((await store.events.deliver([before])).delivered, 0);
  const inbox = await store.instances.inbox([row]);
  assert.deepEqual(
    inbox.map(({ seq, payload }) => [seq, payload]),
    [
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  );
});

test("two pointers of one instance at one topic are given one row an event", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  const { bucket, topic } = subscriptionOf(row, "paid", "k");
  const subscribe = ["a", "b"].map((path) => ({ bucket, topic, path, name: "paid", key: "k", heard: 0 }));
  await store.instances.commit([transition(row, node, { subscribe, release: "park" })]);
  const events = [eventRow("paid", "k", { data: "1" }), eventRow("paid", "k", { data: "2" })];
  for (const event of events) await store.events.publish([event]);
  assert.equal((await store.events.deliver(events)).delivered, 2);
  const looked = await store.events.look(["a", "b"].map((path) => subscriptionOf(row, "paid", "k", path)));
  assert.equal(looked.delivered, 0);
  assert.deepEqual(await payloads(store, row), [1, 2]);
});

test("one subscription is given at most 100 events at a time, and the others when it looks again", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  for (let chunk = 0; chunk < 3; chunk += 1) {
    await store.events.publish(
      Array.from({ length: 50 }, (_, index) => eventRow("paid", "k", { data: `${chunk * 50 + index}` })),
    );
  }
  await store.instances.commit([waiting(row, node, ["paid", "k"])]);
  const wanted = [subscriptionOf(row, "paid", "k")];
  assert.equal((await store.events.look(wanted)).delivered, 100);
  assert.ok((await payloads(store, row)).every((payload) => Number(payload) < 100));
  assert.equal((await store.events.look(wanted)).delivered, 50);
});

test("what a crash cut off between committing and looking is finished by the sweep, on either side, once", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const [first, second] = await startMany(store, node, 2);
  assert.ok(first !== undefined && second !== undefined);
  await store.instances.commit([waiting(first, node, ["paid", "1"])]);
  await store.events.look([subscriptionOf(first, "paid", "1")]);
  await store.events.publish([eventRow("paid", "1"), eventRow("paid", "2")]); // nobody looks
  await store.instances.commit([waiting(second, node, ["paid", "2"], { release: "keep" })]); // nor here
  assert.equal((await sweep(store, 60_000, 100)).delivered, 0); // too young
  const delivery = await sweep(store, 0, 100);
  assert.deepEqual(delivery, { delivered: 2, woke: true, owners: [node], triggered: [] });
  assert.equal((await sweep(store, 0, 100)).delivered, 0);
  const { rows } = await w.client.query(
    `select (select bool_and(looked) from ${store.tables.event}) and (select bool_and(looked) from ${store.tables.subscription}) as looked`,
  );
  assert.deepEqual(rows, [{ looked: true }]);
});

test("publishing and subscribing at the same instant, 300 rounds: no event is lost and none comes twice", async () => {
  const publishing = await w.store();
  const subscribing = await w.again(publishing);
  const node = await liveNode(publishing);
  const rows = await startMany(publishing, node, 300);
  let seenByPublisher = 0;
  for (const [round, row] of rows.entries()) {
    const event = eventRow("paid", `${round}`);
    const publish = async (): Promise<number> => {
      await publishing.events.publish([event]);
      return (await publishing.events.deliver([event])).delivered;
    };
    const subscribe = async (): Promise<number> => {
      await subscribing.instances.commit([waiting(row, node, ["paid", `${round}`])]);
      return (await subscribing.events.look([subscriptionOf(row, "paid", `${round}`)])).delivered;
    };
    const [byPublisher, bySubscriber] = await Promise.all([publish(), subscribe()]);
    assert.equal(byPublisher + bySubscriber, 1, `round ${round}`);
    seenByPublisher += byPublisher;
  }
  assert.ok(
    seenByPublisher > 0 && seenByPublisher < 300,
    `both sides deliver: ${seenByPublisher} of 300 by the publisher`,
  );
  const { claimed } = await publishing.instances.claim({
    owner: node,
    buckets: allBuckets,
    definitions: [definitionName],
    limit: 1000,
  });
  assert.equal(claimed.length, 300);
});

test("deliveries of many events to the same instances from many sides end without a deadlock, each event once", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const rows = await startMany(store, node, 50);
  await store.instances.commit(rows.map((row) => waiting(row, node, ["tick", null])));
  const events = Array.from({ length: 20 }, () => eventRow("tick", null));
  const shuffled = [...events].reverse();
  await store.events.publish(events);
  const wanted = rows.map((row) => subscriptionOf(row, "tick", null));
  const deliveries = await Promise.all([
    store.events.deliver(events),
    store.events.deliver(shuffled),
    store.events.look(wanted),
    store.events.look([...wanted].reverse()),
    sweep(store, 0, 100),
  ]);
  assert.equal(
    deliveries.reduce((sum, delivery) => sum + delivery.delivered, 0),
    50 * 20,
  );
  const inbox = await store.instances.inbox(rows);
  assert.equal(inbox.length, 50 * 20);
});

test("an event is given to nobody who has ended or does not wait any more", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const [ended, gone] = await startMany(store, node, 2);
  assert.ok(ended !== undefined && gone !== undefined);
  await store.instances.commit([
    waiting(ended, node, ["paid", "k"], { release: "keep" }),
    waiting(gone, node, ["paid", "k"], { release: "keep" }),
  ]);
  const { bucket, topic, path } = subscriptionOf(gone, "paid", "k");
  await store.instances.commit([
    transition(ended, node, { revision: 1, release: "end", status: "Terminated" }),
    transition(gone, node, { revision: 1, unsubscribe: [{ bucket, topic, path }] }),
  ]);
  const event = eventRow("paid", "k");
  await store.events.publish([event]);
  assert.equal((await store.events.deliver([event])).delivered, 0);
});

test("old events are purged in bounded batches; marks go only when no event of their age is left", async () => {
  const store = await w.store({ testClock: true });
  const node = await liveNode(store);
  const row = await startOne(store, node);
  await store.instances.commit([waiting(row, node, ["paid", "k"], { release: "keep" })]);
  const events = Array.from({ length: 5 }, () => eventRow("paid", "k"));
  await store.events.publish(events);
  await store.events.deliver(events);
  await store.instances.commit([transition(row, node, { revision: 1, consume: events.map(({ id }) => id) })]);
  await w.client.query(`update ${store.tables.testClock} set at = at + interval '10 seconds'`);
  await store.events.publish([eventRow("paid", "k")]);
  const left = async (): Promise<unknown> =>
    (
      await w.client.query(
        `select (select count(*)::int from ${store.tables.event}) as events, (select count(*)::int from ${store.tables.inbox}) as marks`,
      )
    ).rows[0];
  assert.equal(await store.events.purge(20_000, 3), 0);
  assert.equal(await store.events.purge(5_000, 3), 3);
  assert.deepEqual(await left(), { events: 3, marks: 5 });
  assert.equal(await store.events.purge(5_000, 3), 2);
  assert.deepEqual(await left(), { events: 1, marks: 2 });
  assert.equal(await store.events.purge(5_000, 3), 0);
  assert.deepEqual(await left(), { events: 1, marks: 0 });
});

test("a subscription that was given as many as a look gives has not looked, unless its instance has ended", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const [waits, ended] = await startMany(store, node, 2);
  assert.ok(waits !== undefined && ended !== undefined);
  await store.events.publish(Array.from({ length: 120 }, () => eventRow("paid", "k")));
  await store.instances.commit([
    waiting(waits, node, ["paid", "k"]),
    waiting(ended, node, ["paid", "k"], { release: "end", status: "Terminated" }),
  ]);
  const looked = async (): Promise<readonly unknown[]> => {
    await store.events.look([waits, ended].map((row) => subscriptionOf(row, "paid", "k")));
    const { rows } = await w.client.query<{ looked: boolean }>(
      `select looked from ${store.tables.subscription} order by instance = $1 desc`,
      [waits.id],
    );
    return rows.map((row) => row.looked);
  };
  assert.deepEqual(await looked(), [false, true]);
  assert.deepEqual(await looked(), [true, true]);
});
