import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { PersistenceError } from "../../src/models/errors-storage.ts";
import { breakAtStatement } from "./proxy.ts";
import { liveNode, pointer, sorted, startMany, startOne, startRow, transition, world } from "./store.ts";

const w = world();

test("a start is born owned, with epoch 1, and is not due", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = startRow({
    key: "k",
    inputHash: "h",
    reference: "r",
    description: "d",
    correlationId: "c",
    tags: `{"a":"b"}`,
  });
  const reply = await store.instances.start(node, [row]);
  assert.deepEqual({ existing: reply.existing, unowned: reply.unowned }, { existing: [], unowned: [] });
  const { rows } = await w.client.query(
    `select owner, epoch, revision, due_at, status, key, input_hash, reference, description, correlation_id, tags, data,
       (extract(epoch from created_at) * 1000)::float8 = $1 as born_now from ${store.tables.instance}`,
    [reply.now],
  );
  assert.deepEqual(rows, [
    {
      owner: node,
      epoch: "1",
      revision: "0",
      due_at: null,
      status: 0,
      key: "k",
      input_hash: "h",
      reference: "r",
      description: "d",
      correlation_id: "c",
      tags: { a: "b" },
      data: { total: 1 },
      born_now: true,
    },
  ]);
});

test("existing ids come back by index, also when one batch names an id twice, and are left alone", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const [known, fresh, twice] = [startRow(), startRow(), startRow()];
  await store.instances.start(node, [known]);
  const batch = sorted([{ ...known, data: "2" }, fresh, twice, { ...twice, data: "3" }]);
  const { existing } = await store.instances.start(node, batch);
  const expected = [batch.findIndex((row) => row.id === known.id), batch.findLastIndex((row) => row.id === twice.id)];
  assert.deepEqual([...existing].sort(), expected.sort());
  const { rows } = await w.client.query(`select data from ${store.tables.instance} where id = $1`, [known.id]);
  assert.deepEqual(rows, [{ data: { total: 1 } }]);
});

test("a node that is dead, drained or unknown starts nothing owned: its starts are due for others", async () => {
  const store = await w.store();
  const dead = await liveNode(store);
  assert.equal(await store.nodes.declareDead(dead, 0, 0), true);
  const drained = await liveNode(store);
  await store.nodes.drain(drained);
  for (const node of [dead, drained, randomUUID()]) {
    const rows = sorted([startRow(), startRow({ own: false }), startRow()]);
    const { unowned, existing } = await store.instances.start(node, rows);
    assert.deepEqual(
      unowned,
      rows.flatMap((row, index) => (row.own ? [index] : [])),
    );
    assert.deepEqual(existing, []);
  }
  const { rows } = await w.client.query(
    `select count(*)::int as n from ${store.tables.instance} where owner is null and epoch = 0 and due_at is not null`,
  );
  assert.deepEqual(rows, [{ n: 9 }]);
});

test("a transition writes its instance and its pointers, and the next one is fenced by the new revision", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  const first = transition(row, node, {
    data: `{"total":2}`,
    pointers: [
      pointer("a", { outcome: "null", input: `"\\"q\\\\"`, below: `{"path":"x","seq":1}`, tookMs: 1.6, attempts: 2 }),
    ],
  });
  assert.deepEqual((await store.instances.commit([first])).refused, []);
  assert.deepEqual((await store.instances.commit([first])).refused, [0]);
  const last = transition(row, node, { revision: 1, status: "Complete", release: "end", result: `{"ok":true}` });
  assert.deepEqual((await store.instances.commit([last])).refused, []);
  assert.deepEqual((await store.instances.commit([{ ...last, revision: 2 }])).refused, [0]);
  assert.deepEqual(await store.instances.pointers(row, ["a", "b"]), [
    { path: "a", status: 1, seq: 1, attempts: 2, input: `"q\\`, outcome: null, below: { path: "x", seq: 1 } },
  ]);
  const [view] = await store.instances.look([row, startRow()]);
  assert.deepEqual(
    { ...view, turnedAt: 0 },
    {
      bucket: row.bucket,
      id: row.id,
      definition: "order",
      version: 1,
      status: "Complete",
      owner: null,
      epoch: 1,
      revision: 2,
      turnedAt: 0,
      inputHash: null,
      data: { total: 2 },
      result: { ok: true },
      failure: undefined,
      reason: null,
    },
  );
});

test("of 1,000 transitions, 37 with an old epoch and 13 of another owner: exactly these are refused, and nothing of them holds", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const rows = await startMany(store, node, 1000);
  const batch = rows.map((row, index) =>
    transition(row, index % 77 === 5 ? randomUUID() : node, {
      epoch: index % 27 === 3 ? 0 : 1,
      pointers: [pointer("a"), pointer("b", { seq: 2 })],
    }),
  );
  const stale = batch.flatMap((row, index) => (row.epoch === 0 || row.owner !== node ? [index] : []));
  assert.equal(batch.filter((row) => row.epoch === 0).length, 37);
  assert.equal(stale.length, 37 + 13);
  assert.deepEqual((await store.instances.commit(batch)).refused, stale);
  const { rows: counts } = await w.client.query(
    `select (select count(*)::int from ${store.tables.instance} where revision = 1) as instances,
       (select count(*)::int from ${store.tables.pointer}) as pointers`,
  );
  assert.deepEqual(counts, [{ instances: 950, pointers: 1900 }]);
});

test("two processes that send the same transition at once: it holds once", async () => {
  const store = await w.store();
  const again = await w.again(store);
  const node = await liveNode(store);
  for (const row of await startMany(store, node, 30)) {
    const sent = transition(row, node, { pointers: [pointer("a")] });
    const replies = await Promise.all([store.instances.commit([sent]), again.instances.commit([sent])]);
    assert.equal(replies.flatMap(({ refused }) => refused).length, 1);
    assert.equal((await store.instances.look([row]))[0]?.revision, 1);
  }
});

test("two processes that start the same ids at once: each is born once, and the other is told", async () => {
  const store = await w.store();
  const again = await w.again(store);
  const [node, other] = [await liveNode(store), await liveNode(store)];
  for (let round = 0; round < 20; round += 1) {
    const rows = sorted(Array.from({ length: 20 }, () => startRow()));
    const [one, two] = await Promise.all([store.instances.start(node, rows), again.instances.start(other, rows)]);
    assert.equal(one.existing.length + two.existing.length, 20);
    const owners = (await store.instances.look(rows)).map((view) => view.owner);
    assert.equal(owners.filter((owner) => owner === node).length, two.existing.length);
  }
});

test("the answer to a batch is lost: the same batch again is refused where it held, and the rows say that it was mine", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  for (const passes of [true, false]) {
    const rows = await startMany(store, node, 5);
    const batch = rows.map((row) => transition(row, node, { pointers: [pointer("a")] }));
    const proxy = await breakAtStatement(w.url, "instance-commit", passes);
    const shaky = await w.again(store, { url: proxy.url });
    proxy.arm();
    await assert.rejects(
      shaky.instances.commit(batch),
      (error) => error instanceof PersistenceError && error.errorClass === "transient",
    );
    await shaky.close();
    await proxy.close();
    const { refused } = await store.instances.commit(batch);
    assert.deepEqual(refused, passes ? [0, 1, 2, 3, 4] : []);
    for (const view of await store.instances.look(rows)) {
      assert.deepEqual([view.owner, view.epoch, view.revision], [node, 1, 1]);
    }
  }
});

test("everything that a transition carries holds with it, and nothing of a refused one", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const [kept, stale] = await startMany(store, node, 2);
  assert.ok(kept !== undefined && stale !== undefined);
  const topic = randomUUID();
  const carries = (facts: object): object => ({
    pointers: [pointer("a", { status: "Started", seq: 0, input: "1" })],
    history: [
      { kind: "retry", path: "a", detail: `{"n":1}` },
      { kind: "error", path: null, detail: null },
    ],
    subscribe: [{ bucket: 3, topic, path: "wait", name: "paid", key: null, heard: 0 }],
    ...facts,
  });
  await store.instances.request(kept, { requestId: "r", kind: "suspend", payload: null });
  await store.instances.request(stale, { requestId: "r", kind: "suspend", payload: null });
  const first = [kept, stale].map((row) => transition(row, node, carries({ epoch: row === stale ? 7 : 1 })));
  assert.deepEqual((await store.instances.commit(first)).refused, [1]);
  const count = async (table: string, where = "true"): Promise<unknown> =>
    (await w.client.query<{ n: number }>(`select count(*)::int as n from ${table} where ${where}`)).rows[0]?.n;
  assert.equal(await count(store.tables.pointer), 1);
  assert.equal(await count(store.tables.history, "revision = 1 and detail is not null or path is null"), 2);
  assert.equal(
    await count(store.tables.subscription, "since = (select min(created_at) from " + store.tables.instance + ")"),
    1,
  );
  const second = transition(kept, node, {
    revision: 1,
    pointers: [pointer("a", { write: "update", status: "Complete", seq: 1, outcome: "2" }), pointer("b", { seq: 2 })],
    unsubscribe: [{ bucket: 3, topic, path: "wait" }],
    consume: ["r"],
  });
  assert.deepEqual((await store.instances.commit([second])).refused, []);
  assert.equal(await count(store.tables.subscription), 0);
  assert.equal(await count(store.tables.inbox, "taken"), 1);
  assert.deepEqual(await store.instances.inbox([kept]), []);
  assert.deepEqual(
    (await store.instances.pointers(kept, ["a", "b"])).map(({ path, status, seq, input, outcome }) => ({
      path,
      status,
      seq,
      input,
      outcome,
    })),
    [
      { path: "a", status: 1, seq: 1, input: 1, outcome: 2 },
      { path: "b", status: 1, seq: 2, input: undefined, outcome: undefined },
    ],
  );
});

test("a subscription that is given up and asked for again in one transition stays", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  const topic = randomUUID();
  const subscribe = [{ bucket: 3, topic, path: "wait", name: "paid", key: null, heard: 0 }];
  await store.instances.commit([transition(row, node, { subscribe })]);
  await w.client.query(`update ${store.tables.subscription} set looked = true`);
  await store.instances.commit([transition(row, node, { revision: 1, subscribe, unsubscribe: subscribe })]);
  const { rows } = await w.client.query(`select path, looked from ${store.tables.subscription}`);
  assert.deepEqual(rows, [{ path: "wait", looked: false }]);
});

test("one step writes one row: the instance in place, and a pointer that is its own history", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const rows = await startMany(store, node, 100);
  for (let revision = 0; revision < 5; revision += 1) {
    await store.instances.commit(
      rows.map((row) => transition(row, node, { revision, pointers: [pointer(`step${revision}`)] })),
    );
    // Snapshots of other tests, in other databases too, would keep dead versions on their pages for a while.
    await w.client.query(`vacuum ${store.tables.instance}`);
  }
  await store.close(); // a session that ends hands its statistics in
  await eventually(async () => {
    const instance = await written(store.tables.instance);
    assert.deepEqual([instance?.inserted, instance?.updated], [100, 500]);
    // Somebody else's snapshot may keep a dead version on its page.
    assert.ok((instance?.hot ?? 0) >= 450, `${instance?.hot} of 500 updates were made in place`);
    assert.deepEqual(await written(store.tables.pointer), { inserted: 500, updated: 0, hot: 0 });
    assert.deepEqual(await written(store.tables.history), { inserted: 0, updated: 0, hot: 0 });
  });
});

interface Written {
  readonly inserted: number;
  readonly updated: number;
  readonly hot: number;
}

const written = async (table: string): Promise<Written | undefined> =>
  (
    await w.client.query<Written>(
      `select n_tup_ins::int as inserted, n_tup_upd::int as updated, n_tup_hot_upd::int as hot
       from pg_stat_user_tables where relid = $1::regclass`,
      [table],
    )
  ).rows[0];

test("a value that the database refuses is named as invalid, and the batch holds nothing", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const [good, bad] = await startMany(store, node, 2);
  assert.ok(good !== undefined && bad !== undefined);
  const batch = [transition(good, node), transition(bad, node, { data: `"\\u0000"` })];
  await assert.rejects(
    store.instances.commit(batch),
    (error) => error instanceof PersistenceError && error.errorClass === "invalid",
  );
  assert.deepEqual((await store.instances.commit([transition(good, node)])).refused, []);
});

/** Statistics of another session arrive a little later. */
async function eventually(check: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await check();
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
