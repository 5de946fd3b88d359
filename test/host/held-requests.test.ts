import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, event, type Flow } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { Loop } from "../../src/host/loop.ts";
import { systemEnvironment } from "../../src/models/environment.ts";
import { PersistenceError } from "../../src/models/errors-storage.ts";
import { bucketOf } from "../../src/models/identity.ts";
import { eventually } from "../support/clocked-stores.ts";
import { hostOn } from "../support/mortal.ts";
import { over } from "../support/over.ts";

test(
  "a run that cannot be taken for a request, since its row is held, holds up no other",
  { timeout: 15_000 },
  async (t) => {
    const { store } = new MemoryPersistenceProvider();
    let refused = 0;
    const held = over(store, {
      instances: over(store.instances, {
        claimOne: async () => {
          refused += 1;
          throw new PersistenceError("held", "conflict", { sqlState: "55P03" });
        },
      }),
    });
    const called = event("called");
    const workflow = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<{ readonly key: string }>) =>
      flow.waitFor(called, { key: ({ key }) => key }).returns(() => "heard"),
    );
    const host = await hostOn(held, { workflows: [workflow] });
    t.after(() => host.stop());
    const [stopped, other] = [
      await host.startWorkflow(workflow, { key: "a" }),
      await host.startWorkflow(workflow, { key: "b" }),
    ];
    const refs = [stopped, other].map(({ id }) => ({ id, bucket: bucketOf(id, store.buckets) }));
    await eventually(async () => (await store.instances.look(refs)).every(({ owner }) => owner === null), "both rest");
    await stopped.terminate("enough");
    await eventually(() => refused > 0, "its row was asked for");
    await host.publishEvent(called, "b");
    assert.equal(await other.result(), "heard");
  },
);

test("a loop that is stopped twice while it works answers both", { timeout: 5_000 }, async () => {
  let release = (): void => undefined;
  const loop = new Loop(systemEnvironment(), "Testing", async () => {
    await new Promise<void>((resolve) => (release = resolve));
    return 1_000;
  });
  loop.start();
  const stopped = Promise.all([loop.stop(), loop.stop()]);
  release();
  await stopped;
});
