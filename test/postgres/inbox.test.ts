import assert from "node:assert/strict";
import { test } from "node:test";
import type { SqlEngineStore } from "../../src/persistence/postgres/store.ts";
import type { InstanceRef, RequestRow } from "../../src/persistence/provider.ts";
import { allBuckets, definitionName, liveNode, startMany, startOne, startRow, transition, world } from "./store.ts";

const w = world();

const suspend = (requestId: string): RequestRow => ({ requestId, kind: "suspend", payload: `{"reason":"x"}` });

const isDue = async (store: SqlEngineStore, ref: InstanceRef): Promise<unknown> =>
  (
    await w.client.query<{ due: boolean }>(
      `select due_at is not null as due from ${store.tables.instance} where id = $1`,
      [ref.id],
    )
  ).rows[0]?.due;

test("a request of an owned instance waits for its owner, once however often it is sent", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  for (let time = 0; time < 3; time += 1) {
    assert.deepEqual(await store.instances.request(row, suspend("r1")), {
      terminal: false,
      status: "Runnable",
      owner: node,
    });
  }
  await store.instances.request(row, { requestId: "r2", kind: "terminate", payload: null });
  const rows = await store.instances.inbox([row]);
  assert.deepEqual(
    rows.map(({ createdAt, ...facts }) => ({ ...facts, dated: createdAt > 0 })),
    [
      {
        bucket: row.bucket,
        id: row.id,
        source: "r1",
        seq: 1,
        kind: "suspend",
        topic: null,
        payload: { reason: "x" },
        heard: 0,
        dated: true,
      },
      {
        bucket: row.bucket,
        id: row.id,
        source: "r2",
        seq: 2,
        kind: "terminate",
        topic: null,
        payload: null,
        heard: 0,
        dated: true,
      },
    ],
  );
  assert.equal(await isDue(store, row), false);
});

test("a request of an unowned instance makes it due, also if it is suspended", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  for (const facts of [
    { release: "park", dueIn: 3_600_000 },
    { release: "halt", status: "Suspended" },
  ] as const) {
    const row = await startOne(store, node);
    await store.instances.commit([transition(row, node, facts)]);
    const status = facts.release === "halt" ? "Suspended" : "Runnable";
    assert.deepEqual(await store.instances.request(row, suspend("r")), { terminal: false, status, owner: null });
    const { claimed } = await store.instances.claim({
      owner: node,
      buckets: allBuckets,
      definitions: [definitionName],
      limit: 5,
    });
    assert.deepEqual(
      claimed.map((instance) => [instance.id, instance.status, instance.inboxSeq]),
      [[row.id, status, 1]],
    );
  }
});

test("a request of a terminal instance says so and changes nothing; of an unknown one there is none", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  await store.instances.commit([
    transition(row, node, { status: "Failed", release: "end", failure: `{"message":"x"}` }),
  ]);
  assert.deepEqual(await store.instances.request(row, suspend("r")), { terminal: true, status: "Failed", owner: null });
  assert.deepEqual(await store.instances.inbox([row]), []);
  assert.equal(await store.instances.request(startRow(), suspend("r")), null);
});

test("a request that was consumed is not put there again", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  await store.instances.request(row, suspend("r"));
  await store.instances.commit([
    transition(row, node, { release: "halt", status: "Suspended", consume: ["r"], inboxSeen: 1 }),
  ]);
  assert.deepEqual(await store.instances.request(row, suspend("r")), {
    terminal: false,
    status: "Suspended",
    owner: null,
  });
  assert.deepEqual(await store.instances.inbox([row]), []);
  assert.equal(await isDue(store, row), false);
});

test("parking on a timer makes due then; on an older timer at its instant; on none never; yielding at once", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const due = async (facts: object): Promise<number | null> => {
    const row = await startOne(store, node);
    const { now } = await store.instances.commit([transition(row, node, facts)]);
    const { rows } = await w.client.query<{ at: number | null }>(
      `select (extract(epoch from due_at) * 1000)::float8 as at from ${store.tables.instance} where id = $1 and owner is null`,
      [row.id],
    );
    const at = rows[0]?.at ?? null;
    return at === null ? null : Math.round(at - now);
  };
  const { now } = await store.instances.nextDue([]);
  assert.equal(await due({ release: "park", dueIn: 5000 }), 5000);
  assert.equal(await due({ release: "park" }), null);
  assert.equal(await due({ release: "halt", status: "Suspended" }), null);
  assert.equal(await due({ release: "end", status: "Complete" }), null);
  assert.equal(await due({ release: "yield" }), 0);
  const older = await due({ release: "park", dueAt: now + 60_000, dueIn: 3_600_000 });
  assert.ok(older !== null && older <= 60_000 && older > 50_000);
});

test("an instant survives the way to the database and back to the microsecond", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  const dueAt = 1_795_509_408_939.177;
  await store.instances.commit([transition(row, node, { release: "park", dueAt })]);
  const { rows } = await w.client.query(`select to_char(due_at, 'US') as us from ${store.tables.instance}`);
  assert.deepEqual(rows, [{ us: "939177" }]);
  const read = await store.instances.nextDue([definitionName]);
  assert.ok(Math.abs((read.dueAt ?? 0) - dueAt) < 0.001);
});

test("parking and requesting at the same instant, 200 rounds: the instance is due afterwards, every time", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const rows = await startMany(store, node, 200);
  for (const [round, row] of rows.entries()) {
    const release = round % 2 === 0 ? ("park" as const) : ("halt" as const);
    const status = release === "halt" ? ("Suspended" as const) : ("Runnable" as const);
    const [reply, committed] = await Promise.all([
      store.instances.request(row, suspend("r")),
      store.instances.commit([transition(row, node, { release, status, inboxSeen: 0 })]),
    ]);
    assert.deepEqual([reply?.terminal, committed.refused.length], [false, 0]);
    assert.equal(await isDue(store, row), true, `round ${round}`);
  }
});

test("ending and requesting at the same instant: stored and never due, or told that it is terminal", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const rows = await startMany(store, node, 100);
  for (const row of rows) {
    const [reply] = await Promise.all([
      store.instances.request(row, suspend("r")),
      store.instances.commit([transition(row, node, { release: "end", status: "Complete" })]),
    ]);
    assert.equal((await store.instances.inbox([row])).length, reply?.terminal === true ? 0 : 1);
    assert.equal(await isDue(store, row), false);
  }
});

test("the same request twice at the same instant is one row", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const rows = await startMany(store, node, 50);
  for (const row of rows) {
    await Promise.all([store.instances.request(row, suspend("r")), store.instances.request(row, suspend("r"))]);
    assert.equal((await store.instances.inbox([row])).length, 1);
  }
});
