import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createHost, defineWorkflow, type Flow, transactionalStep, type WorkflowHost } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { freshDatabase, type FreshDatabase, rowsOf } from "../support/database.ts";

const timeout = 20_000;

/** Ends after it was told to stop, as if it had not heard. */
const stubborn = async (signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) await delay(5);
  await delay(50);
};

describe("a run that is asked to end while its last body runs, and does not heed its signal", () => {
  let begun: () => void;
  let undone: string[];
  const workflow = defineWorkflow({ id: "stubborn", version: 1 }, (flow: Flow<object>) =>
    flow
      .run("first", () => 1, { compensateWith: () => void undone.push("first") })
      .run(
        "last",
        async (_, { signal }) => {
          begun();
          await stubborn(signal);
        },
        { compensateWith: () => void undone.push("last") },
      ),
  );
  let host: WorkflowHost;
  before(async () => {
    host = createHost({ workflows: [workflow], persistence: new MemoryPersistenceProvider() });
    await host.start();
  });
  after(() => host.stop());

  for (const [kind, expected] of [
    ["terminate", []],
    ["compensate", ["last", "first"]],
  ] as const) {
    test(`${kind} holds, whatever the body answers`, { timeout }, async () => {
      undone = [];
      const running = new Promise<void>((resolve) => (begun = resolve));
      const run = await host.startWorkflow(workflow, {});
      await running;
      assert.equal(await run[kind](), true);
      await assert.rejects(run.result(), { code: "WORKFLOW_TERMINATED" });
      assert.deepEqual(undone, expected);
    });
  }
});

describe("a run that is asked to end while its last step's transaction is open", () => {
  let database: FreshDatabase;
  let host: WorkflowHost;
  let begun: () => void;
  const book = transactionalStep("book", async (_: object, { tx, signal }) => {
    await tx.query("insert into booked values (1)");
    begun();
    await stubborn(signal);
  });
  const workflow = defineWorkflow({ id: "booking", version: 1 }, (flow: Flow<object>) => flow.then(book));
  before(async () => {
    database = await freshDatabase();
    await rowsOf(database.url, "create table booked (n int)");
    host = createHost({ workflows: [workflow], persistence: new PostgresPersistenceProvider(database.url) });
    await host.start();
  });
  after(async () => {
    await host.stop();
    await database.drop();
  });

  test("is terminated, and nothing of the step holds", { timeout }, async () => {
    const running = new Promise<void>((resolve) => (begun = resolve));
    const run = await host.startWorkflow(workflow, {});
    await running;
    assert.equal(await run.terminate(), true);
    await assert.rejects(run.result(), { code: "WORKFLOW_TERMINATED" });
    assert.deepEqual(await rowsOf(database.url, "select n from booked"), []);
  });
});
