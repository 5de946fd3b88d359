import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineStore } from "../../src/persistence/provider.ts";
import type { ScheduleRow } from "../../src/persistence/schedule-store.ts";
import { startRow } from "./rows.ts";
import { claimAll, commit, liveNode, type MakeStore } from "./world.ts";

const minute = 60_000;

async function made(store: EngineStore, id: string, facts: Partial<ScheduleRow> = {}): Promise<ScheduleRow> {
  const { now } = await store.schedules.clock();
  const row: ScheduleRow = {
    id,
    definition: "order",
    version: 1,
    queues: false,
    paused: false,
    nextAt: now + minute,
    spec: '{"catchUp":"one"}',
    data: '{"n":1}',
    ...facts,
  };
  assert.equal(await store.schedules.create(row), true);
  return row;
}

/** A schedule belongs to whoever saw its latest revision, and its run is born with its tick or not at all. */
export function scheduleTests(make: MakeStore): void {
  test("a schedule is read as it was made", async () => {
    const { store } = await make();
    const row = await made(store, "nightly");
    const { now, createdAt, updatedAt, ...stored } = (await store.schedules.get("nightly")) ?? assert.fail();
    assert.deepEqual(
      { ...stored },
      {
        ...row,
        spec: { catchUp: "one" },
        data: { n: 1 },
        revision: 0,
        lastAt: null,
        lastRun: null,
        lastRunIsOver: true,
        started: 0,
        skipped: 0,
      },
    );
    assert.deepEqual([createdAt, updatedAt], [now, now]);
    assert.equal(await store.schedules.get("daily"), null);
  });

  test("an id is taken once", async () => {
    const { store } = await make();
    const row = await made(store, "nightly");
    assert.equal(await store.schedules.create({ ...row, version: 2 }), false);
    assert.equal((await store.schedules.get("nightly"))?.version, 1);
  });

  test("a change holds on the revision that was seen alone", async () => {
    const { store, advance } = await make();
    const row = await made(store, "nightly");
    await advance(5);
    assert.equal(await store.schedules.change({ ...row, paused: true, nextAt: null }, 0), true);
    assert.equal(await store.schedules.change(row, 0), false);
    const stored = (await store.schedules.get("nightly")) ?? assert.fail();
    assert.deepEqual([stored.paused, stored.nextAt, stored.revision], [true, null, 1]);
    assert.equal(stored.updatedAt, stored.createdAt + 5);
  });

  test("schedules are listed by id, in pages", async () => {
    const { store } = await make();
    for (const id of ["b", "é", "a", "Z"]) await made(store, id);
    const ids = async (after: string, limit: number) =>
      (await store.schedules.list(after, limit)).map((schedule) => schedule.id);
    assert.deepEqual(await ids("", 2), ["Z", "a"]);
    assert.deepEqual(await ids("a", 2), ["b", "é"]);
    assert.equal(await store.schedules.delete("b"), true);
    assert.equal(await store.schedules.delete("b"), false);
    assert.deepEqual(await ids("a", 2), ["é"]);
  });

  test("what is due comes longest first, and its clock tells when the next is", async () => {
    const { store, advance } = await make();
    const { now } = await store.schedules.clock();
    await made(store, "late", { nextAt: now + 2 * minute });
    await made(store, "early", { nextAt: now + minute });
    await made(store, "later", { nextAt: now + 5 * minute });
    await made(store, "paused", { nextAt: null, paused: true });
    assert.deepEqual({ ...(await store.schedules.clock()) }, { now, dueAt: null, laterAt: now + minute });
    await advance(2 * minute);
    const due = await store.schedules.due(10);
    assert.deepEqual(
      due.map(({ id }) => id),
      ["early", "late"],
    );
    assert.deepEqual(
      (await store.schedules.due(1)).map(({ id }) => id),
      ["early"],
    );
    const clock = { now: now + 2 * minute, dueAt: now + minute, laterAt: now + 5 * minute };
    assert.deepEqual({ ...(await store.schedules.clock()) }, clock);
  });

  test("of two that carry out one tick, one starts its run", async () => {
    const { store, advance } = await make();
    const { nextAt } = await made(store, "nightly");
    await advance(minute);
    const [first, second] = [startRow(), startRow()];
    const firing = { id: "nightly", revision: 0, nextAt: (nextAt ?? 0) + minute, tickAt: nextAt };
    const outcomes = await Promise.all([first, second].map((start) => store.schedules.fire({ ...firing, start })));
    assert.deepEqual(outcomes.toSorted(), [false, true]);
    const node = await liveNode(store);
    const claimed = await claimAll(store, node);
    assert.deepEqual(
      claimed.map(({ id }) => id),
      [outcomes[0] ? first.id : second.id],
    );
    const stored = (await store.schedules.get("nightly")) ?? assert.fail();
    assert.deepEqual(
      [stored.lastRun, stored.lastAt, stored.nextAt, stored.started, stored.skipped, stored.revision],
      [claimed[0]?.id, nextAt, (nextAt ?? 0) + minute, 1, 0, 1],
    );
  });

  test("a tick that is skipped moves the schedule on and starts nothing", async () => {
    const { store } = await make();
    const { nextAt } = await made(store, "nightly");
    assert.equal(
      await store.schedules.fire({ id: "nightly", revision: 0, nextAt: null, tickAt: nextAt, start: null }),
      true,
    );
    const stored = (await store.schedules.get("nightly")) ?? assert.fail();
    assert.deepEqual([stored.nextAt, stored.lastAt, stored.started, stored.skipped], [null, nextAt, 0, 1]);
  });

  test("a run that is there already is not started again", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const { nextAt } = await made(store, "nightly");
    const start = startRow();
    await store.instances.start(node, [start]);
    assert.equal(await store.schedules.fire({ id: "nightly", revision: 0, nextAt, tickAt: nextAt, start }), true);
    assert.deepEqual(await claimAll(store, node), []);
  });

  test("ticks that wait for a run are not due before it is over", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    const { nextAt } = await made(store, "nightly", { queues: true });
    const start = startRow();
    await store.schedules.fire({ id: "nightly", revision: 0, nextAt, tickAt: nextAt, start });
    await advance(minute);
    assert.deepEqual(await store.schedules.due(10), []);
    assert.equal((await store.schedules.get("nightly"))?.lastRunIsOver, false);
    await claimAll(store, node);
    await commit(store, start, node, { status: "Complete", release: "end" });
    assert.deepEqual(
      (await store.schedules.due(10)).map(({ id }) => id),
      ["nightly"],
    );
  });
}
