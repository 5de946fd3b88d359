import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, event, type Flow } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import type { EngineStore } from "../../src/persistence/provider.ts";
import { eventRow, refOf } from "../stores/rows.ts";
import { liveNode } from "../stores/world.ts";
import { eventually, pause } from "../support/clocked-stores.ts";
import { hostOn, LocalBus, viewOf } from "../support/mortal.ts";
import { over } from "../support/over.ts";

const order = event<number>("order");
const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<object>) =>
  flow.waitFor(order, { key: () => "7", as: "told" }).returns((_, { told }) => told),
);

test(
  "what a dead node had published is delivered, though the one that found it dead died before it looked",
  { timeout: 15_000 },
  async (t) => {
    const { store }: { readonly store: EngineStore } = new MemoryPersistenceProvider();
    let looks = 0;
    const counted = over(store, {
      nodes: over(store.nodes, {
        list: () => {
          looks += 1;
          return store.nodes.list();
        },
      }),
    });
    const times = { beatMs: 100, staleMs: 2_000, deadMs: 3_000 };
    const host = await hostOn(viewOf(counted, new LocalBus()), { workflows: [waiting], pollMs: 60_000, times });
    t.after(() => host.stop());
    const dead = await liveNode(store);
    await eventually(() => looks >= 4, "the host has seen the other node");
    const run = await host.startWorkflow(waiting, {});
    const rests = async (): Promise<boolean> => (await store.instances.look([refOf(run.id)]))[0]?.owner === null;
    await eventually(rests, "the run waits");
    await pause(); // it has looked for events

    await store.events.publish([eventRow("7", { name: "order", data: "1" })]);
    const row = (await store.nodes.list()).find(({ id }) => id === dead);
    assert.ok(row !== undefined && (await store.nodes.declareDead(dead, row.beat, 0)));

    assert.equal(await run.result(), 1);
  },
);
