import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { defineWorkflow, event, type Flow, transactionalStep } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import type { EngineStore } from "../../src/persistence/provider.ts";
import { DatabaseClock } from "../../src/host/clock.ts";
import { Committer } from "../../src/host/committer.ts";
import { systemEnvironment } from "../../src/models/environment.ts";
import { DatabaseUnreachableError, PersistenceError } from "../../src/models/errors-storage.ts";
import { liveNode, start } from "../stores/world.ts";
import { hostOn } from "../support/mortal.ts";
import { over } from "../support/over.ts";

const memory = (): EngineStore => new MemoryPersistenceProvider().store;
const lost = (): DatabaseUnreachableError => new DatabaseUnreachableError("the test");

test(
  "a request that comes while a turn waits for a schema is carried out, though the run is about to rest",
  { timeout: 15_000 },
  async (t) => {
    let validated = 0;
    let asked: Promise<unknown> = Promise.resolve();
    const schema = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: async (value: unknown) => {
          validated += 1;
          if (validated === 2) {
            asked = run.terminate("enough"); // the first time it was published
            await delay(100);
          }
          return { value: value as object };
        },
      },
    } as const;
    const called = event("called", schema);
    const workflow = defineWorkflow({ id: "validating", version: 1 }, (flow: Flow<object>) =>
      flow.waitFor(called, { key: () => "k" }).waitFor(event("other"), { key: () => "k" }),
    );
    const host = await hostOn(memory(), { workflows: [workflow] });
    t.after(() => host.stop());
    const run = await host.startWorkflow(workflow, {});
    await delay(50);
    await host.publishEvent(called, "k", {});
    await assert.rejects(run.result(), { code: "WORKFLOW_TERMINATED" });
    assert.equal(await asked, true);
  },
);

test("a start that is sent again after a failure does not begin a run that is already under way here", async (t) => {
  const store = memory();
  let isFailing = false;
  const failing = over(store, {
    instances: over(store.instances, {
      start: async (owner, batch, lane) => {
        const fails = isFailing;
        isFailing = false;
        if (fails) throw lost();
        return store.instances.start(owner, batch, lane);
      },
    }),
  });
  let begun = 0;
  const workflow = defineWorkflow({ id: "keyed", version: 1 }, (flow: Flow<{ readonly n: number }>) =>
    flow.run("long", async () => {
      begun += 1;
      await delay(300);
    }),
  );
  const host = await hostOn(failing, { workflows: [workflow] });
  t.after(() => host.stop());
  const run = await host.startWorkflow(workflow, { n: 1 }, { key: "k" });
  isFailing = true;
  assert.equal((await host.startWorkflow(workflow, { n: 1 }, { key: "k" })).id, run.id);
  isFailing = true;
  await assert.rejects(host.startWorkflow(workflow, { n: 2 }, { key: "k" }), { code: "KEY_CONFLICT" });
  await run.result();
  assert.equal(begun, 1);
});

test("starts with one key that wait for each other begin one run, whatever answers are lost", async (t) => {
  const store = memory();
  let calls = 0;
  const failing = over(store, {
    instances: over(store.instances, {
      start: async (owner, batch, lane) => {
        calls += 1;
        if (calls === 1) {
          await delay(50); // the others come meanwhile
          throw new PersistenceError("refused", "permanent");
        }
        const reply = await store.instances.start(owner, batch, lane);
        if (calls === 2) throw lost();
        return reply;
      },
    }),
  });
  let begun = 0;
  const workflow = defineWorkflow({ id: "keyed", version: 1 }, (flow: Flow<object>) =>
    flow.run("long", async () => {
      begun += 1;
      await delay(200);
    }),
  );
  const host = await hostOn(failing, { workflows: [workflow] });
  t.after(() => host.stop());
  const starts = await Promise.allSettled([1, 2, 3].map(() => host.startWorkflow(workflow, {}, { key: "k" })));
  assert.deepEqual(
    starts.map(({ status }) => status),
    ["rejected", "fulfilled", "fulfilled"],
  );
  for (const start of starts) if (start.status === "fulfilled") await start.value.result();
  assert.equal(begun, 1);
});

test("a start that is sent again is not taken for another with its key", async () => {
  const store = memory();
  const env = systemEnvironment();
  const owner = await liveNode(store);
  const one = await start(store, owner, { inputHash: "its data" });
  let isFirst = true;
  const failing = over(store, {
    instances: over(store.instances, {
      start: async (node, batch, lane) => {
        if (!isFirst) return store.instances.start(node, batch, lane);
        isFirst = false;
        throw lost();
      },
    }),
  });
  const { signal } = new AbortController();
  const clock = new DatabaseClock(env);
  const committer = new Committer({ store: failing, env, clock, owner, signal, holds: () => false });
  const started = await committer.start({ ...one, inputHash: "other data" });
  assert.equal(started.kind, "existing");
});

test("a transactional step is not begun again for a run that was asked to stop during its pause", async (t) => {
  const store = memory();
  let transactions = 0;
  const failing = over(store, {
    instances: over(store.instances, {
      transact: async (work) => {
        transactions += 1;
        if (transactions > 1) return store.instances.transact(work);
        await run.terminate("enough");
        await delay(50); // its host reads the inbox
        throw lost();
      },
    }),
  });
  let begun = 0;
  const charge = transactionalStep("charge", async (_: unknown) => void (begun += 1));
  const workflow = defineWorkflow({ id: "charging", version: 1 }, (flow: Flow<object>) =>
    flow.run("first", () => delay(20)).then(charge),
  );
  const host = await hostOn(failing, { workflows: [workflow] });
  t.after(() => host.stop());
  const run = await host.startWorkflow(workflow, {});
  await assert.rejects(run.result(), { code: "WORKFLOW_TERMINATED" });
  assert.deepEqual({ begun, transactions }, { begun: 0, transactions: 1 });
});

test("a timer that is set while the next one is asked for is not forgotten for a later one", async (t) => {
  const store = memory();
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let held = (): void => undefined;
  const isAsking = new Promise<void>((resolve) => (held = resolve));
  let asks = 0;
  const late = over(store, {
    instances: over(store.instances, {
      nextDue: async (definitions) => {
        const answer = await store.instances.nextDue(definitions);
        asks += 1;
        if (asks > 1) return answer;
        held();
        await released;
        return answer;
      },
    }),
  });
  const workflow = defineWorkflow({ id: "timers", version: 1 }, (flow: Flow<{ readonly ms: number }>) =>
    flow.delay(({ ms }) => ms).returns(() => performance.now()),
  );
  const host = await hostOn(late, { workflows: [workflow], pollMs: 20_000 });
  t.after(() => host.stop());
  await isAsking;
  const began = performance.now();
  const soon = await host.startWorkflow(workflow, { ms: 2_500 });
  await delay(100); // it has parked
  release();
  await delay(50);
  await host.startWorkflow(workflow, { ms: 15_000 });
  const took = (await soon.result()) - began;
  assert.ok(took < 8_000, `a timer of 2.5 s took ${took} ms`);
});
