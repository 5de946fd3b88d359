import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createHost, defineWorkflow, type Flow } from "../../src/index.ts";
import { faultyPersistence } from "../support/faulty-store.ts";
import { freshDatabase } from "../support/database.ts";

const hello = defineWorkflow({ id: "hello", version: 1 }, (flow: Flow<object>) => flow.run("greet", () => 1));

test("an idle node asks its database for hardly more than one thing a second", async () => {
  const database = await freshDatabase();
  const persistence = faultyPersistence(database.url);
  const host = createHost({ workflows: [hello], persistence });
  await host.start();
  await sleep(500);
  const count = (): number => [...persistence.database.sent.values()].reduce((sum, n) => sum + n, 0);
  const before = count();
  const began = performance.now();
  await sleep(6_000);
  const perSecond = (count() - before) / ((performance.now() - began) / 1000);
  assert.ok(
    perSecond <= 1.5,
    `${perSecond.toFixed(2)} statements a second: ${JSON.stringify([...persistence.database.sent])}`,
  );
  await host.stop();
  await database.drop();
});
