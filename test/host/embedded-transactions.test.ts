import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createHost, defineWorkflow, event, type Flow, transactionalStep, WorkflowFailedError } from "workflow-core";
import type { CreateHostOptions, WorkflowHost } from "workflow-core";
import { PglitePersistenceProvider } from "workflow-core/pglite";

type Nothing = Readonly<Record<string, never>>;
type HostOptions = Omit<CreateHostOptions, "persistence"> & { readonly transactionMs?: number };

const timeout = 60_000;
const nothing = { input: (): undefined => undefined };

test("a plain step may end while a transactional one of its run has the only session", { timeout }, async (t) => {
  const began = deferred();
  const gate = deferred();
  let tries = 0;
  const charge = transactionalStep("charge", async () => {
    tries += 1;
    began.resolve();
    await gate.promise;
  });
  const workflow = defineWorkflow({ id: "beside", version: 1 }, (flow: Flow<Nothing>) =>
    flow.parallel({
      charge: (branch) => branch.then(charge, nothing),
      plain: (branch) =>
        branch.run("plain", async () => {
          await began.promise;
          setTimeout(() => gate.resolve(), 100); // this answer is decided, and waits to be committed
        }),
    }),
  );
  const host = await embedded(t, { workflows: [workflow] });
  await (await host.startWorkflow(workflow, {})).result();
  assert.equal(tries, 1);
});

test("a long transactional step may be marked as such while it has the only session", { timeout }, async (t) => {
  let tries = 0;
  const charge = transactionalStep("charge", async () => {
    tries += 1;
    await delay(300);
  });
  const workflow = defineWorkflow({ id: "marked", version: 1 }, (flow: Flow<Nothing>) => flow.then(charge, nothing));
  const host = await embedded(t, { workflows: [workflow], longStepMs: 20 });
  await (await host.startWorkflow(workflow, {})).result();
  assert.equal(tries, 1);
});

test(
  "an event and a request may come while a transactional step of their run has the only session",
  { timeout },
  async (t) => {
    const began = deferred();
    const gate = deferred();
    const paid = event<string>("paid");
    let tries = 0;
    const charge = transactionalStep("charge", async () => {
      tries += 1;
      began.resolve();
      await gate.promise;
    });
    const workflow = defineWorkflow({ id: "told", version: 1 }, (flow: Flow<Nothing>) =>
      flow.parallel({
        charge: (branch) => branch.then(charge, nothing),
        wait: (branch) => branch.waitFor(paid, { key: () => "k" }),
      }),
    );
    const host = await embedded(t, { workflows: [workflow] });
    const run = await host.startWorkflow(workflow, {});
    await began.promise;
    const told = [host.publishEvent(paid, "k", "in cash"), run.suspend("a moment"), run.resume()];
    setTimeout(() => gate.resolve(), 100);
    await Promise.all(told);
    await run.result();
    assert.equal(tries, 1);
  },
);

test(
  "a body that goes on after its transaction was cut is told so, and takes nothing from its run",
  { timeout },
  async (t) => {
    const told = deferred();
    const gate = deferred();
    const firstEnded = deferred();
    let bodies = 0;
    const slow = transactionalStep("slow", async (_: unknown, { signal }) => {
      bodies += 1;
      if (bodies > 1) return bodies;
      signal.addEventListener("abort", () => told.resolve());
      await gate.promise;
      setTimeout(() => firstEnded.resolve(), 50);
      return bodies;
    });
    const workflow = defineWorkflow({ id: "cut", version: 1 }, (flow: Flow<Nothing>) =>
      flow.then(slow, { ...nothing, retry: { maxAttempts: 2, initial: "1 second" } }).waitFor(event("go"), {
        key: () => "k",
      }),
    );
    const host = await embedded(t, { workflows: [workflow], transactionMs: 300 });
    const run = await host.startWorkflow(workflow, {});
    await told.promise;
    gate.resolve(); // before the second attempt
    await firstEnded.promise;
    await host.publishEvent(event("go"), "k");
    await run.result();
    assert.equal(bodies, 2);
  },
);

test(
  "a transaction that was cut is a failure of its attempt, and its step's policy says what follows",
  { timeout },
  async (t) => {
    const gate = deferred();
    t.after(() => gate.resolve());
    let bodies = 0;
    const slow = transactionalStep("slow", async () => {
      bodies += 1;
      await gate.promise;
    });
    const workflow = defineWorkflow({ id: "once", version: 1 }, (flow: Flow<Nothing>) =>
      flow.then(slow, { ...nothing, retry: { maxAttempts: 1 } }),
    );
    const host = await embedded(t, { workflows: [workflow], transactionMs: 200 });
    const run = await host.startWorkflow(workflow, {});
    await assert.rejects(run.result(), (error) => {
      assert.ok(error instanceof WorkflowFailedError);
      const { code, errorClass, path } = error.failure;
      assert.deepEqual(
        { code, errorClass, path },
        { code: "TRANSACTION_TOO_LONG", errorClass: "timeout", path: "slow" },
      );
      return true;
    });
    assert.equal(bodies, 1);
  },
);

async function embedded(t: TestContext, { transactionMs, ...options }: HostOptions): Promise<WorkflowHost> {
  const persistence = new PglitePersistenceProvider(transactionMs === undefined ? {} : { transactionMs });
  const host = createHost({ drainMs: 1_000, pollMs: 20, ...options, persistence });
  t.after(() => host.stop());
  await host.start();
  return host;
}

function deferred(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
