import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { createHost, defineWorkflow, event, type Flow } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import type { EngineStore } from "../../src/persistence/provider.ts";
import { eventRow, refOf } from "../stores/rows.ts";
import { eventually } from "../support/clocked-stores.ts";
import { freshDatabase } from "../support/database.ts";
import { hostOn, LocalBus, viewOf } from "../support/mortal.ts";
import { over } from "../support/over.ts";

const timeout = 20_000;
const go = event<number>("go");

test("an event that comes while a claimed run looks does not overtake one that it has", { timeout }, async (t) => {
  const { store }: { readonly store: EngineStore } = new MemoryPersistenceProvider();
  const two = defineWorkflow({ id: "two", version: 1 }, (flow: Flow<object>) =>
    flow
      .waitFor(go, { key: () => "k", timeout: "2500 ms", name: "one", as: "first" })
      .waitFor(go, { key: () => "k", name: "another", as: "second" })
      .returns((_, { first, second }) => [first, second]),
  );
  const before = await hostOn(store, { workflows: [two] });
  const { id } = await before.startWorkflow(two, {});
  await eventually(async () => (await store.instances.look([refOf(id)]))[0]?.owner === null, "it rests");
  await before.stop();
  const given = eventRow("k", { name: "go", data: "1" });
  await store.events.publish([given]);
  await store.events.deliver([given]);
  await sleep(2_500); // its time is over as well
  let looks = 0;
  const look: EngineStore["events"]["look"] = async (batch) => {
    const answer = await store.events.look(batch);
    looks += 1;
    if (looks > 1) return answer;
    await host.publishEvent(go, "k", 2);
    await sleep(200);
    return answer;
  };
  const view = over(viewOf(store, new LocalBus()), { events: over(store.events, { look }) });
  const host = await hostOn(view, { workflows: [two] });
  t.after(() => host.stop());
  assert.deepEqual(await host.getRun(id).result(), [1, 2]);
  assert.ok(looks > 0);
});

test("a wait whose time is over looks once, however much another branch moves meanwhile", { timeout }, async (t) => {
  const { store }: { readonly store: EngineStore } = new MemoryPersistenceProvider();
  const beside = defineWorkflow({ id: "beside", version: 1 }, (flow: Flow<object>) =>
    flow.parallel({
      loop: (branch) =>
        branch.while(
          (_, { lap }) => lap <= 60,
          (lap) => lap.run("beat", () => sleep(5)),
        ),
      wait: (branch) => branch.waitFor(go, { key: () => "k", timeout: 100 }),
    }),
  );
  let looks = 0;
  const look: EngineStore["events"]["look"] = async (batch) => {
    looks += 1;
    await sleep(200);
    return store.events.look(batch);
  };
  const host = await hostOn(over(store, { events: over(store.events, { look }) }), { workflows: [beside] });
  t.after(() => host.stop());
  const run = await host.startWorkflow(beside, {});
  await assert.rejects(run.result()); // nothing came in time
  assert.equal(looks, 2, "as it began to wait, and as its time was over");
});

test("an event of a record is delivered soon after a lock that held it up is given up", { timeout }, async (t) => {
  const database = await freshDatabase();
  t.after(() => database.drop());
  const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<object>) =>
    flow.waitFor(go, { key: () => "k" }),
  );
  const persistence = new PostgresPersistenceProvider(database.url);
  const host = createHost({ workflows: [waiting], persistence });
  await host.start();
  t.after(() => host.stop());
  const run = await host.startWorkflow(waiting, {});
  const holder = new pg.Client(database.url);
  await holder.connect();
  await eventually(async () => {
    const { rowCount } = await holder.query("select from workflow_core.subscription where looked");
    return rowCount === 1;
  }, "it waits");
  await holder.query("begin");
  await holder.query("select from workflow_core.instance where id = $1 for no key update", [run.id]);
  const freed = sleep(1_500)
    .then(() => holder.query("rollback"))
    .then(() => holder.end());
  await persistence.createEvent({ eventName: "go", eventKey: "k", eventData: 1 });
  await Promise.all([run.result(), freed]); // the sweep would find it after half a minute
});
