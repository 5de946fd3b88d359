import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, event, type Flow, type Joined, PermanentError, type StepContext } from "workflow-core";
import { inEveryWay } from "../support/stores.ts";

interface Job {
  readonly id: string;
  readonly items: readonly string[];
  readonly log: readonly string[];
}

const undone: string[] = [];
const undo = (name: string) => ({
  compensateWith: (done: { readonly outcome: string }, { instanceId, path }: StepContext) => {
    undone.push(`${instanceId}:${path.replace("/undo", "")} ${name} ${done.outcome}`);
  },
});
const undoneOf = (id: string): string[] => undone.filter((line) => line.startsWith(id)).map((line) => line.slice(37));

const go = event("go");

const quorum = defineWorkflow({ id: "quorum", version: 1 }, (flow: Flow<Job>) =>
  flow
    .parallel(
      {
        a: (branch) => branch.delay(300).run("a", () => 1),
        b: (branch) => branch.run("b", () => "two"),
        c: (branch) => branch.waitFor(go, { key: ({ id }) => id }).run("c", () => true),
      },
      { as: "votes", join: { atLeast: 2 } },
    )
    .returns((_, { votes }) => votes),
);

const absorbing = defineWorkflow({ id: "absorbing", version: 1 }, (flow: Flow<Job>) =>
  flow
    .parallel(
      {
        quick: (branch) => branch.run("quick", () => 1),
        slow: (branch) =>
          branch
            .waitFor(go, { key: ({ id }) => id })
            .run("slow", () => 2, { output: ({ log }) => ({ log: [...log, "slow"] }) })
            .run("fail", () => {
              throw new PermanentError("nobody minds");
            }),
      },
      { join: "first", rest: "absorb" },
    )
    .run("next", () => 3, { output: ({ log }) => ({ log: [...log, "next"] }) })
    .returns(({ log }) => log),
);

const absorbedInLaps = defineWorkflow({ id: "absorbed-in-laps", version: 1 }, (flow: Flow<Job>) =>
  flow
    .while(
      (_, { lap }) => lap <= 2,
      (lap) =>
        lap
          .run("name", (_, { scope }) => `lap ${scope.lap}`, { as: "name" })
          .parallel(
            {
              quick: (branch) => branch.run("quick", () => 1),
              slow: (branch) =>
                branch.delay(300).run("slow", (_, { scope }) => scope.name, {
                  output: ({ log }, name) => ({ log: [...log, `slow ${name}`] }),
                }),
            },
            { join: "first", rest: "absorb" },
          )
          .set(({ log }) => ({ log: [...log, "on"] })),
    )
    .returns(({ log }) => log),
);

const held = defineWorkflow({ id: "held", version: 1 }, (flow: Flow<Job>) =>
  flow
    .parallel(
      {
        absorbs: (branch) =>
          branch.parallel(
            { quick: (one) => one.run("quick", () => 1), slow: (one) => one.delay(300).run("slow", () => 2) },
            { join: "first", rest: "absorb" },
          ),
        plain: (branch) => branch.run("plain", () => 3),
      },
      { tolerate: { count: 1 }, as: "both" },
    )
    .saga(
      (saga) =>
        saga.parallel(
          { quick: (one) => one.run("quick", () => 4), slow: (one) => one.delay(300) },
          { join: "first", rest: "absorb" },
        ),
      { as: "saga" },
    )
    .run("look", (_, { scope }) => [scope.both, scope.saga], { as: "seen" })
    .returns((_, { seen }) => seen),
);

/** Blocks whose last step is done while something beside it still sleeps. */
const heldByOthers = defineWorkflow({ id: "held-by-others", version: 1 }, (flow: Flow<Job>) =>
  flow
    .if(
      () => true,
      (yes) => yes.schedule(30, (later) => later.run("late", () => 0)).returns(() => "returned"),
      undefined,
      { as: "scheduled" },
    )
    .saga(
      (saga) =>
        saga
          .parallel(
            { quick: (branch) => branch.run("one", () => 1), slow: (branch) => branch.delay(300) },
            { join: "first", rest: "absorb" },
          )
          .run("last", () => "of the last step"),
      { as: "absorbed" },
    )
    .returns((_, scope) => scope),
);

const check = (item: string): string => {
  if (item.startsWith("bad")) throw new PermanentError(`${item} is bad`);
  return item.toUpperCase();
};

const tolerant = defineWorkflow({ id: "tolerant", version: 1 }, (flow: Flow<Job>) =>
  flow
    .forEach(
      ({ items }) => items,
      (each) => each.run("mark", () => 0, undo("mark")).run("check", check),
      { as: "checked", tolerate: { share: 0.5 }, concurrency: 2 },
    )
    .run("count", (_, { scope }) => scope.checked.filter(({ status }) => status === "failed").length, {
      as: "failures",
    })
    .returns((_, { checked, failures }) => ({
      failures,
      checked: checked.map((one: Joined<string>) => (one.status === "failed" ? one.failure.message : one)),
    })),
);

const firstItems = defineWorkflow({ id: "first-items", version: 1 }, (flow: Flow<Job>) =>
  flow
    .forEach(
      ({ items }) => items,
      (each) => each.delay((_, { item }) => (item === "slow" ? "1 hour" : 0)).run("check", check),
      { as: "checked", join: { atLeast: 2 }, tolerate: { count: 1 } },
    )
    .returns((_, { checked }) => checked.map(({ status }) => status)),
);

const undoing = defineWorkflow({ id: "undoing", version: 1 }, (flow: Flow<Job>) =>
  flow
    .forEach(
      ({ items }) => items,
      (each) =>
        each
          .run("outer", () => 1, undo("outer"))
          .saga((saga) => saga.run("inner", () => 2, undo("inner")).run("check", check, undo("check"))),
      { tolerate: { count: 1 }, concurrency: 1 },
    )
    .run("after", ({ id }) => {
      if (id === "fail") throw new PermanentError("all of it");
    }),
);

const untilStopped = (_: unknown, { signal }: StepContext): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("told to stop")), { once: true });
  });

/** Its last step in doubt is the failed one: it became ready behind the one that is stopped with it. */
const exceeded = defineWorkflow({ id: "exceeded", version: 1 }, (flow: Flow<Job>) =>
  flow.parallel(
    {
      stops: (branch) => branch.run("stopped", untilStopped, undo("stopped")),
      fails: (branch) =>
        branch.delay(300).run(
          "failed",
          () => {
            throw new PermanentError("no");
          },
          undo("failed"),
        ),
    },
    { join: { atLeast: 2 }, tolerate: { count: 1 } },
  ),
);

/** What the values of items look like, at once, and to a step that a reload has come before. */
const listed = defineWorkflow({ id: "listed", version: 1 }, (flow: Flow<object>) =>
  flow
    .forEach(
      () => [1, 2, 3],
      (each) => each.run("even", (n) => (n % 2 === 0 ? n : undefined)),
      { as: "even" },
    )
    .forEach(
      () => [1],
      (each) => each.run("nothing", () => {}),
      { as: "nothing" },
    )
    .forEach(
      () => [1, 2],
      (each) =>
        each.run("tolerated", (n): void => {
          if (n === 2) throw new PermanentError("no");
        }),
      { as: "told", tolerate: { count: 1 } },
    )
    .run("look", (_, { scope }) => scope, { as: "seen" })
    .returns((_, { even, nothing, told, seen }) => {
      const known: readonly (number | null)[] = even;
      const none: readonly null[] = nothing;
      const shown = told.map((one) => (one.status === "done" ? [one.status, one.value === undefined] : [one.status]));
      return { known, none, shown, seen, now: { even, nothing, told } };
    }),
);

const workflows = [
  quorum,
  absorbing,
  absorbedInLaps,
  held,
  heldByOthers,
  tolerant,
  firstItems,
  undoing,
  listed,
  exceeded,
];

inEveryWay("A join", workflows, (host, store, mode) => {
  const job = (name: string, items: readonly string[] = []): Job => ({
    id: `${name}-${store.name}-${mode.length}`,
    items,
    log: [],
  });

  test("goes on when enough branches are done, cancels the rest, and tells how each ended", async () => {
    const run = await host().startWorkflow(quorum, job("quorum"));
    assert.deepEqual(await run.result(), {
      a: { status: "done", value: 1 },
      b: { status: "done", value: "two" },
      c: { status: "unfinished" },
    });
  });

  test("lets the rest run on if it is absorbed; the run ends when that is done, and its failure is nobody's", async () => {
    const { id, ...rest } = job("absorb");
    const run = await host().startWorkflow(absorbing, { id, ...rest });
    await until(async () =>
      store.transitionsOf(run.id).some(({ pointers }) => pointers.some(({ path }) => path === "next")),
    );
    assert.equal(await run.status(), "Runnable");
    await host().publishEvent(go, id);
    assert.deepEqual(await run.result(), ["next", "slow"]);
  });

  test("holds the lap of a loop until what it absorbed is done", async () => {
    const run = await host().startWorkflow(absorbedInLaps, job("laps"));
    const log = await run.result();
    assert.deepEqual([...log].sort(), ["on", "on", "slow lap 1", "slow lap 2"]);
    assert.ok(log.indexOf("slow lap 1") < log.lastIndexOf("on"), log.join());
  });

  test("is the value of its block, though what it absorbed still runs when the run is loaded anew", async () => {
    const run = await host().startWorkflow(held, job("held"));
    const joined = (value: number) => ({ quick: { status: "done", value }, slow: { status: "unfinished" } });
    const absorbs = { status: "done", value: joined(1) };
    assert.deepEqual(await run.result(), [{ absorbs, plain: { status: "done", value: 3 } }, joined(4)]);
  });

  test("leaves its block the value of the last step, though what it absorbed, or was scheduled, is done later", async () => {
    const run = await host().startWorkflow(heldByOthers, job("held-by-others"));
    assert.deepEqual(await run.result(), { scheduled: "returned", absorbed: "of the last step" });
  });

  test("bears the share of failures that it says, and tells which failed", async () => {
    const run = await host().startWorkflow(tolerant, job("tolerant", ["a", "bad b", "c", "bad d"]));
    assert.deepEqual(await run.result(), {
      failures: 2,
      checked: [{ status: "done", value: "A" }, "bad b is bad", { status: "done", value: "C" }, "bad d is bad"],
    });
    assert.deepEqual(undoneOf(run.id), []);
  });

  test("is undone with the failure that is one too many in one order, the step first that became ready last", async () => {
    const run = await host().startWorkflow(exceeded, job("exceeded"));
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    const steps = ["parallel/fails/failed failed unknown", "parallel/stops/stopped stopped unknown"];
    assert.deepEqual(undoneOf(run.id), steps);
  });

  test("fails with the failure that is one too many, and everything is undone", async () => {
    const run = await host().startWorkflow(tolerant, job("tolerant", ["a", "bad b", "bad c"]));
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED", message: /bad c is bad/ });
    assert.deepEqual(undoneOf(run.id).sort(), [
      "each[0]/mark mark completed",
      "each[1]/mark mark completed",
      "each[2]/mark mark completed",
    ]);
  });

  test("takes the items that are done first, and says so when there can never be enough", async () => {
    const run = await host().startWorkflow(firstItems, job("first", ["slow", "a", "bad b", "c"]));
    assert.deepEqual(await run.result(), ["unfinished", "done", "failed", "done"]);
    const few = await host().startWorkflow(firstItems, job("few", ["a"]));
    await assert.rejects(few.result(), { code: "WORKFLOW_FAILED", message: /wait for 2, and there are only 1/ });
    const bad = await host().startWorkflow(firstItems, job("bad", ["bad a", "b"]));
    await assert.rejects(bad.result(), { message: /bad a is bad/ });
  });

  test("undoes a failed item at once where a saga says so, and the rest when the run fails", async () => {
    const well = await host().startWorkflow(undoing, { ...job("well", ["a", "bad b", "c"]), id: "well" });
    await well.result();
    const failed = ["each[1]/saga/check check unknown", "each[1]/saga/inner inner completed"];
    assert.deepEqual(undoneOf(well.id), failed);
    const run = await host().startWorkflow(undoing, { ...job("x", ["a", "bad b", "c"]), id: "fail" });
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    assert.deepEqual(undoneOf(run.id), [
      ...failed,
      "each[2]/saga/check check completed",
      "each[2]/saga/inner inner completed",
      "each[2]/outer outer completed",
      "each[1]/outer outer completed",
      "each[0]/saga/check check completed",
      "each[0]/saga/inner inner completed",
      "each[0]/outer outer completed",
    ]);
  });

  test("of items has null for one without a value, as its type says, whether it was reloaded or not", async () => {
    const run = await host().startWorkflow(listed, {});
    const { known, none, shown, seen, now } = await run.result();
    assert.deepEqual({ known, none }, { known: [null, 2, null], none: [null] });
    assert.deepEqual(shown, [["done", true], ["failed"]]);
    assert.deepEqual(seen, now);
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}
