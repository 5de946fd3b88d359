import assert from "node:assert/strict";
import { test } from "node:test";
import type { RequestRow } from "../../src/persistence/provider.ts";
import { refOf } from "./rows.ts";
import { claimAll, claimedIds, commit, liveNode, start, startAnd, type MakeStore } from "./world.ts";

const suspend = (requestId: string): RequestRow => ({ requestId, kind: "suspend", payload: `{"reason":"x"}` });

export function inboxTests(make: MakeStore): void {
  test("a request of an owned instance names its owner and waits for it, once however often it is sent", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    const reply = { terminal: false, status: "Runnable", owner: node };
    assert.deepEqual(await store.instances.request(row, suspend("r1")), reply);
    assert.deepEqual(await store.instances.request(row, suspend("r1")), reply);
    await store.instances.request(row, { requestId: "r2", kind: "terminate", payload: null });
    const [first, second, ...more] = await store.instances.inbox([row]);
    assert.deepEqual(
      { ...first, createdAt: 0 },
      {
        ...{ bucket: row.bucket, id: row.id, source: "r1", seq: 1, kind: "suspend", topic: null },
        ...{ payload: { reason: "x" }, heard: 0, createdAt: 0 },
      },
    );
    assert.deepEqual(
      [second?.source, second?.seq, second?.kind, second?.payload ?? null],
      ["r2", 2, "terminate", null],
    );
    assert.deepEqual(more, []);
    assert.deepEqual(await claimAll(store, node), []);
  });

  test("a request makes an unowned instance due, parked or suspended", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    for (const [release, status] of [
      ["park", "Runnable"],
      ["halt", "Suspended"],
    ] as const) {
      const row = await startAnd(store, node, { release, status });
      assert.deepEqual(await store.instances.request(row, suspend("r")), { terminal: false, status, owner: null });
      const [claimed] = await claimAll(store, node);
      assert.deepEqual([claimed?.id, claimed?.status, claimed?.inboxSeq], [row.id, status, 1]);
    }
  });

  test("a request does not put off what is due already", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const row = await start(store, node, { own: false });
    const { dueAt } = await store.instances.nextDue(["order@1"]);
    await advance(1_000);
    await store.instances.request(row, suspend("r"));
    assert.equal((await store.instances.nextDue(["order@1"])).dueAt, dueAt);
  });

  test("a request of nobody is null, of a finished instance terminal", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    assert.equal(await store.instances.request(refOf(), suspend("r")), null);
    const row = await startAnd(store, node, { release: "end", status: "Complete" });
    assert.deepEqual(await store.instances.request(row, suspend("r")), {
      terminal: true,
      status: "Complete",
      owner: null,
    });
    assert.deepEqual(await store.instances.inbox([row]), []);
  });

  test("what was consumed does not come back, however often it is sent", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    await store.instances.request(row, suspend("r"));
    await commit(store, row, node, { release: "park", inboxSeen: 1, consume: ["r"] });
    await store.instances.request(row, suspend("r"));
    assert.deepEqual(await store.instances.inbox([row]), []);
    assert.deepEqual(await claimedIds(store, node), []);
  });

  test("a refused transition consumes nothing", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    await store.instances.request(row, suspend("r"));
    assert.equal(await commit(store, row, node, { epoch: 9, consume: ["r"] }), false);
    assert.equal((await store.instances.inbox([row])).length, 1);
  });

  test("the inboxes of many instances are read at once, each oldest first", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const rows = [await start(store, node), await start(store, node), await start(store, node)];
    for (const id of ["z", "a", "m"])
      for (const row of rows.slice(0, 2)) await store.instances.request(row, suspend(id));
    const read = await store.instances.inbox(rows);
    for (const row of rows.slice(0, 2)) {
      const mine = read.filter(({ id }) => id === row.id);
      assert.deepEqual(
        mine.map(({ source, seq }) => [source, seq]),
        [
          ["z", 1],
          ["a", 2],
          ["m", 3],
        ],
      );
    }
    assert.equal(read.length, 6);
    assert.deepEqual(await store.instances.inbox([]), []);
  });

  test("requests at once are all kept, each with a number of its own", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    const ids = Array.from({ length: 20 }, (_, index) => `r${index}`);
    await Promise.all(ids.map((id) => store.instances.request(row, suspend(id))));
    const read = await store.instances.inbox([row]);
    assert.deepEqual(new Set(read.map(({ source }) => source)), new Set(ids));
    assert.equal(new Set(read.map(({ seq }) => seq)).size, 20);
  });
}
