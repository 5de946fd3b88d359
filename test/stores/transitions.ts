import assert from "node:assert/strict";
import { test } from "node:test";
import { isTerminal, type WorkflowStatus } from "../../src/models/instance.ts";
import { WorkflowError } from "../../src/models/errors.ts";
import { pointer, sorted, startRow, subscriptionOf, transition } from "./rows.ts";
import {
  claimAll,
  claimedIds,
  commit,
  liveNode,
  order,
  start,
  startAnd,
  startMany,
  view,
  type MakeStore,
} from "./world.ts";

export function transitionTests(make: MakeStore): void {
  test("a transition that keeps the instance counts its revision and leaves the owner", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    await advance(500);
    const reply = await store.instances.commit([transition(row, node)]);
    const seen = await view(store, row);
    assert.deepEqual([seen.owner, seen.epoch, seen.revision, seen.turnedAt], [node, 1, 1, reply.now]);
    assert.deepEqual(await claimAll(store, node), []);
  });

  test("data that did not change stay", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await startAnd(store, node, { data: `{"step":1}` });
    await commit(store, row, node, { revision: 1, data: null, release: "yield", frontier: `{"format":1}` });
    const [claimed] = await claimAll(store, node);
    assert.deepEqual([claimed?.data, claimed?.frontier, claimed?.revision], [{ step: 1 }, { format: 1 }, 2]);
  });

  test("a wrong owner, epoch or revision is refused and leaves no trace; the rest of the batch holds", async () => {
    const { store } = await make();
    const [node, other] = [await liveNode(store), await liveNode(store)];
    const rows = await startMany(store, node, 4);
    const facts = [{ owner: other }, { epoch: 2 }, { revision: 1 }, {}];
    const batch = rows.map((row, index) => {
      const written = { pointers: [pointer("first")], data: `{"changed":true}` };
      return transition(row, node, { ...written, ...facts[index], release: "end", status: "Complete" });
    });
    assert.deepEqual((await store.instances.commit(batch)).refused, [0, 1, 2]);
    for (const [index, row] of rows.entries()) {
      const held = index === 3;
      assert.equal((await view(store, row)).status, held ? "Complete" : "Runnable");
      assert.equal((await store.instances.pointers(row, ["first"])).length, held ? 1 : 0);
    }
  });

  test("the same transition sent again holds once", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    assert.deepEqual([await commit(store, row, node), await commit(store, row, node)], [true, false]);
    assert.equal((await view(store, row)).revision, 1);
  });

  test("of rival transitions of one instance, one holds", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    const held = await Promise.all(Array.from({ length: 8 }, () => commit(store, row, node)));
    assert.equal(held.filter((one) => one).length, 1);
  });

  test("a parked instance is due after its delay and never before", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const row = await startAnd(store, node, { release: "park", dueIn: 1_000 });
    assert.equal((await view(store, row)).owner, null);
    await advance(999);
    assert.deepEqual(await claimAll(store, node), []);
    await advance(1);
    const [claimed] = await claimAll(store, node);
    assert.deepEqual([claimed?.id, claimed?.epoch, claimed?.revision], [row.id, 2, 1]);
  });

  test("of an older and a new timer, the earlier one counts", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const rows = await startMany(store, node, 3);
    const { now } = await store.instances.nextDue([order]);
    const timers = [
      { dueIn: 1_000, dueAt: now + 5_000 },
      { dueIn: 5_000, dueAt: now + 1_000 },
      { dueIn: null, dueAt: now + 1_000 },
    ];
    const batch = rows.map((row, index) => transition(row, node, { release: "park", ...timers[index] }));
    await store.instances.commit(batch);
    assert.equal((await store.instances.nextDue([order])).dueAt, now + 1_000);
    await advance(1_000);
    assert.equal((await claimAll(store, node)).length, 3);
  });

  test("an instance that is parked without a timer is never due by itself", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    await startAnd(store, node, { release: "park" });
    await advance(365 * 86_400_000);
    assert.deepEqual(await claimAll(store, node), []);
    assert.equal((await store.instances.nextDue([order])).dueAt, null);
  });

  test("a message that came before its owner parked is not slept through", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    for (const [inboxSeen, isDue] of [
      [0, true],
      [1, false],
    ] as const) {
      const row = await start(store, node);
      await store.instances.request(row, { requestId: "r", kind: "suspend", payload: null });
      await commit(store, row, node, { release: "park", inboxSeen, dueIn: 60_000 });
      assert.deepEqual(await claimedIds(store, node), isDue ? [row.id] : []);
    }
  });

  test("an instance that is yielded is due at once for anybody", async () => {
    const { store } = await make();
    const [node, other] = [await liveNode(store), await liveNode(store)];
    const row = await startAnd(store, node, { release: "yield" });
    assert.deepEqual(await claimedIds(store, other), [row.id]);
  });

  for (const status of ["Complete", "Terminated", "Failed"] as const satisfies readonly WorkflowStatus[]) {
    test(`${status} is for ever`, async () => {
      const { store, advance } = await make();
      const node = await liveNode(store);
      const facts = { result: `{"sum":3}`, failure: `{"message":"no"}`, reason: "because" };
      const row = await startAnd(store, node, { release: "end", status, data: `{"end":true}`, ...facts });
      await advance(86_400_000);
      assert.ok(isTerminal(status));
      const seen = await view(store, row);
      assert.deepEqual(
        [seen.status, seen.owner, seen.data, seen.result, seen.failure, seen.reason],
        [status, null, { end: true }, { sum: 3 }, { message: "no" }, "because"],
      );
      assert.deepEqual(await claimAll(store, node), []);
      assert.equal(await store.instances.claimOne(node, row), null);
      assert.equal(await commit(store, row, node, { revision: 1 }), false);
    });
  }

  test("a halted instance is not woken by what its owner has seen, but by a request it has not", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    for (const [inboxSeen, isDue] of [
      [1, false],
      [0, true],
    ] as const) {
      const row = await start(store, node);
      await store.instances.request(row, { requestId: "r", kind: "resume", payload: null });
      await commit(store, row, node, { release: "halt", status: "Suspended", reason: "wait", inboxSeen });
      assert.deepEqual(await claimedIds(store, node), isDue ? [row.id] : []);
    }
  });

  test("result, failure and reason are what the last transition says", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await startAnd(store, node, { status: "Suspended", release: "halt", reason: "by hand", failure: "{}" });
    assert.deepEqual([(await view(store, row)).reason, (await view(store, row)).failure], ["by hand", {}]);
    const [claimed] = await Promise.all([store.instances.claimOne(node, row)]);
    await commit(store, row, node, { epoch: claimed?.epoch ?? 0, revision: 1 });
    const seen = await view(store, row);
    assert.deepEqual([seen.status, seen.reason, seen.failure], ["Runnable", null, undefined]);
  });

  test("pointers are read by path, with JSON as it was written and nothing where nothing was", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const facts = { outcome: `{"id":7}`, input: `[1,"NULL",null]`, below: `{"path":"a","seq":1}`, seq: 2, attempts: 3 };
    const row = await startAnd(store, node, {
      pointers: [pointer("reserve", facts), pointer("each[3]/ship", { outcome: "null" }), pointer("other")],
    });
    const read = await store.instances.pointers(row, ["each[3]/ship", "reserve", "nowhere"]);
    const byPath = new Map(
      read.map(({ path, status, seq, attempts, input, outcome, below }) => [
        path,
        { status, seq, attempts, input, outcome, below },
      ]),
    );
    assert.deepEqual([...byPath.keys()].sort(), ["each[3]/ship", "reserve"]);
    assert.deepEqual(byPath.get("reserve"), {
      ...{ status: 1, seq: 2, attempts: 3 },
      ...{ input: [1, "NULL", null], outcome: { id: 7 }, below: { path: "a", seq: 1 } },
    });
    const ship = byPath.get("each[3]/ship");
    assert.deepEqual([ship?.input, ship?.outcome, ship?.below], [undefined, null, undefined]);
  });

  test("a pointer that was written as started is completed, and keeps what the update does not name", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const started = pointer("slow", { status: "Started", seq: 0, input: `{"n":1}` });
    const row = await startAnd(store, node, { pointers: [started] });
    const finished = pointer("slow", { write: "update", seq: 4, attempts: 2, outcome: `"done"` });
    await commit(store, row, node, { revision: 1, pointers: [finished] });
    const [read] = await store.instances.pointers(row, ["slow"]);
    assert.deepEqual(
      [read?.status, read?.seq, read?.attempts, read?.input, read?.outcome],
      [1, 4, 2, { n: 1 }, "done"],
    );
  });

  test("a pointer that is there already is the batch's error, and nothing of the batch holds", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const rows = await startMany(store, node, 2);
    const [first, second] = rows;
    assert.ok(first !== undefined && second !== undefined);
    await commit(store, second, node, { pointers: [pointer("a")] });
    const batch = [
      transition(first, node, { pointers: [pointer("a")] }),
      transition(second, node, { revision: 1, pointers: [pointer("a")] }),
    ];
    await assert.rejects(
      store.instances.commit(batch),
      (error) => error instanceof WorkflowError && error.errorClass === "invalid",
    );
    assert.deepEqual([(await view(store, first)).revision, (await view(store, second)).revision], [0, 1]);
  });

  test("all that a transition can carry is committed together", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    await store.instances.request(row, { requestId: "r1", kind: "suspend", payload: null });
    await store.instances.request(row, { requestId: "r2", kind: "resume", payload: null });
    const { bucket, topic, path } = subscriptionOf(row, "7");
    const held = await commit(store, row, node, {
      pointers: [pointer("a", { status: "Failed", failure: "{}", patch: "[]" })],
      history: [
        { kind: "suspend", path: null, detail: null },
        { kind: "retry", path: "a", detail: `{"attempt":1}` },
      ],
      subscribe: [{ bucket, topic, path, name: "paid", key: "7", heard: 0 }],
      consume: ["r1"],
    });
    assert.ok(held);
    assert.deepEqual(
      (await store.instances.inbox([row])).map(({ source }) => source),
      ["r2"],
    );
    assert.equal((await store.instances.pointers(row, ["a"])).length, 1);
  });

  test("the rows of a lap that is not kept go, with those inside it, and no others", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const inside = ["a#1/x", "a#1/b#2/y", "a#1/each[3]/z", "a#1/if/yes"];
    const others = ["a", "a#10/x", "a#11", "a#2/x", "a#1", "b/a#1/x", "a#0/x", "aa#1/x"];
    const pointers = [...inside, ...others].map((path) => pointer(path, { below: path === "a#1/x" ? "{}" : null }));
    const [row, neighbour] = [await startAnd(store, node, { pointers }), await startAnd(store, node, { pointers })];
    const paths = async (of: typeof row): Promise<readonly string[]> =>
      (await store.instances.pointers(of, [...inside, ...others])).map(({ path }) => path).sort();
    const prune = [{ block: "a#1", keep: "nothing" }] as const;
    assert.equal(await commit(store, row, node, { revision: 2, prune }), false);
    assert.equal((await paths(row)).length, 12);
    assert.equal(await commit(store, row, node, { revision: 1, prune }), true);
    assert.deepEqual(await paths(row), others.toSorted());
    assert.equal((await paths(neighbour)).length, 12);
  });

  test("of a lap that a compensation may need, rows on a stack stay, and started ones", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const pointers = [
      pointer("a#1/plain"),
      pointer("a#1/failed", { status: "Failed", input: "1" }),
      pointer("a#1/stacked", { below: "{}" }),
      pointer("a#1/compensated", { below: "{}", status: "Compensated" }),
      pointer("a#1/compensated/undo"),
      pointer("a#1/doubtful", { below: `{"path":"a#1/stacked","seq":1}`, status: "Cancelled" }),
      pointer("a#1/doubtful/undo", { status: "Started" }),
    ];
    const row = await startAnd(store, node, { pointers });
    const added = [pointer("a#1/new"), pointer("a#1/stacked", { write: "update", status: "Complete", outcome: "2" })];
    const prune = [{ block: "a#1", keep: "stacked" } as const];
    assert.ok(await commit(store, row, node, { revision: 1, prune, pointers: added }));
    const left = await store.instances.pointers(
      row,
      [...pointers, ...added].map(({ path }) => path),
    );
    assert.deepEqual(left.map(({ path }) => path).sort(), [
      "a#1/doubtful",
      "a#1/doubtful/undo",
      "a#1/new",
      "a#1/stacked",
    ]);
    assert.equal(left.find(({ path }) => path === "a#1/stacked")?.outcome, 2);
  });

  test("a large batch of every release is committed whole", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const rows = sorted(Array.from({ length: 200 }, () => startRow()));
    await store.instances.start(node, rows);
    const releases = ["keep", "park", "yield", "end", "halt"] as const;
    const batch = rows.map((row, index) => {
      const release = releases[index % releases.length] ?? "keep";
      const status = release === "end" ? "Complete" : release === "halt" ? "Suspended" : "Runnable";
      return transition(row, node, { release, status, pointers: [pointer(`p${index}`)] });
    });
    assert.deepEqual((await store.instances.commit(batch)).refused, []);
    assert.equal((await claimAll(store, node)).length, 40);
    const seen = await store.instances.look(rows);
    assert.deepEqual([seen.length, seen.filter(({ status }) => status === "Complete").length], [200, 40]);
  });
}
