import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, type Flow } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import type { EngineStore, WakeBus } from "../../src/persistence/provider.ts";
import { eventually } from "../support/clocked-stores.ts";
import { hostOn } from "../support/mortal.ts";
import { over } from "../support/over.ts";

const hourMs = 3_600_000;

/** Hints arrive, as far as anybody can tell: polling is only the net. */
const hinted: WakeBus = { listen: async () => true, send: async () => undefined };

test("a tick that waits for the end of a run is carried out within pollMs, also where hints arrive", async (t) => {
  let now = Date.parse("2026-01-01T00:00:00Z");
  const { store }: { readonly store: EngineStore } = new MemoryPersistenceProvider({ clock: () => now });
  let began = 0;
  let letGo: () => void = () => undefined;
  const mayEnd = new Promise<void>((resolve) => (letGo = resolve));
  const work = defineWorkflow({ id: "work", version: 1 }, (flow: Flow<object>) =>
    flow.run("work", async () => {
      began += 1;
      await mayEnd;
    }),
  );
  const host = await hostOn(over(store, { wakes: hinted }), { workflows: [work], pollMs: 20 });
  t.after(() => host.stop());
  const hourly = { workflow: work, data: {}, every: "1 hour", overlap: "queue", catchUp: "all" } as const;
  await host.schedules.create({ id: "hourly", ...hourly });
  now += 2 * hourMs;
  await host.schedules.create({ id: "another", ...hourly }); // looks at what is due
  await eventually(() => began === 1, "the first tick has started its run");
  letGo();
  await eventually(() => began === 2, "the second tick has started its run");
  assert.equal((await host.schedules.get("hourly"))?.started, 2);
});
