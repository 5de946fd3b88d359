import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, event, type Flow, PermanentError, type StepContext, transactionalStep } from "workflow-core";
import { inEveryWay, sqlStores } from "../support/stores.ts";

interface Job {
  readonly id: string;
}

const go = event("go");
/** Which of a run's steps are about to be committed. */
let isWritten = (_runId: string, _path: string): boolean => false;

const win = transactionalStep("win", async (_: unknown, { tx }) => {
  await tx.query("select 1");
  return 1;
});

/** Fails while the commit of what won is under way: its failure is decided before the winner's value was read. */
async function failLate(_: unknown, { instanceId, signal }: StepContext): Promise<never> {
  while (!isWritten(instanceId, "parallel/wins/win") && !signal.aborted) await new Promise(setImmediate);
  throw new PermanentError("too late to matter");
}

/** It was claimed anew behind its wait, so that not all of it is in memory. */
const joining = defineWorkflow({ id: "joining", version: 1 }, (flow: Flow<Job>) =>
  flow
    .waitFor(go, { key: ({ id }) => id })
    .parallel(
      { wins: (branch) => branch.then(win), fails: (branch) => branch.run("fails", failLate) },
      { join: "first", rest: "absorb", as: "joined" },
    )
    .returns((_, { joined }) => joined.wins),
);

inEveryWay(
  "A join that was won",
  [joining],
  (host, store, mode) => {
    test("does not mind who fails while its value is still being read", async () => {
      isWritten = (id, path) =>
        store.transitionsOf(id).some(({ pointers }) => pointers.some((row) => row.path === path));
      const id = `${store.name} ${mode}`;
      const run = await host().startWorkflow(joining, { id });
      while (!store.transitionsOf(run.id).some(({ subscribe }) => subscribe.length > 0))
        await new Promise(setImmediate);
      await host().publishEvent(go, id);
      assert.deepEqual(await run.result(), { status: "done", value: 1 });
    });
  },
  sqlStores,
);
