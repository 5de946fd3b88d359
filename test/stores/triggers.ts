import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketOf, keyedId } from "../../src/models/identity.ts";
import type { EventRow, TriggeredStart } from "../../src/persistence/event-store.ts";
import type { ClaimedInstance, EngineStore } from "../../src/persistence/provider.ts";
import { startTriggered } from "../../src/persistence/triggered-starts.ts";
import { buckets, eventRow, refOf, sorted, subscriptionOf, waiting } from "./rows.ts";
import { claimAll, liveNode, start, sweep, type MakeStore } from "./world.ts";

const definitions = ["order@1", "order@2", "audit@1"];

const triggers = (store: EngineStore, ...rows: readonly (readonly [string, number, string | null])[]): Promise<void> =>
  store.definitions.trigger(rows.map(([definition, version, event]) => ({ definition, version, event })));

async function publish(store: EngineStore, facts: Partial<EventRow> = {}, key: string | null = "7"): Promise<EventRow> {
  const event = eventRow(key, facts);
  await store.events.publish([event]);
  return event;
}

/** Delivers events and starts what they start; answers the definitions of what is new. */
async function deliver(store: EngineStore, ...events: readonly EventRow[]): Promise<readonly string[]> {
  const { triggered } = await store.events.deliver(events);
  const started = await startTriggered(store, triggered);
  return started.map(({ definition, version }) => `${definition}@${version}`).sort();
}

const due = async (store: EngineStore): Promise<readonly ClaimedInstance[]> =>
  claimAll(store, await liveNode(store, definitions), definitions);

const unlooked = async (store: EngineStore): Promise<number> => (await sweep(store, 0, 100)).triggered.length;

/** Events that start runs: each one run of each definition that named it before it was published. */
export function triggerTests(make: MakeStore): void {
  test("an event starts a run of each definition that names it, due and nobody's, and no other", async () => {
    const { store } = await make();
    await triggers(store, ["audit", 1, "paid"], ["idle", 1, null], ["order", 1, "paid"], ["other", 1, "shipped"]);
    const event = await publish(store, { data: '{"n":1}' });
    assert.deepEqual(await deliver(store, event), ["audit@1", "order@1"]);
    const born = await due(store);
    assert.deepEqual(born.map(({ definition }) => definition).sort(), ["audit", "order"]);
    for (const { data, frontier, epoch } of born)
      assert.deepEqual(
        { data, frontier, epoch },
        { data: { n: 1 }, frontier: { format: 1, pointers: {}, unchecked: true }, epoch: 1 },
      );
    assert.deepEqual(await deliver(store, await publish(store, { name: "lost" })), []);
  });

  test("the run is named by the event, as a start under its id as key would be", async () => {
    const { store } = await make();
    await triggers(store, ["order", 1, "paid"]);
    const event = await publish(store);
    await deliver(store, event);
    const [run] = await due(store);
    assert.equal(run?.id, keyedId("start", "order", event.id));
    assert.equal(run.bucket, bucketOf(run.id, buckets));
  });

  test("a run is started once, however many deliver the event, one after the other and at once", async () => {
    const { store } = await make();
    await triggers(store, ["audit", 1, "paid"], ["order", 1, "paid"]);
    const events = await Promise.all([publish(store), publish(store), publish(store, {}, null)]);
    const all = await Promise.all([1, 2, 3, 4].map(() => deliver(store, ...events)));
    assert.equal(all.flat().length, 6);
    assert.deepEqual(await deliver(store, ...events), []);
    assert.equal((await due(store)).length, 6);
  });

  test("until its runs are stored the sweep finds an event again", async () => {
    const { store } = await make();
    await triggers(store, ["order", 1, "paid"]);
    const event = await publish(store);
    assert.equal((await store.events.deliver([event])).triggered.length, 1);
    assert.equal(await unlooked(store), 1);
    assert.deepEqual(await deliver(store, event), ["order@1"]);
    assert.equal(await unlooked(store), 0);
  });

  test("an event that has started its runs starts no others, whatever they would be called", async () => {
    const { store } = await make();
    await triggers(store, ["order", 1, "paid"]);
    const event = await publish(store);
    const { triggered } = await store.events.deliver([event]);
    await startTriggered(store, triggered);
    const late = triggered.map((one) => ({ ...one, ...refOf() }));
    assert.deepEqual(await store.events.start(late, '{"format":1,"pointers":{}}'), []);
    assert.equal((await due(store)).length, 1);
  });

  test("a start whose id is taken starts nothing, and its event is done with", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    await triggers(store, ["order", 1, "paid"]);
    const event = await publish(store);
    await start(store, node, refOf(keyedId("start", "order", event.id)));
    assert.deepEqual(await deliver(store, event), []);
    assert.equal(await unlooked(store), 0);
  });

  test("what was published before its trigger was there starts nothing, found late as it may be", async () => {
    const { store, advance } = await make();
    const early = await publish(store);
    await advance(1);
    await triggers(store, ["order", 1, "paid"]);
    await advance(1);
    const late = await publish(store);
    assert.deepEqual(await deliver(store, early, late), ["order@1"]);
    assert.equal((await due(store))[0]?.id, keyedId("start", "order", late.id));
  });

  test("the highest version decides, and takes over without a gap", async () => {
    const { store, advance } = await make();
    await triggers(store, ["order", 1, "paid"]);
    await advance(1);
    const before = await publish(store);
    await advance(1);
    await triggers(store, ["order", 2, "paid"]);
    await triggers(store, ["order", 1, "paid"]);
    assert.deepEqual(await deliver(store, before), ["order@2"]);
    await triggers(store, ["order", 3, null]);
    await triggers(store, ["order", 2, "paid"]);
    assert.deepEqual(await deliver(store, await publish(store)), []);
  });

  test("the same version may say otherwise later, and counts from then", async () => {
    const { store, advance } = await make();
    await triggers(store, ["order", 1, "paid"]);
    await triggers(store, ["order", 1, null]);
    const between = await publish(store);
    await advance(1);
    await triggers(store, ["order", 1, "paid"]);
    assert.deepEqual(await deliver(store, between), []);
    assert.deepEqual(await deliver(store, await publish(store)), ["order@1"]);
  });

  test("a run has taken the event that started it, and sees all others that were published since", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    await triggers(store, ["order", 1, "paid"]);
    const first = await publish(store);
    await advance(1);
    const second = await publish(store);
    await advance(1);
    const id = keyedId("start", "order", first.id);
    const run = { id, bucket: bucketOf(id, buckets) };
    await deliver(store, first);
    await claimAll(store, node);
    await store.instances.commit([waiting(run, node, "7")]);
    await store.events.look([subscriptionOf(run, "7")]);
    assert.deepEqual(
      (await store.instances.inbox([run])).map(({ source }) => source),
      [second.id],
    );
  });

  test("many events start their runs in one batch", async () => {
    const { store } = await make();
    await triggers(store, ["order", 1, "paid"]);
    const events = sorted(Array.from({ length: 150 }, (_, n) => eventRow(`${n}`, { data: `${n}` })));
    await store.events.publish(events);
    const { triggered } = await store.events.deliver(events);
    const starts: readonly TriggeredStart[] = await startTriggered(store, triggered);
    assert.equal(starts.length, 150);
    const sums = (await due(store)).map(({ data }) => Number(data));
    assert.equal(
      sums.reduce((sum, n) => sum + n, 0),
      (149 * 150) / 2,
    );
  });
}
