import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { defineWorkflow, type Flow } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { PersistenceError } from "../../src/models/errors-storage.ts";
import type { EventStore } from "../../src/persistence/event-store.ts";
import type { EngineStore } from "../../src/persistence/provider.ts";
import { eventRow, sorted } from "../stores/rows.ts";
import { eventually } from "../support/clocked-stores.ts";
import { hostOn, LocalBus, viewOf } from "../support/mortal.ts";
import { over } from "../support/over.ts";

const any = defineWorkflow({ id: "any", version: 1 }, (flow: Flow<object>) => flow.run("work", () => undefined));

/** A store with a host, and with so many events that their publishers left; tells of them as a publisher would. */
async function left(t: TestContext, count: number, change: (real: EventStore) => Partial<EventStore> = () => ({})) {
  const { store }: { readonly store: EngineStore } = new MemoryPersistenceProvider();
  const bus = new LocalBus();
  const events = over(store.events, change(store.events));
  const host = await hostOn(viewOf(over(store, { events }), bus), { workflows: [any], pollMs: 60_000 });
  t.after(() => host.stop());
  const rows = sorted(Array.from({ length: count }, (_, n) => eventRow(`${n}`)));
  await store.events.publish(rows);
  return {
    rows,
    tell: () => bus.send([{ kind: "events" }]),
    undelivered: async () => (await store.events.undelivered(0, count)).map(({ id }) => id),
  };
}

test("all that was left is delivered at once, however much it is", async (t) => {
  const { tell, undelivered } = await left(t, 1_700);
  await tell();
  await eventually(async () => (await undelivered()).length === 0, "all are delivered");
});

test("what cannot be delivered costs the others nothing", async (t) => {
  let damaged: readonly string[] = [];
  const { rows, tell, undelivered } = await left(t, 200, (real) => ({
    deliver: async (batch) => {
      if (batch.some(({ id }) => damaged.includes(id)))
        throw new PersistenceError("a row is damaged", "permanent", { sqlState: "XX001" });
      return real.deliver(batch);
    },
  }));
  damaged = rows.filter((_, n) => n % 50 === 3).map(({ id }) => id);
  await tell();
  await eventually(async () => (await undelivered()).length === damaged.length, "the others are delivered");
  assert.deepEqual(await undelivered(), damaged);
});

test("what waits for somebody's lock holds up no other, and is delivered when that is given up", async (t) => {
  let locked: string | undefined;
  const { rows, tell, undelivered } = await left(t, 30, (real) => ({
    deliver: async (batch) => {
      if (batch.some(({ id }) => id === locked))
        throw new PersistenceError("the lock was not free in time", "transient", { sqlState: "55P03" });
      return real.deliver(batch);
    },
  }));
  locked = rows[7]?.id;
  await tell();
  await eventually(async () => (await undelivered()).length === 1, "the others are delivered");
  await tell(); // it is not taken up twice
  locked = undefined;
  await eventually(async () => (await undelivered()).length === 0, "it is delivered as well");
});
