import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createHost, defineWorkflow, event, type Flow } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { PersistenceError } from "../../src/models/errors-storage.ts";
import type { EngineStore, WakeBus } from "../../src/persistence/provider.ts";
import { eventRow, refOf } from "../stores/rows.ts";
import { eventually, pause } from "../support/clocked-stores.ts";
import { freshDatabase } from "../support/database.ts";
import { hostOn, LocalBus, viewOf } from "../support/mortal.ts";
import { over } from "../support/over.ts";

const memory = (): EngineStore => new MemoryPersistenceProvider().store;
/** Polling tells nothing within these tests. */
const pollMs = 60_000;
const timeout = 15_000;
const go = event<number>("go");

const lost = (): PersistenceError => new PersistenceError("the answer was lost", "transient");

/** It works for a while, so that an event can come before it waits for one, and waits a very short time. */
const brief = defineWorkflow({ id: "brief", version: 1 }, (flow: Flow<{ key: string }>) =>
  flow
    .run("work", () => sleep(300))
    .waitFor(go, { key: ({ key }) => key, timeout: 1, onTimeout: (late) => late.end(() => "too late") })
    .returns(() => "taken"),
);

test(
  "an event that was there before the wait is taken, however short the wait, though its look takes longer",
  { timeout },
  async (t) => {
    const store = memory();
    const look: EngineStore["events"]["look"] = async (batch) => {
      await sleep(30);
      return store.events.look(batch);
    };
    const host = await hostOn(over(store, { events: over(store.events, { look }) }), { workflows: [brief] });
    t.after(() => host.stop());
    const run = await host.startWorkflow(brief, { key: "b" });
    await host.publishEvent(go, "b", 7);
    assert.equal(await run.result(), "taken");
  },
);

test(
  "events that were there before the waits are taken, however short these are, by many runs on PostgreSQL",
  { timeout },
  async (t) => {
    const database = await freshDatabase();
    t.after(() => database.drop());
    const host = createHost({ workflows: [brief], persistence: new PostgresPersistenceProvider(database.url) });
    await host.start();
    t.after(() => host.stop());
    const keys = Array.from({ length: 200 }, (_, n) => `${n}`);
    await Promise.all(keys.map((key) => host.publishEvent(go, key, 0))); // older than the runs: not for them
    const runs = await Promise.all(keys.map((key) => host.startWorkflow(brief, { key })));
    await Promise.all(keys.map((key) => host.publishEvent(go, key, 7)));
    const results = await Promise.all(runs.map((run) => run.result()));
    assert.deepEqual([...new Set(results)], ["taken"]);
  },
);

test(
  "a wait looks for events, though its commit was answered only after its run was taken anew",
  { timeout },
  async (t) => {
    const store = memory();
    const bus = new LocalBus();
    const early = defineWorkflow({ id: "early", version: 1 }, (flow: Flow<object>) =>
      flow.run("work", () => sleep(300)).waitFor(go, { key: () => "e" }),
    );
    let isAnswered = false;
    const commit: EngineStore["instances"]["commit"] = async (batch, lane) => {
      const reply = await store.instances.commit(batch, lane);
      const waits = batch.find(({ subscribe }) => subscribe.length > 0);
      if (waits === undefined || isAnswered) return reply;
      isAnswered = true;
      await store.instances.request(waits, { requestId: randomUUID(), kind: "resume", payload: null }); // makes it due
      await bus.send([{ kind: "due" }]);
      await sleep(200);
      throw lost();
    };
    const view = over(viewOf(store, bus), { instances: over(store.instances, { commit }) });
    const host = await hostOn(view, { workflows: [early], pollMs });
    t.after(() => host.stop());
    const run = await host.startWorkflow(early, {});
    await host.publishEvent(go, "e", 7);
    await run.result();
    assert.ok(isAnswered);
  },
);

test("where hints do not arrive, what a transaction has published is found by polling", { timeout }, async (t) => {
  const store = memory();
  const deaf: WakeBus = { listen: () => Promise.resolve(false), send: () => Promise.resolve() };
  const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<object>) =>
    flow.waitFor(go, { key: () => "x" }),
  );
  const host = await hostOn(over(store, { wakes: deaf }), { workflows: [waiting], pollMs: 100 });
  t.after(() => host.stop());
  const run = await host.startWorkflow(waiting, {});
  await eventually(async () => (await store.instances.look([refOf(run.id)]))[0]?.owner === null, "it rests");
  await pause(); // it has looked for events
  await store.events.publish([eventRow("x", { name: "go", data: "1" })]);
  await eventually(async () => (await run.status()) === "Complete", "it has taken the event");
});

const short = defineWorkflow({ id: "short", version: 1 }, (flow: Flow<object>) =>
  flow.delay("1 second").run("work", () => undefined),
);

test("a start that is left to any node begins at once, though its answer was lost", { timeout }, async (t) => {
  const store = memory();
  const bus = new LocalBus();
  let isLost = false;
  const start: EngineStore["instances"]["start"] = async (owner, rows, lane) => {
    const reply = await store.instances.start(owner, rows, lane);
    if (isLost) return reply;
    isLost = true;
    throw lost();
  };
  const view = over(viewOf(store, bus), { instances: over(store.instances, { start }) });
  const api = await hostOn(view, { workflows: [short], pollMs, concurrency: 0 });
  const worker = await hostOn(viewOf(store, bus), { workflows: [short], pollMs });
  t.after(() => Promise.all([api.stop(), worker.stop()]));
  await pause(); // the worker has looked for what is due
  await (await api.startWorkflow(short, {})).result();
  assert.ok(isLost);
});

test(
  "a timer that a leaving host set is kept by the others, though a body holds up its leaving",
  { timeout },
  async (t) => {
    const store = memory();
    const bus = new LocalBus();
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const long = defineWorkflow({ id: "long", version: 1 }, (flow: Flow<object>) => flow.run("long", () => ended));
    const leaving = await hostOn(viewOf(store, bus), { workflows: [long, short], pollMs });
    const staying = await hostOn(viewOf(store, bus), { workflows: [short], pollMs });
    t.after(() => staying.stop());
    await pause(); // it has looked for what is due
    await leaving.startWorkflow(long, {});
    const { id } = await leaving.startWorkflow(short, {});
    const stopped = leaving.stop();
    await staying.getRun(id).result();
    end();
    await stopped;
  },
);

test("a timer of a run is kept by a node with a free slot, if the one that set it has none", { timeout }, async (t) => {
  const store = memory();
  const bus = new LocalBus();
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const long = defineWorkflow({ id: "long", version: 1 }, (flow: Flow<object>) => flow.run("long", () => ended));
  const later = defineWorkflow({ id: "later", version: 1 }, (flow: Flow<object>) => flow.delay("3 seconds"));
  const workflows = [long, later];
  const full = await hostOn(viewOf(store, bus), { workflows, pollMs, concurrency: 1 });
  const free = await hostOn(viewOf(store, bus), { workflows, pollMs });
  t.after(() => Promise.all([full.stop(), free.stop()]));
  await pause(); // it has looked for what is due
  const timed = await full.startWorkflow(later, {});
  const others = await full.startWorkflow(long, {});
  await timed.result();
  end();
  await others.result();
});
