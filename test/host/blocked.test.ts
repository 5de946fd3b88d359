import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, type Flow } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { hostOn, LocalBus, viewOf } from "../support/mortal.ts";
import { over } from "../support/over.ts";

const rare = defineWorkflow({ id: "rare", version: 1 }, (flow: Flow<object>) => flow.run("work", () => 1));
const common = defineWorkflow({ id: "common", version: 1 }, (flow: Flow<object>) => flow.run("work", () => 1));

test(
  "a run is not left blocked if a node that can run it starts in the middle of another one's sweep",
  { timeout: 15_000 },
  async (t) => {
    const { store } = new MemoryPersistenceProvider();
    const bus = new LocalBus();
    let swept = (): void => undefined;
    const sweep = new Promise<void>((resolve) => (swept = resolve));
    const starter = await hostOn(viewOf(store, bus), { workflows: [rare], concurrency: 0 });
    const run = await starter.startWorkflow(rare, {});
    await starter.stop();

    // It registers and has looked for what is blocked, and claims only after the other's sweep has blocked what was nobody's before.
    let looks = 0;
    const patient = over(viewOf(store, bus), {
      instances: over(store.instances, {
        claim: (request) => sweep.then(() => store.instances.claim(request)),
        unblock: (definitions, limit) => store.instances.unblock(definitions, limit).finally(() => (looks += 1)),
      }),
    });
    let blocked = 0;
    const sweeping = over(viewOf(store, bus), {
      instances: over(store.instances, {
        block: async (known, limit) => {
          if (blocked > 0) return store.instances.block(known, limit);
          const late = await hostOn(patient, { workflows: [rare] });
          t.after(() => late.stop());
          while (looks < 2) await new Promise((resolve) => setTimeout(resolve, 5)); // as it starts, and in its first sweep
          blocked = await store.instances.block(known, limit);
          setTimeout(swept, 100);
          return blocked;
        },
      }),
    });
    const host = await hostOn(sweeping, { workflows: [common] });
    t.after(() => host.stop());
    await sweep;
    await host.getRun(run.id).result();
    assert.equal(blocked, 1);
  },
);

test("what nobody can run is set aside, even while no events can be swept", { timeout: 15_000 }, async (t) => {
  const { store } = new MemoryPersistenceProvider();
  const starter = await hostOn(store, { workflows: [rare], concurrency: 0 });
  await starter.startWorkflow(rare, {});
  await starter.stop();
  const blocked = new Promise<number>((resolve) => {
    const hindered = over(store, {
      events: over(store.events, { undelivered: () => Promise.reject(new Error("a row is damaged")) }),
      instances: over(store.instances, {
        block: async (known, limit) => {
          const count = await store.instances.block(known, limit);
          resolve(count);
          return count;
        },
      }),
    });
    void hostOn(hindered, { workflows: [common] }).then((host) => t.after(() => host.stop()));
  });
  assert.equal(await blocked, 1);
});
