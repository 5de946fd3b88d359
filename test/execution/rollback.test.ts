import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, event, type Flow, PermanentError, type StepContext } from "workflow-core";
import { inEveryWay } from "../support/stores.ts";

interface Job {
  readonly id: string;
}

const undone: string[] = [];
const undo = (name: string) => ({
  compensateWith: (done: { readonly outcome: string }, { instanceId }: StepContext) => {
    undone.push(`${instanceId}:${name} ${done.outcome}`);
  },
});
const undoneOf = (id: string): string[] => undone.filter((line) => line.startsWith(id)).map((line) => line.slice(37));
const fail = (message: string) => (): never => {
  throw new PermanentError(message);
};
const go = event("go");

let slowUndos = 0;
/** Runs of which another branch has come to its end. */
const interruptedBy = new Set<string>();
/** A compensation that is not done before another branch has come to its end. */
const slowly = {
  compensateWith: async (_: unknown, { instanceId, signal }: StepContext) => {
    slowUndos += 1;
    if (!interruptedBy.has(instanceId)) {
      await new Promise<never>((_resolve, reject) => {
        if (signal.aborted) reject(new Error("stopped"));
        signal.addEventListener("abort", () => reject(new Error("stopped")));
      });
    }
    undone.push(`${instanceId}:slow`);
  },
};

const interrupted = defineWorkflow({ id: "interrupted", version: 1 }, (flow: Flow<Job>) =>
  flow
    .run("first", () => 0, undo("first"))
    .parallel({
      a: (branch) =>
        branch.saga((saga) =>
          saga
            .run("early", () => 1, undo("early"))
            .run("slow", () => 2, slowly)
            .run("fail", fail("a")),
        ),
      b: (branch) =>
        branch.delay(400).run("fail", (_, { instanceId }) => {
          interruptedBy.add(instanceId);
          throw new PermanentError("b");
        }),
    }),
);

const cutOff = defineWorkflow({ id: "cut-off", version: 1 }, (flow: Flow<Job>) =>
  flow
    .race({
      a: (branch) =>
        branch.saga((saga) =>
          saga
            .run("early", () => 1, undo("early"))
            .run("slow", () => 2, slowly)
            .run("fail", fail("a")),
        ),
      b: (branch) => branch.delay(400).run("win", (_, { instanceId }) => interruptedBy.add(instanceId).size),
    })
    .run("fail", fail("after")),
);

const everywhere = defineWorkflow({ id: "everywhere", version: 1 }, (flow: Flow<Job>) =>
  flow.saga(
    (saga) =>
      saga
        .decide(() => "a" as const, { a: (way) => way.run("decided", () => 1, undo("decided")) })
        .while(
          (_, { lap }) => lap <= 2,
          (lap) =>
            lap.attempt((body) => body.run("tried", () => 2, undo("tried")).run("fail", fail("caught")), {
              otherwise: (handler) => handler.run("handled", () => 3, undo("handled")),
            }),
        )
        .block((round, here) => round.run("jumped", () => 4, undo("jumped")).leave(here))
        .cancelWhen(go, (body) => body.run("worked", () => 5, undo("worked")), { key: ({ id }) => id })
        .forEach(
          () => [1, 2, 3],
          (each) =>
            each
              .run("item", (n) => n, undo("item"))
              .run("check", (n) => {
                if (n === 2) throw new PermanentError("tolerated");
              }),
          { tolerate: { count: 1 }, concurrency: 1 },
        )
        .run("fail", fail("all of it")),
    { afterCompensation: "continue" },
  ),
);

/** A mapping that fails beside a sibling whose own is still to be made. */
const siblings = defineWorkflow({ id: "siblings", version: 1 }, (flow: Flow<Job>) =>
  flow
    .run("first", () => 0, undo("first"))
    .parallel({
      a: (branch) => branch.decide((): "x" => fail("no outcome")(), { x: (way) => way }),
      b: (branch) => branch.decide(() => "x" as const, { x: (way) => way.run("never", () => undone.push("never")) }),
    }),
);

inEveryWay("A rollback", [interrupted, cutOff, everywhere, siblings], (host, store, mode) => {
  test("that a wider one interrupts goes on within that one", async () => {
    const before = slowUndos;
    const run = await host().startWorkflow(interrupted, { id: "x" });
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    // A compensation that was stopped before its answer was committed runs again, and may have had its effect twice.
    assert.deepEqual([...new Set(undoneOf(run.id))], ["slow", "early completed", "first completed"]);
    if (mode === "kept in memory") assert.equal(slowUndos - before, 2);
  });

  test("that a race cuts off is made up for when the run fails", async () => {
    const run = await host().startWorkflow(cutOff, { id: "x" });
    await assert.rejects(run.result(), /after/);
    assert.deepEqual([...new Set(undoneOf(run.id))], ["slow", "early completed"]);
  });

  test("goes through every kind of container, the last step first", async () => {
    const run = await host().startWorkflow(everywhere, { id: `${store.name}-${mode.length}` });
    await run.result();
    const laps = ["handled", "tried", "handled", "tried"];
    assert.deepEqual(
      undoneOf(run.id),
      ["item", "item", "item", "worked", "jumped", ...laps, "decided"].map((name) => `${name} completed`),
    );
  });

  test("begins nothing that was still to be begun beside the step that failed", async () => {
    const run = await host().startWorkflow(siblings, { id: "x" });
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    assert.deepEqual(undoneOf(run.id), ["first completed"]);
    assert.ok(!undone.includes("never"));
  });
});
