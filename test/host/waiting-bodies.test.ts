import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createHost, defineWorkflow, type Flow, transactionalStep } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { freshDatabase, rowsOf } from "../support/database.ts";

interface Numbered {
  readonly n: number;
}

const timeout = 60_000;

test("transactional steps wait for a session as long as it takes, in their order", { timeout }, async (t) => {
  const { workflow, begun, host, gate } = await crowdedHost(t);
  const runs = [];
  for (const n of [1, 2, 3, 4, 5, 6]) runs.push(await host.startWorkflow(workflow, { n }));
  await delay(4_000); // many times what a statement may take
  gate.resolve();
  for (const run of runs) await run.result();
  assert.deepEqual(begun, [1, 2, 3, 4, 5, 6]);
});

test("who waits for a session leaves when its run is to stop or its host does", { timeout }, async (t) => {
  const { workflow, begun, host, gate, url } = await crowdedHost(t);
  const first = await host.startWorkflow(workflow, { n: 1 });
  const terminated = await host.startWorkflow(workflow, { n: 2 });
  const suspended = await host.startWorkflow(workflow, { n: 3 });
  const left = await host.startWorkflow(workflow, { n: 4 });
  await terminated.terminate("enough");
  await assert.rejects(terminated.result(), { code: "WORKFLOW_TERMINATED" });
  await suspended.suspend("a moment");
  await until(async () => (await suspended.status()) === "Suspended");
  const stopped = host.stop();
  const owners = "select owner from workflow_core.instance where id = $1 and owner is not null";
  await until(async () => (await rowsOf(url, owners, [left.id])).length === 0);
  assert.deepEqual(begun, [1]); // which has the only session all the while
  gate.resolve();
  await stopped;
  assert.deepEqual(begun, [1]);
  const next = createHost({ workflows: [workflow], persistence: new PostgresPersistenceProvider(url) });
  t.after(() => next.stop());
  await next.start();
  for (const { id } of [first, left]) await next.getRun(id).result();
  assert.deepEqual(begun, [1, 4]);
});

/** A host with so few connections that one transactional step runs at a time: until the gate opens, the first one. */
async function crowdedHost(t: TestContext) {
  const database = await freshDatabase();
  t.after(() => database.drop());
  const gate = deferred();
  t.after(() => gate.resolve());
  const begun: number[] = [];
  const charge = transactionalStep("charge", async (n: number) => {
    begun.push(n);
    await gate.promise;
  });
  const workflow = defineWorkflow({ id: "crowded", version: 1 }, (flow: Flow<Numbered>) =>
    flow.then(charge, { input: ({ n }) => n, retry: { maxAttempts: 1 } }),
  );
  const persistence = new PostgresPersistenceProvider({ url: database.url, maxConnections: 8, deadlineMs: 300 });
  const host = createHost({ workflows: [workflow], persistence, drainMs: 600_000, pollMs: 100 });
  t.after(() => host.stop());
  await host.start();
  return { workflow, begun, host, gate, url: database.url };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(20);
}

function deferred(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
