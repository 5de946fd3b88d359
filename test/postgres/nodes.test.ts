import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { PersistenceError } from "../../src/models/errors-storage.ts";
import { PostgresPersistenceProvider } from "../../src/persistence/postgres/provider.ts";
import type { SqlEngineStore } from "../../src/persistence/postgres/store.ts";
import { allBuckets, definitionName, liveNode, startMany, startOne, transition, world } from "./store.ts";

const w = world();

const moveClock = async (store: SqlEngineStore, ms: number): Promise<void> => {
  await w.client.query(`update ${store.tables.testClock} set at = at + $1 * interval '1 ms'`, [ms]);
};

interface Stood {
  readonly owner: string | null;
  readonly epoch: number;
  readonly due: boolean;
  readonly crashes: number;
  readonly lane: boolean;
}

const standing = async (store: SqlEngineStore): Promise<readonly Stood[]> =>
  (
    await w.client.query<Stood>(
      `select distinct owner, epoch::int, due_at is not null as due, crashes, lane from ${store.tables.instance} order by crashes, epoch`,
    )
  ).rows;

test("a node registers once, beats, and is listed with its silence by the database's clock", async () => {
  const store = await w.store({ testClock: true });
  const node = await liveNode(store, ["a@1", "b@2"]);
  await store.nodes.register({ id: node, label: "renamed", engine: "0.1.0", definitions: ["a@1"] });
  const first = await store.nodes.beat(node);
  await moveClock(store, 1500);
  const second = await store.nodes.beat(node);
  assert.equal((second?.now ?? 0) - (first?.now ?? 0), 1500);
  await moveClock(store, 4000);
  assert.deepEqual(await store.nodes.list(), [
    { id: node, label: "renamed", state: "live", beat: 2, silentMs: 4000, definitions: ["a@1"] },
  ]);
});

test("a drained node still beats; one that is stopped, dead or unknown does not", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  await store.nodes.drain(node);
  assert.ok((await store.nodes.beat(node)) !== null);
  await store.nodes.retire(node);
  assert.equal(await store.nodes.beat(node), null);
  assert.equal(await store.nodes.beat(randomUUID()), null);
  await store.nodes.drain(node);
  assert.equal((await store.nodes.list())[0]?.state, "stopped");
});

test("only a node that was silent for so long, and whose beat has not moved, is declared dead", async () => {
  const store = await w.store({ testClock: true });
  const node = await liveNode(store);
  await moveClock(store, 14_999);
  assert.equal(await store.nodes.declareDead(node, 0, 15_000), false);
  await moveClock(store, 1);
  assert.equal(await store.nodes.declareDead(node, 1, 15_000), false);
  assert.equal(await store.nodes.declareDead(node, 0, 15_000), true);
  assert.equal(await store.nodes.declareDead(node, 0, 15_000), true); // the answer may have been lost
  assert.equal(await store.nodes.beat(node), null);
  await assert.rejects(
    store.nodes.register({ id: node, label: "", engine: "", definitions: [] }),
    (error) => error instanceof PersistenceError && error.errorClass === "permanent",
  );
});

test("a beat and a declaration at the same instant: either the node lives on or it learns that it is dead", async () => {
  const store = await w.store();
  for (let round = 0; round < 50; round += 1) {
    const node = await liveNode(store);
    const [declared, beat] = await Promise.all([store.nodes.declareDead(node, 0, 0), store.nodes.beat(node)]);
    assert.equal(declared, beat === null);
  }
});

test("a dead node's instances are released in bounded batches, and their deaths counted up to the suspect lane", async () => {
  const store = await w.store();
  const witness = await liveNode(store);
  let epoch = 1;
  let node = await liveNode(store);
  await startMany(store, node, 50);
  for (const crashes of [1, 2, 2]) {
    await store.nodes.declareDead(node, 0, 0);
    assert.deepEqual(
      [await store.nodes.release(20), await store.nodes.release(20), await store.nodes.release(20)],
      [20, 20, 10],
    );
    assert.equal(await store.nodes.release(20), 0);
    assert.deepEqual(await standing(store), [{ owner: null, epoch: epoch + 1, due: true, crashes, lane: false }]);
    node = await liveNode(store);
    const { claimed } = await store.instances.claim({
      owner: node,
      buckets: allBuckets,
      definitions: [definitionName],
      limit: 100,
    });
    assert.equal(claimed.length, 50);
    assert.ok(claimed.every((instance) => instance.crashes === crashes));
    epoch += 2;
  }
  assert.ok((await store.nodes.beat(witness)) !== null);
});

test("a death in the suspect lane is counted; an orderly end is no death; a committed transition clears all", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  await w.client.query(`update ${store.tables.instance} set crashes = 2`);
  await store.instances.commit([transition(row, node, { lane: true })]);
  assert.deepEqual(await standing(store), [{ owner: node, epoch: 1, due: false, crashes: 2, lane: true }]);
  await store.nodes.retire(node);
  await store.nodes.release(10);
  assert.deepEqual(await standing(store), [{ owner: null, epoch: 2, due: true, crashes: 2, lane: false }]);

  const second = await liveNode(store);
  await store.instances.claimOne(second, row);
  await store.instances.commit([transition(row, second, { epoch: 3, revision: 1, lane: true })]);
  await store.nodes.declareDead(second, 0, 0);
  await store.nodes.release(10);
  assert.deepEqual(await standing(store), [{ owner: null, epoch: 4, due: true, crashes: 3, lane: false }]);

  const third = await liveNode(store);
  await store.instances.claimOne(third, row);
  await store.instances.commit([transition(row, third, { epoch: 5, revision: 2 })]);
  assert.deepEqual(await standing(store), [{ owner: third, epoch: 5, due: false, crashes: 0, lane: false }]);
});

test("two sweeps at once release each instance once", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  await startMany(store, node, 200);
  await store.nodes.declareDead(node, 0, 0);
  const released = await Promise.all(Array.from({ length: 8 }, () => store.nodes.release(30)));
  let sum = released.reduce((all, some) => all + some, 0);
  for (let some = 1; some > 0; sum += some) some = await store.nodes.release(1000);
  assert.equal(sum, 200);
  assert.deepEqual(await standing(store), [{ owner: null, epoch: 2, due: true, crashes: 1, lane: false }]);
});

test("what a dead node still sends is refused once its instances are released", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  await store.nodes.declareDead(node, 0, 0);
  await store.nodes.release(10);
  assert.deepEqual((await store.instances.commit([transition(row, node)])).refused, [0]);
});

test("only ended nodes that own nothing and are old enough are forgotten", async () => {
  const store = await w.store({ testClock: true });
  const [live, owning, ended] = [await liveNode(store), await liveNode(store), await liveNode(store)];
  await startOne(store, owning);
  await store.nodes.retire(owning);
  await store.nodes.retire(ended);
  assert.equal(await store.nodes.forget(1000), 0);
  await moveClock(store, 1001);
  assert.equal(await store.nodes.forget(1000), 1);
  await store.nodes.release(10);
  assert.equal(await store.nodes.forget(1000), 1);
  assert.deepEqual(
    (await store.nodes.list()).map(({ id }) => id),
    [live],
  );
});

test("nodes register and watch over each other while transactions have all the sessions of the general pool", async () => {
  const direct = await w.store();
  const silent = await liveNode(direct);
  const schema = direct.tables.schema;
  const provider = new PostgresPersistenceProvider({ url: w.url, schema, maxConnections: 8, deadlineMs: 400 });
  await provider.initialize();
  const { nodes } = provider.store;
  let free = (): void => undefined;
  const gate = new Promise<void>((resolve) => (free = resolve));
  const busy = [1, 2].map(() =>
    provider.executeTransaction(async (tx) => {
      await tx.query("select 1");
      await gate;
    }),
  );
  try {
    const self = await liveNode(provider.store);
    const [other] = (await nodes.list()).filter(({ id }) => id !== self);
    assert.equal(await nodes.declareDead(silent, other?.beat ?? -1, 0), true);
    await nodes.drain(self);
    await nodes.retire(self);
    assert.deepEqual((await nodes.list()).map(({ state }) => state).sort(), ["dead", "stopped"]);
  } finally {
    free();
    await Promise.all(busy);
    await provider.close();
  }
});
