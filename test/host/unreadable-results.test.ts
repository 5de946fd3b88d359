import assert from "node:assert/strict";
import { test } from "node:test";
import { createHost, CorruptStateError, defineWorkflow, event, type Flow } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { freshDatabase, rowsOf } from "../support/database.ts";

const bell = event("bell");
const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<{ readonly key: string }>) =>
  flow.waitFor(bell, { key: ({ key }) => key }).returns(() => "heard"),
);

test("a row that cannot be read fails who waits for its result, and nobody else", { timeout: 25_000 }, async (t) => {
  const database = await freshDatabase();
  const hostWith = (concurrency: number) =>
    createHost({ workflows: [waiting], concurrency, persistence: new PostgresPersistenceProvider(database.url) });
  const [worker, asker] = [hostWith(10), hostWith(0)];
  await worker.start();
  await asker.start();
  t.after(async () => {
    await asker.stop();
    await worker.stop();
    await database.drop();
  });
  const keys = ["a", "b", "c", "d", "e"];
  const runs = await Promise.all(keys.map((key) => asker.startWorkflow(waiting, { key })));
  const [, , damaged] = runs;
  assert.ok(damaged !== undefined);
  await rowsOf(
    database.url,
    `update workflow_core.instance set status = 9, owner = null, due_at = null where id = '${damaged.id}'`,
  );
  const results = Promise.allSettled(runs.map((run) => run.result()));
  for (const key of keys) await asker.publishEvent(bell, key);
  const outcomes = await results;
  assert.deepEqual(
    outcomes.map((one) => (one.status === "fulfilled" ? one.value : one.reason instanceof CorruptStateError)),
    ["heard", "heard", true, "heard", "heard"],
  );
});
