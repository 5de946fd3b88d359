import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { blockUnknown } from "../../src/persistence/postgres/claim-statements.ts";
import type { SqlEngineStore } from "../../src/persistence/postgres/store.ts";
import type { ClaimedInstance } from "../../src/persistence/provider.ts";
import {
  allBuckets,
  definitionName,
  liveNode,
  pointer,
  startMany,
  startOne,
  startRow,
  transition,
  world,
} from "./store.ts";

const w = world();

const claim = async (
  store: SqlEngineStore,
  owner: string,
  limit: number,
  definitions = [definitionName],
): Promise<readonly ClaimedInstance[]> =>
  (await store.instances.claim({ owner, buckets: allBuckets, definitions, limit })).claimed;

test("a claim answers all that a turn needs, takes the ownership and counts the epoch", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node, { own: false });
  const reply = await store.instances.claim({
    owner: node,
    buckets: [row.bucket],
    definitions: [definitionName],
    limit: 5,
  });
  const [claimed] = reply.claimed;
  assert.ok(claimed !== undefined);
  const { turnedAt, createdAt, ...facts } = claimed;
  assert.deepEqual(facts, {
    bucket: row.bucket,
    id: row.id,
    definition: "order",
    version: 1,
    status: "Runnable",
    epoch: 1,
    revision: 0,
    inboxSeq: 0,
    data: { total: 1 },
    frontier: { format: 1, pointers: { first: {} } },
    crashes: 0,
  });
  assert.equal(turnedAt, createdAt);
  assert.ok(reply.now >= createdAt && reply.now < createdAt + 60_000);
  assert.deepEqual(await claim(store, node, 5), []);
  assert.deepEqual((await store.instances.commit([transition(row, node)])).refused, []);
});

test("only the given definitions, only the given buckets, and only what is due are claimed", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node, { own: false, version: 2 });
  const other = allBuckets.filter((bucket) => bucket !== row.bucket);
  assert.deepEqual(await claim(store, node, 5), []);
  assert.deepEqual(await claim(store, node, 5, []), []);
  const request = { owner: node, definitions: ["order@2"], limit: 5 };
  assert.deepEqual((await store.instances.claim({ ...request, buckets: other })).claimed, []);
  await w.client.query(`update ${store.tables.instance} set due_at = now() + interval '1 hour'`);
  assert.deepEqual((await store.instances.claim({ ...request, buckets: allBuckets })).claimed, []);
  const { now, dueAt } = await store.instances.nextDue(["order@2"]);
  assert.ok(dueAt !== null && Math.abs(dueAt - now - 3_600_000) < 10_000);
  assert.equal((await store.instances.nextDue([definitionName])).dueAt, null);
});

test("ten connections claim side by side: no instance twice, never more than the limit, none left", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  await startMany(store, node, 600, { own: false });
  const claimers = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const again = await w.again(store);
      return { store: again, node: await liveNode(again) };
    }),
  );
  const taken: string[] = [];
  const drain = async ({ store: mine, node: me }: (typeof claimers)[number], limit: number): Promise<void> => {
    for (;;) {
      const claimed = await claim(mine, me, limit);
      assert.ok(claimed.length <= limit);
      taken.push(...claimed.map((instance) => instance.id));
      if (claimed.length === 0) return;
    }
  };
  await Promise.all(claimers.flatMap((claimer) => [drain(claimer, 7), drain(claimer, 30)])); // two hot sessions each
  for (const claimer of claimers) await drain(claimer, 100); // what a rival's locks hid
  assert.equal(new Set(taken).size, taken.length);
  assert.equal(taken.length, 600);
  const { rows } = await w.client.query(`select distinct epoch::int from ${store.tables.instance}`);
  assert.deepEqual(rows, [{ epoch: 1 }]);
});

test("a node that is not live claims nothing, not even one", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node, { own: false });
  const retired = await liveNode(store);
  await store.nodes.retire(retired);
  assert.deepEqual(await claim(store, retired, 5), []);
  assert.equal(await store.instances.claimOne(retired, row), null);
  assert.equal((await claim(store, node, 5)).length, 1);
});

test("one unowned instance can be claimed though it is not due, is suspended, and has another definition", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node, { definition: "unheard-of" });
  assert.equal(await store.instances.claimOne(node, row), null); // owned
  await store.instances.commit([transition(row, node, { status: "Suspended", release: "halt", reason: "why" })]);
  const claimed = await store.instances.claimOne(node, row);
  assert.deepEqual([claimed?.status, claimed?.epoch, claimed?.revision], ["Suspended", 2, 1]);
  await store.instances.commit([
    transition(row, node, { epoch: 2, revision: 1, status: "Terminated", release: "end" }),
  ]);
  assert.equal(await store.instances.claimOne(node, row), null);
  assert.equal(await store.instances.claimOne(node, startRow()), null);
});

test("what a lost answer to a claim left owned is given up, but not what the node holds", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const [held, stray] = await startMany(store, node, 2);
  const other = await liveNode(store);
  const foreign = await startOne(store, other);
  assert.ok(held !== undefined && stray !== undefined);
  assert.equal(await store.instances.disown(node, [held.id]), 1);
  assert.deepEqual((await store.instances.commit([transition(stray, node)])).refused, [0]);
  assert.deepEqual((await store.instances.commit([transition(held, node)])).refused, []);
  assert.deepEqual((await store.instances.commit([transition(foreign, other)])).refused, []);
  const [claimed] = await claim(store, other, 5);
  assert.deepEqual([claimed?.id, claimed?.epoch, claimed?.crashes], [stray.id, 3, 0]);
});

test("what somebody else's transaction holds is given up later, and keeps no claim waiting", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const [locked, stray] = await startMany(store, node, 2);
  assert.ok(locked !== undefined && stray !== undefined);
  await w.client.query("begin");
  await w.client.query(`select from ${store.tables.instance} where id = $1 for update`, [locked.id]);
  assert.equal(await store.instances.disown(node, []), 1);
  await w.client.query("rollback");
  assert.equal(await store.instances.disown(node, []), 1);
});

test("what nobody can run leaves the due index until somebody can", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  await startMany(store, node, 5, { own: false, definition: "unheard-of" });
  const known = await startOne(store, node, { own: false });
  const due = async (): Promise<unknown> =>
    (await w.client.query<{ n: number }>(`select count(due_at)::int as n from ${store.tables.instance}`)).rows[0]?.n;
  assert.equal(await store.instances.block([definitionName], 3), 3);
  assert.equal(await store.instances.block([definitionName], 100), 2);
  assert.equal(await store.instances.block([definitionName], 100), 0);
  assert.equal(await due(), 1);
  assert.deepEqual(
    (await claim(store, node, 10)).map(({ id }) => id),
    [known.id],
  );
  assert.equal(await store.instances.unblock([definitionName], 100), 0);
  assert.equal(await store.instances.unblock([definitionName, "unheard-of@1"], 4), 4);
  assert.equal(await store.instances.unblock(["unheard-of@1"], 4), 1);
  assert.equal((await claim(store, node, 10, ["unheard-of@1"])).length, 5);
});

test("what is due is claimed while another node looks for what nobody can run, and what it takes out is passed by", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const known = await startOne(store, node, { own: false });
  const unknown = await startOne(store, node, { own: false, definition: "unheard-of", version: 1 });
  const { text, values } = blockUnknown(store.tables, store.buckets, [definitionName], 100);
  await w.client.query("begin");
  try {
    const { rows } = await w.client.query<{ blocked: number }>(text, [...values]);
    assert.equal(rows[0]?.blocked, 1);
    const claimed = await claim(store, node, 10, [definitionName, "unheard-of@1"]);
    assert.deepEqual(
      claimed.map(({ id }) => id),
      [known.id],
    );
  } finally {
    await w.client.query("rollback");
  }
  assert.deepEqual(
    (await claim(store, node, 10, ["unheard-of@1"])).map(({ id }) => id),
    [unknown.id],
  );
});

test("a request does not make a blocked instance due, yet one may claim it to carry the request out", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node, { own: false, definition: "unheard-of" });
  await store.instances.block([], 10);
  await store.instances.request(row, { requestId: "r", kind: "terminate", payload: null });
  assert.equal((await store.instances.nextDue(["unheard-of@1"])).dueAt, null);
  const claimed = await store.instances.claimOne(node, row);
  assert.equal(claimed?.inboxSeq, 1);
  await store.instances.commit([transition(row, node, { release: "yield", inboxSeen: 1 })]);
  assert.equal((await claim(store, node, 10, ["unheard-of@1"])).length, 1);
});

test("unfinished instances of a definition are found, finished ones are not", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  assert.equal(await store.instances.hasUnfinished("order", 1), false);
  const row = await startOne(store, node);
  assert.equal(await store.instances.hasUnfinished("order", 1), true);
  assert.equal(await store.instances.hasUnfinished("order", 2), false);
  await store.instances.commit([
    transition(row, node, { status: "Complete", release: "end", pointers: [pointer("a")] }),
  ]);
  assert.equal(await store.instances.hasUnfinished("order", 1), false);
});

test("a claim of an unknown node is empty and still tells the time", async () => {
  const store = await w.store();
  const { now, claimed } = await store.instances.claim({
    owner: randomUUID(),
    buckets: allBuckets,
    definitions: ["x@1"],
    limit: 1,
  });
  assert.deepEqual(claimed, []);
  assert.ok(Math.abs(now - Date.now()) < 60_000);
});
