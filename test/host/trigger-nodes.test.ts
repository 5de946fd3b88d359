import assert from "node:assert/strict";
import { before, describe } from "node:test";
import pg from "pg";
import { defineWorkflow, Event, event, type Flow, type Run, type WorkflowHost } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { keyedId } from "../../src/models/identity.ts";
import { arena, until } from "../chaos/arena.ts";
import { eventually, onEveryClock, pause, test } from "../support/clocked-stores.ts";
import { hostOn } from "../support/mortal.ts";

interface Placed {
  readonly id: string;
}

const placed = event<Placed>("placed");
const go = event("go");
const options = { id: "fulfil", startOn: placed } as const;
const fulfil = defineWorkflow({ ...options, version: 1 }, (flow) => flow.returns(({ id }) => `${id} by 1`));
const second = defineWorkflow({ ...options, version: 2 }, (flow) => flow.returns(({ id }) => `${id} by 2`));
const byHand = defineWorkflow({ id: "fulfil", version: 3 }, (flow: Flow<Placed>) => flow.returns(() => "by hand"));
const limited = defineWorkflow({ id: "limited", version: 1, startOn: placed, timeout: "1 hour" }, (flow) =>
  flow.waitFor(go, { key: ({ id }) => id }),
);

/** Publishes an event, and answers the run of a definition that it starts, if it does. */
async function publish(host: WorkflowHost, key: string, workflow = "fulfil"): Promise<Run<unknown>> {
  await host.publishEvent(placed, key, { id: key }, { idempotencyKey: key });
  return host.getRun(keyedId("start", workflow, keyedId("event", placed.name, key, key)));
}

const exists = (run: Run<unknown>): Promise<boolean> =>
  run.status().then(
    () => true,
    () => false,
  );

/** The result of a run that is still to be started; asked for when it is there, since where it ends there are no hints here. */
const endOf = async (run: Run<unknown>): Promise<unknown> => {
  const isOver = async (): Promise<boolean> => (await exists(run)) && (await run.status()) !== "Runnable";
  await eventually(isOver, "the run is over");
  return run.result();
};

const tests = (store: Parameters<Parameters<typeof onEveryClock>[1]>[0]): void => {
  let publisher: WorkflowHost;
  before(async () => {
    publisher = await store.host({ workflows: [] });
  });

  test("what is published before any host has named the event starts nothing, then each does", async () => {
    const early = await publish(publisher, "early");
    await store.advance(1);
    const host = await store.host({ workflows: [fulfil] });
    assert.equal(await endOf(await publish(publisher, "first")), "first by 1");
    assert.equal(await exists(early), false);
    await host.stop();
  });

  test("a publisher that does not have the definition starts its runs, which wait for a host that does", async () => {
    const run = await publish(publisher, "waits");
    await eventually(() => exists(run), "the run is there");
    assert.equal(await run.status(), "Runnable");
    const host = await store.host({ workflows: [fulfil] });
    assert.equal(await endOf(run), "waits by 1");
    await host.stop();
  });

  test("of two hosts that deliver one event at once one starts its run", async () => {
    const hosts = await Promise.all([1, 2].map(() => store.host({ workflows: [fulfil] })));
    const started: string[] = [];
    for (const one of [publisher, ...hosts])
      one.onNotice((notice) => void (notice.kind === "run-started" && started.push(notice.instanceId)));
    const keys = Array.from({ length: 20 }, (_, n) => `race ${n}`);
    const runs = await Promise.all(keys.flatMap((key) => [publisher, ...hosts].map((host) => publish(host, key))));
    await Promise.all(runs.map(endOf));
    assert.equal(started.length, 20);
    assert.equal(new Set(started).size, 20);
    await Promise.all(hosts.map((host) => host.stop()));
  });

  test("a run without its host can be suspended, resumed and terminated by another, and loses nothing by it", async () => {
    const kept = await publish(publisher, "kept");
    const ended = await publish(publisher, "ended");
    await eventually(async () => (await exists(kept)) && (await exists(ended)), "the runs are there");
    await ended.terminate("enough");
    await kept.suspend();
    await eventually(async () => (await ended.status()) === "Terminated", "the one is terminated");
    await eventually(async () => (await kept.status()) === "Suspended", "the other is suspended");
    const host = await store.host({ workflows: [fulfil] });
    await kept.resume();
    assert.equal(await endOf(kept), "kept by 1");
    await host.stop();
    const again = await publish(publisher, "again");
    await eventually(() => exists(again), "the run is there");
    await again.suspend();
    await eventually(async () => (await again.status()) === "Suspended", "it is suspended");
    await again.resume();
    await eventually(async () => (await again.status()) === "Runnable", "it goes on");
    const next = await store.host({ workflows: [fulfil] });
    assert.equal(await endOf(again), "again by 1");
    await next.stop();
  });

  test("the time of a run counts from its start, also while no host has its definition", async () => {
    await (await store.host({ workflows: [limited] })).stop();
    const run = await publish(publisher, "slow", "limited");
    await eventually(() => exists(run), "the run is there");
    await store.advance(59 * 60_000);
    const host = await store.host({ workflows: [limited] });
    await eventually(async () => (await run.status()) === "Runnable", "it runs");
    await pause();
    await store.advance(61_000);
    await assert.rejects(endOf(run), /did not come to its end/);
    await host.stop();
  });

  test("a higher version takes over, and one that names no event ends it, whatever older hosts say", async () => {
    const both = await store.host({ workflows: [fulfil, second] });
    const old = await store.host({ workflows: [fulfil] });
    assert.equal(await endOf(await publish(old, "v2")), "v2 by 2");
    const last = await store.host({ workflows: [byHand] });
    const run = await publish(old, "v3");
    await pause();
    assert.equal(await exists(run), false);
    await Promise.all([both, old, last].map((host) => host.stop()));
  });
};

onEveryClock("runs that events start, on several hosts,", tests);

describe("events that start runs, published in other ways,", () => {
  const world = arena();

  test("in a transaction of the caller's: they start runs when it commits, and none when it is rolled back", async () => {
    const host = await world.host({ workflows: [fulfil], pollMs: 50 });
    const one = new pg.Client(world.url);
    await one.connect();
    for (const end of ["rollback", "commit"]) {
      await one.query("begin");
      await host.publishEvent(placed, end, { id: end }, { tx: one, idempotencyKey: end });
      await one.query(end);
    }
    await one.end();
    const runs = ["rollback", "commit"].map((key) =>
      host.getRun(keyedId("start", "fulfil", keyedId("event", placed.name, key, key))),
    );
    const [lost, kept] = runs;
    assert.ok(lost !== undefined && kept !== undefined);
    await until("the run is there", () => exists(kept));
    assert.equal(await kept.result(), "commit by 1");
    assert.equal(await exists(lost), false);
    await host.stop();
  });

  for (const name of ["memory", "postgres"] as const) {
    test(`as records, on ${name}: the run's record says which event started it`, async () => {
      const records = name === "memory" ? new MemoryPersistenceProvider() : new PostgresPersistenceProvider(world.url);
      await records.initialize();
      const host = await hostOn(records.store, { workflows: [fulfil] });
      const stored = await records.createEvent(new Event("placed", "of a record").withEventData({ id: "r" }));
      const run = host.getRun(keyedId("start", "fulfil", stored.id));
      await until("the run is there", () => exists(run));
      assert.equal(await run.result(), "r by 1");
      const instance = await records.getWorkflowInstance(run.id);
      assert.equal(instance?.reference, "of a record");
      assert.equal(instance.correlationId, stored.id);
      assert.deepEqual(instance.createTime, stored.eventTime);
      await host.stop();
      await records.close();
    });
  }
});
