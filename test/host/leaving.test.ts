import assert from "node:assert/strict";
import { test } from "node:test";
import { createHost, defineWorkflow, type Flow, PermanentError, step, transactionalStep } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { freshDatabase, rowsOf, runOnce } from "../support/database.ts";

type Nothing = Readonly<Record<string, never>>;

/** Longer than any of these tests may take: who waits for the drain to run out fails. */
const drainMs = 600_000;
const timeout = 60_000;

test(
  "a run whose transactional step ends while the host leaves is given away before the next step",
  { timeout },
  async (t) => {
    const database = await freshDatabase();
    t.after(() => database.drop());
    const began = deferred();
    const gate = deferred();
    let laterRan = false;
    const slow = transactionalStep("slow", async (_: unknown) => {
      began.resolve();
      await gate.promise;
    });
    const later = transactionalStep("later", async (_: unknown) => void (laterRan = true));
    const workflow = defineWorkflow({ id: "leaving", version: 1 }, (flow: Flow<Nothing>) =>
      flow.then(slow).then(later),
    );
    const host = hostOf(database.url, [workflow]);
    await host.start();
    const run = await host.startWorkflow(workflow, {});
    await began.promise;
    const stopped = host.stop();
    setTimeout(() => gate.resolve(), 100);
    await stopped;
    assert.equal(laterRan, false);
    const next = hostOf(database.url, [workflow]);
    t.after(() => next.stop());
    await next.start();
    await next.getRun(run.id).result();
    assert.equal(laterRan, true);
  },
);

test("steps that fail side by side do not keep a host from leaving", { timeout }, async (t) => {
  const database = await freshDatabase();
  t.after(() => database.drop());
  const undoing = deferred();
  const recall = step("recall", async (_: unknown) => {
    undoing.resolve();
    throw new Error("nobody answers");
  });
  const ship = step("ship", async (_: number) => {
    throw new PermanentError("nobody lives there");
  });
  const workflow = defineWorkflow({ id: "failing", version: 1 }, (flow: Flow<{ readonly items: readonly number[] }>) =>
    flow.saga((saga) =>
      saga.forEach(
        ({ items }) => items,
        (each) =>
          each.then(ship, {
            input: (_, { item }) => item,
            compensateWith: recall,
            retry: { maxAttempts: 5, initial: "1 hour", max: "1 hour" },
          }),
      ),
    ),
  );
  const host = hostOf(database.url, [workflow]);
  await host.start();
  await host.startWorkflow(workflow, { items: [1, 2, 3, 4] });
  await undoing.promise;
  await host.stop();
});

test("a suspect whose step is known to have begun runs again", { timeout }, async (t) => {
  const database = await freshDatabase();
  t.after(() => database.drop());
  const began = deferred();
  let isGone = false;
  const long = step("long", async (_: unknown, { signal }) => {
    began.resolve();
    if (isGone) return;
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));
  });
  const workflow = defineWorkflow({ id: "suspect", version: 1 }, (flow: Flow<Nothing>) => flow.then(long));
  const host = hostOf(database.url, [workflow], { longStepMs: 100, drainMs: 500 }); // long enough for the row that says it runs
  await host.start();
  const run = await host.startWorkflow(workflow, {});
  await began.promise;
  await host.stop();
  isGone = true;
  await runOnce(database.url, "update workflow_core.instance set crashes = 2");
  const next = hostOf(database.url, [workflow]);
  t.after(() => next.stop());
  await next.start();
  await next.getRun(run.id).result();
});

test(
  "a transactional step that ignores its signal does not keep a host from stopping",
  { timeout: 30_000 },
  async (t) => {
    const database = await freshDatabase();
    t.after(() => database.drop());
    await runOnce(database.url, "create table ledger (step text)");
    const began = deferred();
    const gate = deferred();
    const deaf = transactionalStep("deaf", async (_: unknown, { tx }) => {
      await tx.query("insert into ledger values ('deaf')");
      began.resolve();
      await gate.promise;
      await tx.query("insert into ledger values ('late')");
    });
    const workflow = defineWorkflow({ id: "deaf", version: 1 }, (flow: Flow<Nothing>) => flow.then(deaf));
    const host = hostOf(database.url, [workflow], { drainMs: 100 });
    await host.start();
    await host.startWorkflow(workflow, {});
    await began.promise;
    await host.stop();
    gate.resolve();
    assert.deepEqual(await rowsOf(database.url, "select * from ledger"), []);
  },
);

const hostOf = (url: string, workflows: readonly object[], options: object = {}) =>
  createHost({ workflows, persistence: new PostgresPersistenceProvider(url), drainMs, ...options });

function deferred(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
