import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { defineWorkflow, event, type Flow, PermanentError, type StepContext } from "workflow-core";
import { inEveryWay } from "../support/stores.ts";

interface Job {
  readonly id: string;
  readonly fail?: boolean;
}

const undone: string[] = [];
const undo = (name: string) => ({
  compensateWith: (done: { readonly outcome: string }, { instanceId }: StepContext) => {
    undone.push(`${instanceId}:${name}:${done.outcome}`);
  },
});
const undoneOf = (id: string): string[] => undone.filter((line) => line.startsWith(id)).map((line) => line.slice(37));

const approved = event<{ readonly by: string }>("approved");
const refused = event<{ readonly why: string }>("refused");

const stopped: string[] = [];
/** Ends only when it is told to stop. */
const hang =
  (name: string) =>
  (_: Job, { signal, instanceId }: StepContext) =>
    new Promise<never>((_, reject) => {
      const stop = (): void => {
        stopped.push(`${instanceId}:${name}`);
        reject(new Error("stopped"));
      };
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop);
    });

const deferred = defineWorkflow({ id: "deferred", version: 1 }, (flow: Flow<Job>) =>
  flow
    .race(
      {
        yes: (branch) => branch.waitFor(approved, { key: ({ id }) => id }),
        no: (branch) => branch.waitFor(refused, { key: ({ id }) => id }).run("say", () => "no" as const),
        late: (branch) => branch.delay("1 hour").run("late", () => 0),
      },
      { as: "first" },
    )
    .returns((_, { first }) => first),
);

const losing = defineWorkflow({ id: "losing", version: 1 }, (flow: Flow<Job>) =>
  flow
    .run("before", () => 1, undo("before"))
    .race({
      slow: (branch) =>
        branch
          .run("slow", () => 1, undo("slow"))
          .saga((saga) => saga.run("part", () => 2, undo("part")).run("hang", hang("hang"), undo("hang"))),
      quick: (branch) => branch.delay(300).run("quick", () => 3, undo("quick")),
    })
    .run(
      "after",
      ({ fail }) => {
        if (fail) throw new PermanentError("too late");
      },
      undo("after"),
    ),
);

const failing = defineWorkflow({ id: "failing", version: 1 }, (flow: Flow<{ readonly good: number }>) =>
  flow
    .race(
      {
        a: (branch) =>
          branch.run("a", ({ good }) => {
            if (good !== 1) throw new PermanentError("a failed");
            return "a";
          }),
        b: (branch) =>
          branch.delay(300).run("b", ({ good }) => {
            if (good !== 2) throw new PermanentError("b failed");
            return "b";
          }),
      },
      { as: "first", tolerate: { count: 1 } },
    )
    .returns((_, { first }) => first),
);

const strict = defineWorkflow({ id: "strict", version: 1 }, (flow: Flow<Job>) =>
  flow.race({
    a: (branch) =>
      branch.run("a", () => {
        throw new PermanentError("a failed");
      }),
    b: (branch) => branch.delay(300).run("b", () => "b"),
  }),
);

const inLaps = defineWorkflow({ id: "in-laps", version: 1 }, (flow: Flow<{ readonly won: readonly string[] }>) =>
  flow
    .while(
      (_, { lap }) => lap <= 3,
      (lap) =>
        lap.race(
          {
            even: (branch) =>
              branch
                .if(
                  (_, { lap: n }) => n % 2 === 1,
                  (odd) => odd.delay("1 hour"),
                )
                .run("even", () => 0),
            odd: (branch) =>
              branch
                .if(
                  (_, { lap: n }) => n % 2 === 0,
                  (even) => even.delay("1 hour"),
                )
                .run("odd", () => 1),
          },
          { output: ({ won }, { winner }) => ({ won: [...won, winner] }) },
        ),
    )
    .returns(({ won }) => won),
);

inEveryWay("A race", [deferred, losing, failing, strict, inLaps], (host, store, mode) => {
  const id = (name: string): string => `${name}-${store.name}-${mode.length}`;

  test("is won by the event that comes first; the other waits and timers are taken back", async () => {
    const run = await host().startWorkflow(deferred, { id: id("refuse") });
    await host().publishEvent(refused, id("refuse"), { why: "no" });
    assert.deepEqual(await run.result(), { winner: "no", value: "no" });
    const other = await host().startWorkflow(deferred, { id: id("approve") });
    await host().publishEvent(approved, id("approve"), { by: "me" });
    assert.deepEqual(await other.result(), { winner: "yes", value: { by: "me" } });
    const transitions = store.transitionsOf(run.id);
    const subscribed = transitions.flatMap(({ subscribe }) => subscribe.map(({ path }) => path)).sort();
    const unsubscribed = transitions.flatMap(({ unsubscribe }) => unsubscribe.map(({ path }) => path)).sort();
    assert.deepEqual(unsubscribed, subscribed);
  });

  test("stops the losers, and undoes nothing of them while all goes well", async () => {
    const run = await host().startWorkflow(losing, { id: "x" });
    await run.result();
    assert.deepEqual(undoneOf(run.id), []);
    await sleep(20);
    assert.ok(stopped.includes(`${run.id}:hang`));
  });

  test("is undone with what its losers had done, the last first, when the run fails behind it", async () => {
    const run = await host().startWorkflow(losing, { id: "x", fail: true });
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    const [after, hung, ...rest] = undoneOf(run.id);
    assert.deepEqual([after, hung], ["after:unknown", "hang:unknown"]);
    assert.deepEqual(rest, ["quick:completed", "part:completed", "slow:completed", "before:completed"]);
  });

  test("bears as many failing branches as it says", async () => {
    for (const [good, winner] of [
      [1, "a"],
      [2, "b"],
    ] as const) {
      const run = await host().startWorkflow(failing, { good });
      assert.deepEqual(await run.result(), { winner, value: winner });
    }
    const none = await host().startWorkflow(failing, { good: 3 });
    await assert.rejects(none.result(), { code: "WORKFLOW_FAILED", message: /b failed/ });
  });

  test("fails with the first branch that fails, if it bears none", async () => {
    const run = await host().startWorkflow(strict, { id: "x" });
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED", message: /a failed/ });
  });

  test("is run anew in each lap of a loop", async () => {
    const run = await host().startWorkflow(inLaps, { won: [] });
    assert.deepEqual(await run.result(), ["odd", "even", "odd"]);
  });
});
