import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { defineWorkflow, event, type Flow, type WorkflowHost } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { PersistenceError } from "../../src/models/errors-storage.ts";
import type { EngineStore, WakeBus } from "../../src/persistence/provider.ts";
import { refOf } from "../stores/rows.ts";
import { eventually, pause } from "../support/clocked-stores.ts";
import { hostOn, LocalBus, viewOf } from "../support/mortal.ts";
import { over } from "../support/over.ts";

type Workflows = Parameters<typeof hostOn>[1]["workflows"];

const memory = (): EngineStore => new MemoryPersistenceProvider().store;
/** Polling tells nothing within these tests. */
const pollMs = 60_000;
const timeout = 20_000;
const go = event<number>("go");

async function hostFor(t: TestContext, store: EngineStore, workflows: Workflows): Promise<WorkflowHost> {
  const host = await hostOn(store, { workflows, pollMs });
  t.after(() => host.stop());
  return host;
}

/** It moves for longer than a test takes. */
const busy = defineWorkflow({ id: "busy", version: 1 }, (flow: Flow<object>) =>
  flow.while(
    (_, { lap }) => lap <= 1_000,
    (lap) => lap.run("beat", () => sleep(50)),
  ),
);

test(
  "a run that moves all the time hears of a request of another process, where no hints arrive",
  { timeout },
  async (t) => {
    const store = memory();
    const host = await hostFor(t, store, [busy]);
    const other = await hostFor(t, store, []);
    const run = await host.startWorkflow(busy, {});
    await pause(200);
    assert.equal(await other.getRun(run.id).terminate("enough"), true);
    await assert.rejects(run.result(), { code: "WORKFLOW_TERMINATED" });
  },
);

test("a run that moves all the time hears of a request whose hint was lost", { timeout }, async (t) => {
  const store = memory();
  const bus = new LocalBus();
  const mute: WakeBus = { listen: (heard) => bus.listen(heard), send: () => Promise.reject(new Error("reset")) };
  const host = await hostFor(t, viewOf(store, bus), [busy]);
  const other = await hostFor(t, viewOf(store, mute), []);
  const run = await host.startWorkflow(busy, {});
  await pause(200);
  assert.equal(await other.getRun(run.id).terminate("enough"), true);
  await assert.rejects(run.result(), { code: "WORKFLOW_TERMINATED" });
});

test(
  "a branch takes an event that another process delivers, though another branch moves all the time",
  { timeout },
  async (t) => {
    const store = memory();
    let heard: (() => void) | undefined;
    const isHeard = new Promise<void>((resolve) => (heard = resolve));
    const beside = defineWorkflow({ id: "beside", version: 1 }, (flow: Flow<object>) =>
      flow.parallel({
        loop: (branch) =>
          branch.while(
            (_, { lap }) => lap <= 1_000,
            (lap) => lap.run("beat", () => sleep(50)),
          ),
        wait: (branch) => branch.waitFor(go, { key: () => "k" }).run("heard", () => heard?.()),
      }),
    );
    const host = await hostFor(t, store, [beside]);
    const other = await hostFor(t, store, []);
    const run = await host.startWorkflow(beside, {});
    await pause(200);
    await other.publishEvent(go, "k", 1);
    await isHeard;
    await run.terminate("enough");
  },
);

test(
  "a request is carried out when the body that ignores its signal ends, though its run parks then",
  { timeout },
  async (t) => {
    const deaf = defineWorkflow({ id: "deaf", version: 1 }, (flow: Flow<object>) =>
      flow.run("deaf", () => sleep(2_500)).delay("1 hour"),
    );
    const host = await hostFor(t, viewOf(memory(), new LocalBus()), [deaf]);
    const run = await host.startWorkflow(deaf, {});
    await pause(100);
    await run.terminate("enough");
    await assert.rejects(run.result(), { code: "WORKFLOW_TERMINATED" });
  },
);

test("a request that comes while another waits for a body is carried out after it", { timeout }, async (t) => {
  const stubborn = defineWorkflow({ id: "stubborn", version: 1 }, (flow: Flow<object>) =>
    flow.run("deaf", () => sleep(3_000)).run("last", () => undefined),
  );
  const host = await hostFor(t, viewOf(memory(), new LocalBus()), [stubborn]);
  const run = await host.startWorkflow(stubborn, {});
  await pause(100);
  await run.suspend("a rest");
  await pause(100);
  await run.resume();
  await run.result();
});

test(
  "a host that only starts and publishes runs no body of a run that it is asked to resume",
  { timeout },
  async (t) => {
    const store = memory();
    const ran: string[] = [];
    const bus = new LocalBus();
    const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<object>) =>
      flow.waitFor(go, { key: () => "p" }).run("work", () => void ran.push(place)),
    );
    let place = "where it waited";
    const worker = await hostOn(viewOf(store, bus), { workflows: [waiting] });
    const run = await worker.startWorkflow(waiting, {});
    await run.suspend();
    await eventually(async () => (await run.status()) === "Suspended", "it is suspended");
    await worker.publishEvent(go, "p", 1);
    await worker.stop();
    place = "where only starts are";
    const api = await hostOn(viewOf(store, bus), { workflows: [waiting], concurrency: 0 });
    t.after(() => api.stop());
    await api.getRun(run.id).resume();
    await pause(500);
    assert.deepEqual(ran, []);
    place = "where there is room";
    await hostFor(t, viewOf(store, bus), [waiting]);
    await api.getRun(run.id).result();
    assert.deepEqual(ran, ["where there is room"]);
  },
);

const strange = defineWorkflow({ id: "strange", version: 1 }, (flow: Flow<object>) =>
  flow.waitFor(go, { key: () => "s" }),
);

/** A run at rest that nobody has the definition of any more. */
async function atRest(store: EngineStore): Promise<string> {
  const first = await hostOn(store, { workflows: [strange] });
  const { id } = await first.startWorkflow(strange, {});
  await eventually(async () => (await store.instances.look([refOf(id)]))[0]?.owner === null, "it rests");
  await first.stop();
  return id;
}

const isTerminated = async (host: WorkflowHost, id: string): Promise<boolean> =>
  (await host.getRun(id).status()) === "Terminated";

test(
  "what was asked of a run that nobody can run is carried out, though who was asked died at once",
  { timeout },
  async (t) => {
    const store = memory();
    const id = await atRest(store);
    await store.instances.request(refOf(id), { requestId: randomUUID(), kind: "terminate", payload: null });
    const host = await hostFor(t, viewOf(store, new LocalBus()), []);
    await eventually(() => isTerminated(host, id), "it is terminated");
  },
);

test("what was asked while a host registers anew is carried out when it has", { timeout }, async (t) => {
  const store = memory();
  const id = await atRest(store);
  let isAway = false;
  let refused = 0;
  const register: EngineStore["nodes"]["register"] = (node) => {
    if (!isAway) return store.nodes.register(node);
    refused += 1;
    return Promise.reject(new PersistenceError("away", "transient"));
  };
  const view = over(viewOf(store, new LocalBus()), { nodes: over(store.nodes, { register }) });
  const times = { beatMs: 50, staleMs: 20_000, deadMs: 60_000 };
  const host = await hostOn(view, { workflows: [], pollMs, times });
  t.after(() => host.stop());
  isAway = true;
  await eventually(async () => {
    const node = (await store.nodes.list()).find(({ state }) => state === "live");
    return node === undefined || store.nodes.declareDead(node.id, node.beat, 0);
  }, "it is declared dead");
  await eventually(() => refused > 0, "it registers anew");
  assert.equal(await host.getRun(id).terminate("enough"), true);
  isAway = false;
  await eventually(() => isTerminated(host, id), "it is terminated");
});

test("what nobody here can carry out rests: it is not taken again and again", { timeout }, async (t) => {
  const store = memory();
  const id = await atRest(store);
  for (const kind of ["compensate", "suspend"] as const)
    await store.instances.request(refOf(id), { requestId: randomUUID(), kind, payload: null });
  let taken = 0;
  const claimOne: EngineStore["instances"]["claimOne"] = (owner, ref) => {
    taken += 1;
    return store.instances.claimOne(owner, ref);
  };
  const view = over(store, { instances: over(store.instances, { claimOne }) });
  for (let hosts = 0; hosts < 3; hosts += 1) {
    const host = await hostOn(view, { workflows: [], pollMs: 20 });
    await pause(200);
    await host.stop();
  }
  assert.equal(taken, 0);
  assert.deepEqual(await store.instances.asked(10), []);
  await store.instances.request(refOf(id), { requestId: randomUUID(), kind: "terminate", payload: null });
  const host = await hostFor(t, view, []);
  await eventually(() => isTerminated(host, id), "it is terminated");
});

test(
  "what was asked of a run whose row is held is tried now and then, however often it is wanted",
  { timeout },
  async (t) => {
    const store = memory();
    const id = await atRest(store);
    let tries = 0;
    const claimOne: EngineStore["instances"]["claimOne"] = () => {
      tries += 1;
      return Promise.reject(new PersistenceError("held", "conflict", { sqlState: "55P03" }));
    };
    const host = await hostFor(t, over(store, { instances: over(store.instances, { claimOne }) }), []);
    for (let asked = 0; asked < 10; asked += 1) await host.getRun(id).suspend("a rest");
    await pause(300);
    assert.equal(tries, 1);
  },
);
