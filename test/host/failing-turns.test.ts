import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, type Flow } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import type { EngineStore } from "../../src/persistence/provider.ts";
import { hostOn, LocalBus, viewOf } from "../support/mortal.ts";
import { over } from "../support/over.ts";

const simple = defineWorkflow({ id: "simple", version: 1 }, (flow: Flow<{ readonly name: string }>) =>
  flow.run("work", () => 1),
);

test("a run whose turns fail for an unknown reason is tried again now and then, and others go on meanwhile", async (t) => {
  const { store }: { readonly store: EngineStore } = new MemoryPersistenceProvider();
  const cursed = new Set<string>();
  let tries = 0;
  const broken = over(viewOf(store, new LocalBus()), {
    instances: over(store.instances, {
      commit: async (batch, lane) => {
        if (!batch.some(({ id }) => cursed.has(id))) return store.instances.commit(batch, lane);
        tries += 1;
        throw new Error("nobody foresaw this");
      },
    }),
  });
  const host = await hostOn(broken, { workflows: [simple] });
  t.after(() => host.stop());
  const starter = await hostOn(viewOf(store, new LocalBus()), { workflows: [simple], concurrency: 0 });
  t.after(() => starter.stop());
  const run = await starter.startWorkflow(simple, { name: "cursed" });
  cursed.add(run.id);
  let seen: number | undefined;
  setTimeout(() => (seen = tries), 1_600);
  while (seen === undefined) {
    await (await host.startWorkflow(simple, { name: "other" })).result(); // it may fail as well, in a batch with the cursed one
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(seen >= 1 && seen <= 5, `${seen} tries`);
  cursed.clear();
  await host.getRun(run.id).result();
});
