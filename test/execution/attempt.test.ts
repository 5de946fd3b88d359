import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, type Flow, PermanentError, type StepContext, WorkflowFailedError } from "workflow-core";
import { inEveryWay } from "../support/stores.ts";

interface Job {
  readonly fail: "no" | "permanent" | "transient" | "slow" | "nested";
  readonly again?: boolean;
}

const undone: string[] = [];
const undo = (name: string) => ({
  compensateWith: (done: { readonly outcome: string }, { instanceId }: StepContext) => {
    undone.push(`${instanceId}:${name} ${done.outcome}`);
  },
});
const undoneOf = (id: string): string[] => undone.filter((line) => line.startsWith(id)).map((line) => line.slice(37));

const work = async ({ fail }: Job): Promise<string> => {
  if (fail === "permanent") throw new PermanentError("it is broken", { code: "BROKEN" });
  if (fail === "transient") throw new Error("not now");
  if (fail === "slow") await new Promise((resolve) => setTimeout(resolve, 500));
  return "done";
};
const once = { retry: { maxAttempts: 1 }, timeout: 60 } as const;

const handling = defineWorkflow({ id: "handling", version: 1 }, (flow: Flow<Job>) =>
  flow
    .attempt(
      (body) => body.run("before", () => 1, undo("before")).run("work", work, { ...once, ...undo("work") }),
      {
        permanent: (handler) =>
          handler.run("mend", (_, { scope }) => `mended ${scope.failure.code} of ${scope.failure.path}`),
        timeout: (handler) => handler.delay(10).run("late", (_, { scope }) => scope.failure.code),
      },
      { as: "end" },
    )
    .run("after", ({ again }) => {
      if (again) throw new PermanentError("again");
    })
    .returns((_, { end }) => end),
);

const otherwise = defineWorkflow({ id: "otherwise", version: 1 }, (flow: Flow<Job>) =>
  flow
    .attempt(
      (outer) =>
        outer.attempt(
          (inner) =>
            inner.parallel({
              a: (branch) => branch.run("work", work, once),
              b: (branch) => branch.delay("1 hour").run("never", () => 0),
            }),
          {
            timeout: (handler) =>
              handler.run("fails", () => {
                throw new PermanentError("the handler failed");
              }),
          },
        ),
      {
        otherwise: (handler) =>
          handler.run("tell", (_, { scope }) => `${scope.failure.errorClass}: ${scope.failure.message}`),
      },
      { as: "told" },
    )
    .returns((_, { told }) => told),
);

const withSaga = defineWorkflow({ id: "with-saga", version: 1 }, (flow: Flow<Job>) =>
  flow
    .run("first", () => 0, undo("first"))
    .attempt(
      (body) =>
        body.saga((saga) =>
          saga
            .forEach(
              () => ["x", "y"],
              (each) => each.run("reserve", () => 1, undo("reserve")),
            )
            .run("work", work, { ...once, ...undo("work") }),
        ),
      { otherwise: (handler) => handler },
    )
    .run("ok", () => "ok"),
);

const retrying = defineWorkflow({ id: "retrying", version: 1 }, (flow: Flow<Job>) =>
  flow
    .block(
      (round, again) =>
        round.attempt(
          (body) =>
            body.run("try", (_, { scope }) => {
              if (scope.lap < 3) throw new PermanentError(`no ${scope.lap}`);
              return scope.lap;
            }),
          { permanent: (handler) => handler.delay(5).restart(again) },
        ),
      { as: "laps", maxLaps: 5 },
    )
    .returns((_, { laps }) => laps),
);

inEveryWay("An attempt", [handling, otherwise, withSaga, retrying], (host, store) => {
  test("goes on if nothing fails", async () => {
    const run = await host().startWorkflow(handling, { fail: "no" });
    assert.equal(await run.result(), "done");
  });

  test("deals with a failure by its class, and the handler reads it", async () => {
    const run = await host().startWorkflow(handling, { fail: "permanent" });
    assert.equal(await run.result(), "mended BROKEN of attempt/try/work");
    const late = await host().startWorkflow(handling, { fail: "slow" });
    assert.equal(await late.result(), "STEP_TIMEOUT");
    assert.deepEqual([...undoneOf(run.id), ...undoneOf(late.id)], []);
  });

  test("lets a failure pass that it has no handler for", async () => {
    const run = await host().startWorkflow(handling, { fail: "transient" });
    await assert.rejects(run.result(), (error) => {
      assert.ok(error instanceof WorkflowFailedError);
      assert.deepEqual([error.failure.message, error.failure.path], ["not now", "attempt/try/work"]);
      return true;
    });
    assert.deepEqual(undoneOf(run.id), ["work unknown", "before completed"]);
  });

  test("keeps what was done in it, and undoes it in its turn when the run fails later", async () => {
    const run = await host().startWorkflow(handling, { fail: "permanent", again: true });
    await assert.rejects(run.result(), /again/);
    assert.deepEqual(undoneOf(run.id), ["work unknown", "before completed"]);
  });

  test("catches what an inner one lets pass, and what fails in a handler; its branches are stopped", async () => {
    const passed = await host().startWorkflow(otherwise, { fail: "permanent" });
    assert.equal(await passed.result(), "permanent: it is broken");
    const failed = await host().startWorkflow(otherwise, { fail: "slow" });
    assert.equal(await failed.result(), "permanent: the handler failed");
    const rows = store.transitionsOf(passed.id).flatMap(({ pointers }) => pointers);
    assert.equal(rows.find(({ path }) => path.endsWith("/b/delay"))?.status, "Cancelled");
  });

  test("around a saga has it undone before the handler runs", async () => {
    const run = await host().startWorkflow(withSaga, { fail: "permanent" });
    await run.result();
    assert.deepEqual(undoneOf(run.id), ["work unknown", "reserve completed", "reserve completed"]);
  });

  test("may begin a block around it anew", async () => {
    const run = await host().startWorkflow(retrying, { fail: "no" });
    assert.equal(await run.result(), 3);
  });
});
