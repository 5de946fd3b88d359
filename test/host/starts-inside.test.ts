import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { createHost, defineWorkflow, type Flow, transactionalStep } from "workflow-core";
import { PglitePersistenceProvider } from "workflow-core/pglite";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { freshDatabase } from "../support/database.ts";

const timeout = 60_000;
const child = defineWorkflow({ id: "child", version: 1 }, (flow: Flow<{ readonly n: number }>) =>
  flow.returns(({ n }) => n),
);

test("a transactional step on PGlite may start what was started under this key before", { timeout }, async (t) => {
  const begin = transactionalStep("begin", async (_: unknown, { tx }) => {
    await host.startWorkflow(child, { n: 1 }, { key: "k", tx });
  });
  const parent = defineWorkflow({ id: "parent", version: 1 }, (flow: Flow<object>) =>
    flow.then(begin, { input: () => undefined, retry: { maxAttempts: 1 } }),
  );
  const host = createHost({ workflows: [parent, child], persistence: new PglitePersistenceProvider({}) });
  t.after(() => host.stop());
  await host.start();
  for (const _ of ["the first", "one that finds it"]) await (await host.startWorkflow(parent, {})).result();
  const before = await host.startWorkflow(child, { n: 1 }, { key: "k" });
  assert.equal(await before.result(), 1);
});

test("one key with other data is refused within the transaction that started its run", { timeout }, async (t) => {
  const database = await freshDatabase();
  t.after(() => database.drop());
  const host = createHost({ workflows: [child], persistence: new PostgresPersistenceProvider(database.url) });
  t.after(() => host.stop());
  await host.start();
  const tx = new pg.Client(database.url);
  tx.on("error", () => undefined); // its database is dropped
  await tx.connect();
  const conflict = { code: "KEY_CONFLICT" };
  await tx.query("begin");
  const first = await host.startWorkflow(child, { n: 1 }, { key: "k", tx });
  assert.equal((await host.startWorkflow(child, { n: 1 }, { key: "k", tx })).id, first.id);
  await assert.rejects(host.startWorkflow(child, { n: 2 }, { key: "k", tx }), conflict);
  const twice = [1, 2].map((n) => ({ data: { n }, key: "both" }));
  await assert.rejects(host.startWorkflows(child, twice, { tx }), conflict);
  await tx.query("commit");
  await tx.end();
  assert.equal(await first.result(), 1);
});
