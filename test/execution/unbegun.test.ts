import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, type Flow, PermanentError, step, type StepContext } from "workflow-core";
import { inEveryWay } from "../support/stores.ts";

interface Job {
  readonly id: string;
}

const undone: string[] = [];
const begun: string[] = [];

const ship = step(
  "ship",
  ({ to }: { readonly to: string }, { instanceId }: StepContext) => {
    begun.push(instanceId);
    return to;
  },
  {
    compensateWith: ({ input, outcome }, { instanceId }) => void undone.push(`${instanceId} ${input.to} ${outcome}`),
  },
);

const failing = (): never => {
  throw new PermanentError("no");
};
const noAddress = (): never => {
  throw new Error("no address");
};
const times: unknown[] = [];

const alone = defineWorkflow({ id: "alone", version: 1 }, (flow: Flow<Job>) => flow.then(ship, { input: noAddress }));

const beside = defineWorkflow({ id: "beside", version: 1 }, (flow: Flow<Job>) =>
  flow.parallel({
    ships: (branch) => branch.then(ship, { input: ({ id }) => ({ to: id }) }),
    fails: (branch) =>
      branch.set(() => {
        throw new Error("no patch");
      }),
  }),
);

const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<Job>) =>
  flow.parallel(
    {
      ships: (branch) =>
        branch.then(ship, {
          onError: "suspend",
          input: ({ id }) => {
            times.push(id);
            if (times.filter((one) => one === id).length === 1) throw new Error("not yet");
            return { to: id };
          },
        }),
      other: (branch) => branch.run("other", () => 1),
    },
    { as: "both" },
  ),
);

inEveryWay("A step that never began", [alone, beside, waiting], (host, store, mode) => {
  test("is not undone: it has no input, and had no effect", async () => {
    for (const workflow of [alone, beside]) {
      const run = await host().startWorkflow(workflow, { id: "x" });
      await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
      assert.ok(!begun.includes(run.id));
      assert.deepEqual(
        undone.filter((line) => line.startsWith(run.id)),
        [],
      );
    }
  });

  test("since its input could not be made waits for a person, if it says so, also beside others", async () => {
    const id = `${store.name}-${mode.length}`;
    const run = await host().startWorkflow(waiting, { id });
    while ((await run.status()) !== "Suspended") await new Promise((resolve) => setTimeout(resolve, 5));
    await run.resume();
    await run.result();
    assert.ok(begun.includes(run.id));
  });
});

const restless = defineWorkflow({ id: "restless", version: 1 }, (flow: Flow<Job>) =>
  flow.parallel({
    long: (branch) => branch.run("long", () => new Promise((resolve) => setTimeout(resolve, 150))),
    fails: (branch) => branch.run("fails", failing, { onError: "suspend" }),
    timed: (branch) => branch.delay(20).run("timed", () => 1),
  }),
);

inEveryWay("A run that is suspended while a body of it ends", [restless], (host, store) => {
  test("rests, though timers of it are due", async () => {
    const run = await host().startWorkflow(restless, { id: "x" });
    await new Promise((resolve) => setTimeout(resolve, 250));
    assert.equal(await run.status(), "Suspended");
    const made = store.transitionsOf(run.id).length;
    assert.ok(made < 8, `${made} transitions`);
  });
});
