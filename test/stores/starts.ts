import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { refOf, sorted, startRow } from "./rows.ts";
import { claimAll, claimedIds, commit, everyBucket, liveNode, start, startAnd, view, type MakeStore } from "./world.ts";

export function startTests(make: MakeStore): void {
  test("an instance is born owned by a live node, and nobody can claim it", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = startRow({ inputHash: "hash" });
    const reply = await store.instances.start(node, [row]);
    assert.deepEqual({ ...reply, now: 0 }, { now: 0, existing: [], unowned: [] });
    const { turnedAt, data, ...seen } = await view(store, row);
    assert.equal(turnedAt, reply.now);
    assert.equal(data ?? undefined, undefined, "data are for those who wait for the end");
    assert.deepEqual(seen, {
      bucket: row.bucket,
      id: row.id,
      definition: "order",
      version: 1,
      status: "Runnable",
      owner: node,
      epoch: 1,
      revision: 0,
      inputHash: "hash",
      result: undefined,
      failure: undefined,
      reason: null,
    });
    assert.deepEqual(await claimAll(store, node), []);
  });

  test("an instance that its node does not want is born due for everybody", async () => {
    const { store } = await make();
    const [node, other] = [await liveNode(store), await liveNode(store)];
    const row = startRow({ own: false });
    assert.deepEqual((await store.instances.start(node, [row])).unowned, []);
    const [claimed] = await claimAll(store, other);
    assert.equal(claimed?.id, row.id);
    assert.equal(claimed.epoch, 1);
  });

  test("a node that is not live gives birth to nothing it owns, and is told so", async () => {
    const { store } = await make();
    const live = await liveNode(store);
    const rows = sorted([startRow(), startRow({ own: false }), startRow()]);
    const reply = await store.instances.start(randomUUID(), rows);
    assert.deepEqual(
      reply.unowned,
      rows.flatMap((row, index) => (row.own ? [index] : [])),
    );
    assert.equal((await claimAll(store, live)).length, 3);
  });

  test("an id that exists is left alone and named", async () => {
    const { store } = await make();
    const [node, other] = [await liveNode(store), await liveNode(store)];
    const row = await start(store, node, { data: `{"first":true}`, inputHash: "first" });
    const rows = sorted([{ ...row, data: `{"first":false}`, inputHash: "second" }, startRow()]);
    const reply = await store.instances.start(other, rows);
    assert.deepEqual(
      reply.existing.map((index) => rows[index]?.id),
      [row.id],
    );
    assert.deepEqual([(await view(store, row)).owner, (await view(store, row)).inputHash], [node, "first"]);
  });

  test("an id twice in one batch starts once", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = startRow();
    const reply = await store.instances.start(node, [row, row]);
    assert.deepEqual(reply.existing, [1]);
    assert.ok(await commit(store, row, node));
  });

  test("of many starts of one id at once, one wins", async () => {
    const { store } = await make();
    const nodes = await Promise.all(Array.from({ length: 8 }, () => liveNode(store)));
    const row = startRow();
    const replies = await Promise.all(nodes.map((node) => store.instances.start(node, [row])));
    assert.equal(replies.filter((reply) => reply.existing.length === 0).length, 1);
    const winner = nodes[replies.findIndex((reply) => reply.existing.length === 0)];
    assert.equal((await view(store, row)).owner, winner);
  });

  test("data and frontier come back as they went in", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const data = {
      'a"b': "c\\d\n\u2028",
      list: [1, null, { deep: [[]] }],
      "": "{}",
      emoji: "👩‍🚀",
      number: 0.1,
      no: false,
    };
    const frontier = { format: 1, pointers: { "each[3]/ship": { attempt: 2, input: ["NULL", "null", "{,}"] } } };
    await start(store, node, { own: false, data: JSON.stringify(data), frontier: JSON.stringify(frontier) });
    const [claimed] = await claimAll(store, node);
    assert.deepEqual(claimed?.data, data);
    assert.deepEqual(claimed?.frontier, frontier);
  });

  test("what is read is a copy", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await startAnd(store, node, { release: "end", status: "Complete", result: `{"list":[1]}` });
    const seen = await view(store, row);
    (seen.result as { list: number[] }).list.push(2);
    assert.deepEqual((await view(store, row)).result, { list: [1] });
  });

  test("optional facts may all be given, and quotes and braces in them do no harm", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const text = `{"NULL",\\'--`;
    const facts = { key: text, inputHash: text, reference: text, description: text, correlationId: text };
    const row = await start(store, node, { ...facts, tags: JSON.stringify({ [text]: text }), own: false });
    assert.equal((await view(store, row)).inputHash, text);
    assert.deepEqual(await claimedIds(store, node), [row.id]);
  });

  test("a large batch starts whole", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const rows = sorted(Array.from({ length: 300 }, () => startRow({ own: false })));
    assert.deepEqual((await store.instances.start(node, rows)).existing, []);
    assert.equal((await claimAll(store, node)).length, 300);
  });

  test("instances that nobody knows are left out of a look", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    const seen = await store.instances.look([refOf(), row, refOf()]);
    assert.deepEqual(
      seen.map(({ id }) => id),
      [row.id],
    );
    assert.deepEqual(await store.instances.look([]), []);
  });

  test("a definition has unfinished instances until the last one ends", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    assert.deepEqual(
      [await store.instances.hasUnfinished("order", 1), await store.instances.hasUnfinished("order", 2)],
      [true, false],
    );
    await commit(store, row, node, { release: "end", status: "Failed", failure: "{}" });
    assert.equal(await store.instances.hasUnfinished("order", 1), false);
  });

  test("the buckets of a store cover every instance", async () => {
    const { store } = await make();
    assert.equal(store.buckets, everyBucket.length);
  });
}
