import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, type Flow, PermanentError, step, type StepContext } from "workflow-core";
import { inEveryWay } from "../support/stores.ts";

interface Job {
  readonly fail: boolean;
  readonly code?: string;
}

const undone: string[] = [];
const attempts = new Map<string, number>();
const attemptsOf = (id: string): number => attempts.get(id) ?? 0;

const flaky = step("flaky", ({ fail, code }: Job, { instanceId }) => {
  attempts.set(instanceId, attemptsOf(instanceId) + 1);
  if (fail) throw Object.assign(new Error("not now"), code === undefined ? {} : { code });
  return "done";
});

const goingOn = defineWorkflow({ id: "going-on", version: 1 }, (flow: Flow<Job>) =>
  flow
    .then(flaky, {
      as: "value",
      onError: "continue",
      retry: { maxAttempts: 2, initial: 1 },
      compensateWith: ({ outcome }, { instanceId }: StepContext) => void undone.push(`${instanceId} ${outcome}`),
    })
    .run("look", (_, { scope }) => scope.value ?? "without it", { as: "end" })
    .if(
      (_, { end }) => end === "without it",
      (yes) =>
        yes.run("fail", () => {
          throw new PermanentError("later");
        }),
    )
    .returns((_, { end }) => end),
);

const mapping = defineWorkflow({ id: "mapping", version: 1 }, (flow: Flow<Job>) =>
  flow
    .then(flaky, {
      as: "value",
      onError: "continue",
      input: (job) => {
        if (job.fail) throw new Error("no input");
        return job;
      },
    })
    .returns((_, { value }) => value ?? "without it"),
);

const elapsed = defineWorkflow({ id: "elapsed", version: 1 }, (flow: Flow<Job>) =>
  flow.then(flaky, { retry: { maxAttempts: 100, initial: 30, factor: 1, jitter: false, maxElapsed: 100 } }),
);

const chosen = defineWorkflow({ id: "chosen", version: 1 }, (flow: Flow<Job>) =>
  flow.then(flaky, { retry: { maxAttempts: 4, initial: 1, nonRetryable: ["CARD_DECLINED", "timeout"] } }),
);

inEveryWay("A failing step", [goingOn, mapping, elapsed, chosen], (host) => {
  test("is gone on without, if it says so, and undone as one in doubt when the run fails later", async () => {
    const well = await host().startWorkflow(goingOn, { fail: false });
    assert.equal(await well.result(), "done");
    const run = await host().startWorkflow(goingOn, { fail: true });
    await assert.rejects(run.result(), /later/);
    assert.equal(attemptsOf(run.id), 2);
    assert.deepEqual(
      undone.filter((line) => line.startsWith(run.id)),
      [`${run.id} unknown`],
    );
  });

  test("is gone on without when its input cannot be made", async () => {
    const run = await host().startWorkflow(mapping, { fail: true });
    assert.equal(await run.result(), "without it");
    assert.equal(attemptsOf(run.id), 0);
  });

  test("is not tried again when its time is over, though it has attempts left", async () => {
    const run = await host().startWorkflow(elapsed, { fail: true });
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    const tried = attemptsOf(run.id);
    assert.ok(tried >= 2 && tried <= 4, `${tried} attempts`);
  });

  test("is not tried again for a failure that its policy names", async () => {
    const named = await host().startWorkflow(chosen, { fail: true, code: "CARD_DECLINED" });
    await assert.rejects(named.result(), { code: "WORKFLOW_FAILED" });
    assert.equal(attemptsOf(named.id), 1);
    const other = await host().startWorkflow(chosen, { fail: true, code: "BUSY" });
    await assert.rejects(other.result(), { code: "WORKFLOW_FAILED" });
    assert.equal(attemptsOf(other.id), 4);
  });
});
