import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { setTimeout as delay } from "node:timers/promises";
import { createHost, defineWorkflow, event, type Flow } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { freshDatabase } from "../support/database.ts";

const timeout = 25_000; // before anything gives up

const quick = defineWorkflow({ id: "quick", version: 1 }, (flow: Flow<object>) =>
  flow.run("only", () => "ok").returns(() => "ok"),
);
const slow = defineWorkflow({ id: "slow", version: 1 }, (flow: Flow<object>) =>
  flow.run("only", () => delay(500)).returns(() => "ok"),
);

const bell = event("bell");
const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<{ readonly key: string }>) =>
  flow.waitFor(bell, { key: ({ key }) => key }).returns(() => "heard"),
);
const later = defineWorkflow({ id: "later", version: 1 }, (flow: Flow<object>) =>
  flow.delay(2_500).returns(() => "ok"),
);

test("runs whose rows somebody else's transaction holds hold up no other run", { timeout }, async (t) => {
  const database = await freshDatabase();
  const host = createHost({ workflows: [quick, slow], persistence: new PostgresPersistenceProvider(database.url) });
  await host.start();
  const other = new pg.Client(database.url);
  await other.connect();
  t.after(async () => {
    await other.end();
    await host.stop();
    await database.drop();
  });
  const held = [];
  for (let n = 0; n < 3; n += 1) {
    held.push(await host.startWorkflow(slow, {}));
    await delay(50); // so that each goes in a batch of its own
  }
  await other.query("begin");
  const ids = held.map(({ id }) => id);
  await other.query("select from workflow_core.instance where id = any($1) for update", [ids]);
  await delay(800); // their transitions wait for the rows
  for (let lap = 0; lap < 5; lap += 1) {
    const began = performance.now();
    const run = await host.startWorkflow(quick, {});
    assert.equal(await run.result(), "ok");
    assert.ok(performance.now() - began < 5_000, `lap ${lap} took ${performance.now() - began} ms`);
  }
  await other.query("commit");
  for (const run of held) assert.equal(await run.result(), "ok");
});

test("an event and a request for a run whose row is held hold up no other run", { timeout }, async (t) => {
  const database = await freshDatabase();
  const persistence = new PostgresPersistenceProvider(database.url);
  const host = createHost({ workflows: [waiting, later], persistence });
  await host.start();
  const other = new pg.Client(database.url);
  await other.connect();
  t.after(async () => {
    await other.end();
    await host.stop();
    await database.drop();
  });
  const held = await host.startWorkflow(waiting, { key: "held" });
  await delay(300); // it rests
  await other.query("begin");
  await other.query("select from workflow_core.instance where id = $1 for update", [held.id]);
  await host.publishEvent(bell, "held");
  const asked = held.terminate();
  await delay(100);
  const began = performance.now();
  await host.publishEvent(bell, "nobody's");
  assert.equal(await (await host.startWorkflow(later, {})).result(), "ok");
  assert.ok(performance.now() - began < 10_000, `it took ${performance.now() - began} ms`);
  await other.query("commit");
  await asked;
});
