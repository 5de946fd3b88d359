import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createHost, defineWorkflow, type Flow } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import type { Wake } from "../../src/persistence/provider.ts";
import { until } from "../chaos/arena.ts";
import { type FreshDatabase, freshDatabase } from "../support/database.ts";

let database: FreshDatabase;
before(async () => {
  database = await freshDatabase();
});
after(() => database.drop());

const order = { workflowDefinitionId: "order" };
const open = (): PostgresPersistenceProvider => new PostgresPersistenceProvider(database.url);

test("other processes are told of what records end and make due", async () => {
  const [persistence, other] = [open(), open()];
  await Promise.all([persistence.initialize(), other.initialize()]);
  const heard: Wake[] = [];
  await other.store.wakes?.listen((wake) => heard.push(wake));
  const told = async (act: () => Promise<unknown>): Promise<readonly Wake[]> => {
    heard.length = 0;
    await act();
    await until("hints arrive", () => heard.length > 0);
    return [...heard];
  };
  const [a, b, c, d] = await persistence.createWorkflowInstances([order, order, order, order]);
  assert.ok(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
  await until("the births are told", () => heard.length > 0);
  const end = (id: string) => ({ id, status: "Complete" }) as const;
  const ended = (...ids: readonly string[]): Wake => ({ kind: "ended", ids });
  assert.deepEqual(await told(() => persistence.updateWorkflowInstance(end(a.id))), [ended(a.id)]);
  const inTransaction = persistence.executeTransaction.bind(persistence);
  assert.deepEqual(await told(() => inTransaction((tx) => tx.updateWorkflowInstances([end(b.id), end(c.id)]))), [
    ended(b.id, c.id),
  ]);
  assert.deepEqual(await told(() => persistence.updateWorkflowInstance({ id: d.id, data: 1 })), [{ kind: "due" }]);
  await persistence.createEvent({ eventName: "paid", eventKey: d.id });
  const wait = { workflowId: d.id, path: "wait", eventName: "paid", eventKey: d.id };
  assert.deepEqual(await told(() => persistence.createSubscription(wait)), [{ kind: "due" }]);
  assert.deepEqual(await told(() => persistence.deleteWorkflowInstance(d.id)), [ended(d.id)]);
  await Promise.all([persistence.close(), other.close()]);
});

const bodies = new Map<string, { readonly signal: AbortSignal; readonly go: () => void }>();
const stubborn = defineWorkflow({ id: "stubborn", version: 1 }, (flow: Flow<number>) =>
  flow.run(
    "wait",
    (_, { signal, instanceId }) =>
      new Promise<void>((resolve) => {
        bodies.set(instanceId, { signal, go: resolve });
      }),
  ),
);

test("a body whose run is ended by a record elsewhere is told to stop, and those who wait for the run hear of its end", async () => {
  const [persistence, other] = [open(), open()];
  await other.initialize();
  const host = createHost({ persistence, workflows: [stubborn] });
  await host.start();
  const run = await host.startWorkflow(stubborn, 1);
  const result = run.result();
  await until("the body runs", () => bodies.has(run.id));
  await other.updateWorkflowInstance({ id: run.id, status: "Complete", result: "by hand" });
  assert.equal(await result, "by hand"); // while the body ignores its signal
  assert.equal(bodies.get(run.id)?.signal.aborted, true);
  bodies.get(run.id)?.go();
  await host.stop();
  await other.close();
});
