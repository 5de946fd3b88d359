import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { StartRow } from "../../src/persistence/provider.ts";
import { refOf, startRow, transition } from "./rows.ts";
import {
  claimAll,
  claimedIds,
  commit,
  everyBucket,
  liveNode,
  named,
  order,
  start,
  startAnd,
  startMany,
  view,
  type MakeStore,
} from "./world.ts";

const inBucket = (bucket: number): StartRow => {
  for (;;) {
    const row = startRow({ own: false });
    if (row.bucket === bucket) return row;
  }
};

export function claimTests(make: MakeStore): void {
  test("a claim takes what is due of the given definitions, once, and tells all that a turn needs", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const row = await startAnd(store, node, { release: "yield", data: `{"n":1}` });
    await start(store, node, { ...named("invoice"), own: false });
    await start(store, node, { version: 2, own: false });
    await store.instances.request(row, { requestId: "r", kind: "suspend", payload: null });
    const { turnedAt } = await view(store, row);
    await advance(1_000);
    const [claimed, ...more] = await claimAll(store, node);
    assert.deepEqual(claimed, {
      bucket: row.bucket,
      id: row.id,
      definition: "order",
      version: 1,
      status: "Runnable",
      epoch: 2,
      revision: 1,
      inboxSeq: 1,
      data: { n: 1 },
      frontier: { format: 1, pointers: {} },
      turnedAt,
      createdAt: turnedAt,
      crashes: 0,
    });
    assert.deepEqual(more, []);
    assert.deepEqual(await claimAll(store, node), []);
    assert.equal((await claimAll(store, node, ["invoice@1", "order@2"])).length, 2);
  });

  test("a claim probes the buckets in the order given, takes the earliest of each, and no more than its limit", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const rows: StartRow[] = [];
    for (const bucket of [5, 9, 5, 9]) {
      const row = inBucket(bucket);
      rows.push(row);
      await store.instances.start(node, [row]);
      await advance(10);
    }
    const claim = { owner: node, definitions: [order] };
    const first = await store.instances.claim({ ...claim, buckets: [9, 5], limit: 3 });
    assert.deepEqual(new Set(first.claimed.map(({ id }) => id)), new Set([rows[1]?.id, rows[3]?.id, rows[0]?.id]));
    const second = await store.instances.claim({ ...claim, buckets: [9], limit: 3 });
    assert.deepEqual(second.claimed, []);
    const third = await store.instances.claim({ ...claim, buckets: [9, 5], limit: 3 });
    assert.deepEqual(
      third.claimed.map(({ id }) => id),
      [rows[2]?.id],
    );
    assert.ok(third.now > first.now - 1);
  });

  test("a claim tells the time also when there is nothing", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const claim = { owner: node, buckets: everyBucket, definitions: [order], limit: 1 };
    const before = await store.instances.claim(claim);
    await advance(77);
    assert.equal((await store.instances.claim(claim)).now, before.now + 77);
  });

  test("claims side by side never take one instance twice, and together take all", async () => {
    const { store } = await make();
    const nodes = await Promise.all(Array.from({ length: 6 }, () => liveNode(store)));
    const rows = await startMany(store, randomUUID(), 120);
    const taken: string[] = [];
    for (let round = 0; round < 40 && taken.length < rows.length; round += 1) {
      const replies = await Promise.all(
        nodes.map((owner) => store.instances.claim({ owner, buckets: everyBucket, definitions: [order], limit: 7 })),
      );
      for (const { claimed } of replies) {
        assert.ok(claimed.length <= 7);
        taken.push(...claimed.map(({ id }) => id));
      }
    }
    assert.equal(taken.length, rows.length);
    assert.equal(new Set(taken).size, rows.length);
  });

  test("only a live node claims", async () => {
    const { store } = await make();
    const [draining, stopped] = [await liveNode(store), await liveNode(store)];
    const row = await start(store, draining, { own: false });
    await store.nodes.drain(draining);
    await store.nodes.retire(stopped);
    for (const node of [draining, stopped, randomUUID()]) {
      assert.deepEqual(await claimAll(store, node), []);
      assert.equal(await store.instances.claimOne(node, row), null);
    }
  });

  test("one instance is claimed whether it is due or not and whatever its definition", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const parked = await startAnd(store, node, { release: "park" });
    const foreign = await start(store, node, { ...named("unknown"), own: false });
    for (const row of [parked, foreign]) {
      const claimed = await store.instances.claimOne(node, row);
      assert.equal(claimed?.id, row.id);
      assert.equal((await view(store, row)).owner, node);
      assert.equal(await store.instances.claimOne(node, row), null, "it is owned now");
    }
    assert.equal(await store.instances.claimOne(node, refOf()), null);
  });

  test("the next due time is that of the earliest unowned instance of the definitions", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    assert.equal((await store.instances.nextDue([order])).dueAt, null);
    const { now } = await store.instances.nextDue([order]);
    for (const dueIn of [9_000, 4_000, 6_000]) await startAnd(store, node, { release: "park", dueIn });
    await start(store, node, { ...named("invoice"), own: false });
    await start(store, node);
    await advance(1_000);
    assert.deepEqual(await store.instances.nextDue([order]), { now: now + 1_000, dueAt: now + 4_000 });
    assert.deepEqual(await store.instances.nextDue([order, "invoice@1"]), { now: now + 1_000, dueAt: now });
    assert.equal((await store.instances.nextDue([])).dueAt, null);
  });

  test("what nobody here can run leaves the due index until somebody can", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const unknown = await start(store, node, { ...named("gone"), own: false });
    const known = await start(store, node, { own: false });
    assert.equal(await store.instances.block([order], 10), 1);
    assert.equal(await store.instances.block([order], 10), 0);
    assert.equal((await store.instances.nextDue(["gone@1"])).dueAt, null);
    assert.deepEqual(await claimAll(store, node, ["gone@1"]), []);
    assert.equal(await store.instances.unblock([order], 10), 0);
    assert.equal(await store.instances.unblock(["gone@1"], 10), 1);
    assert.equal(await store.instances.unblock(["gone@1"], 10), 0);
    const claimed = await claimAll(store, node, ["gone@1", order]);
    assert.deepEqual(claimed.map(({ id }) => id).sort(), [unknown.id, known.id].sort());
  });

  test("blocking and unblocking keep to their limits", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    for (let count = 0; count < 5; count += 1) await start(store, node, { ...named("gone"), own: false });
    assert.equal(await store.instances.block([], 3), 3);
    assert.equal(await store.instances.block([], 3), 2);
    assert.equal(await store.instances.unblock(["gone@1"], 3), 3);
    assert.equal(await store.instances.unblock(["gone@1"], 3), 2);
  });

  test("a timer that is not due yet is not blocked", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    await startAnd(store, node, { release: "park", dueIn: 60_000 });
    assert.equal(await store.instances.block([], 10), 0);
  });

  test("a request for a blocked instance waits for whoever claims it by name", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node, { ...named("gone"), own: false });
    await store.instances.block([order], 10);
    await store.instances.request(row, { requestId: "r", kind: "terminate", payload: null });
    assert.deepEqual(await claimAll(store, node, ["gone@1"]), []);
    const claimed = await store.instances.claimOne(node, row);
    assert.deepEqual([claimed?.inboxSeq, claimed?.epoch], [1, 1]);
    assert.equal(await store.instances.unblock(["gone@1"], 10), 0, "it is owned, so nothing waits any more");
    const ended = await commit(store, row, node, { release: "end", status: "Terminated", consume: ["r"] });
    assert.ok(ended);
  });

  test("an instance that comes back parked is no longer blocked", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node, { ...named("gone"), own: false });
    await store.instances.block([order], 10);
    await store.instances.claimOne(node, row);
    await store.instances.commit([transition(row, node, { release: "yield" })]);
    assert.equal((await claimAll(store, node, ["gone@1"]))[0]?.id, row.id);
  });

  test("after an owner's death its timer is not waited for", async () => {
    const { store } = await make();
    const [node, other] = [await liveNode(store), await liveNode(store)];
    const row = await start(store, node);
    await store.nodes.declareDead(node, 0, 0);
    await store.nodes.release(1);
    assert.deepEqual(await claimedIds(store, other), [row.id]);
  });
}
