import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, event, type Flow, PermanentError, step, WorkflowFailedError } from "workflow-core";
import { inEveryWay } from "../support/stores.ts";

interface Count {
  readonly n: number;
  readonly log: readonly string[];
}

const named = (name: string) => (flow: Flow<Count, { lap: number }>) =>
  flow.run(name, (_, { scope }) => `${name} ${scope.lap}`, {
    output: ({ n, log }, line) => ({ n: n + 1, log: [...log, line] }),
  });

const note = named("note");

const counting = defineWorkflow({ id: "counting", version: 1 }, (flow: Flow<Count>) =>
  flow
    .while(
      ({ n }) => n < 3,
      (lap) => note(lap).run("square", ({ n }) => n * n),
      { as: "last" },
    )
    .returns(({ log }, { last }) => ({ log, last })),
);

const atLeastOnce = defineWorkflow({ id: "at-least-once", version: 1 }, (flow: Flow<Count>) =>
  flow
    .doWhile(note, (_, { lap }) => lap < 2)
    .until(
      (lap) => lap.run("page", (_, { scope }) => ({ page: scope.lap, isLast: scope.lap === 3 })),
      (_, { last }) => last?.isLast === true,
      { as: "pages" },
    )
    .returns(({ log }, { pages }) => ({ log, pages: pages?.page })),
);

const bounded = defineWorkflow({ id: "bounded", version: 1 }, (flow: Flow<Count>) =>
  flow.while(() => true, note, { maxLaps: 4 }),
);

const spinning = defineWorkflow(
  { id: "spinning", version: 1 },
  (flow: Flow<{ readonly n: number; readonly to: number }>) =>
    flow.while(
      ({ n, to }) => n < to,
      (lap) => lap.set(({ n }) => ({ n: n + 1 })),
    ),
);

const undone: string[] = [];
const undoing = defineWorkflow({ id: "undoing", version: 1 }, (flow: Flow<{ readonly id: string }>) =>
  flow
    .forEach(
      () => ["a", "b"],
      (each) =>
        each.while(
          (_, { lap }) => lap <= 3,
          (lap) =>
            lap.run("book", (_, { scope }) => `${scope.item}${scope.lap}`, {
              compensateWith: ({ result }, { instanceId }) => {
                undone.push(`${instanceId} ${result ?? "?"}`);
              },
            }),
        ),
      { concurrency: 1 },
    )
    .run("fail", () => {
      throw new PermanentError("enough");
    }),
);

const tick = event<{ readonly last: boolean }>("tick");
const listening = defineWorkflow({ id: "listening", version: 1 }, (flow: Flow<{ readonly id: string }>) =>
  flow
    .until(
      (lap) => lap.waitFor(tick, { key: ({ id }) => id }).run("heard", (_, { scope }) => scope.lap),
      (_, { last }) => last === 3,
      { as: "heard" },
    )
    .returns((_, { heard }) => heard),
);

const jumping = defineWorkflow({ id: "jumping", version: 1 }, (flow: Flow<Count>) =>
  flow
    .block(
      (round, again) =>
        named("draft")(round)
          .if(
            (_, { lap }) => lap < 3,
            (yes) => yes.restart(again),
          )
          .run("sign", () => "signed"),
      { as: "signed" },
    )
    .while(
      () => true,
      (lap, loop) =>
        lap
          .if(
            (_, { lap: n }) => n % 2 === 0,
            (even) => even.restart(loop),
          )
          .if(
            (_, { lap: n }) => n > 6,
            (late) => late.leave(loop),
          )
          .run("odd", (_, { scope }) => scope.lap, {
            output: ({ log }, n) => ({ log: [...log, `odd ${n}`] }),
          }),
      { as: "odd" },
    )
    .returns(({ log }, { signed, odd }) => ({ log, signed, odd })),
);

let begun = 0;
let stopped = 0;
const leaving = defineWorkflow({ id: "leaving", version: 1 }, (flow: Flow<{ readonly id: string }>) =>
  flow
    .block(
      (race, here) =>
        race.parallel({
          slow: (branch) =>
            branch.then(
              step("sleep", (_: { readonly id: string }, { signal }) => {
                begun += 1;
                return new Promise<void>((_, reject) =>
                  signal.addEventListener("abort", () => {
                    stopped += 1;
                    reject(new Error("stopped"));
                  }),
                );
              }),
            ),
          waits: (branch) => branch.waitFor(tick, { key: ({ id }) => `never-${id}` }),
          quick: (branch) =>
            branch
              .until(
                (lap) => lap.delay(20),
                () => begun > stopped,
              )
              .leave(here),
        }),
      { as: "race" },
    )
    .returns((_, { race }) => race ?? "left"),
);

const endless = defineWorkflow({ id: "endless", version: 1 }, (flow: Flow<{ readonly id: string }>) =>
  flow.while(
    () => true,
    (lap, loop) =>
      lap
        .run("work", (_, { scope }) => scope.lap, { as: "done" })
        .if(
          (_, { done }) => done === 300,
          (yes) => yes.leave(loop),
        ),
  ),
);

const workflows = [counting, atLeastOnce, bounded, spinning, undoing, listening, jumping, leaving, endless];
const empty: Count = { n: 0, log: [] };

inEveryWay("A loop", workflows, (host, store, mode) => {
  const id = (name: string): string => `${name}-${store.name}-${mode.length}`;

  test("runs its laps while the condition holds, and yields what the last one did", async () => {
    const run = await host().startWorkflow(counting, empty);
    assert.deepEqual(await run.result(), { log: ["note 1", "note 2", "note 3"], last: 9 });
    const none = await host().startWorkflow(counting, { n: 3, log: [] });
    assert.deepEqual(await none.result(), { log: [] });
  });

  test("asks behind each lap when it is to run once at least", async () => {
    const run = await host().startWorkflow(atLeastOnce, empty);
    assert.deepEqual(await run.result(), { log: ["note 1", "note 2"], pages: 3 });
  });

  test("fails with one lap more than it may have", async () => {
    const run = await host().startWorkflow(bounded, empty);
    await assert.rejects(run.result(), (error) => {
      assert.ok(error instanceof WorkflowFailedError);
      assert.deepEqual([error.failure.code, error.failure.path], ["TOO_MANY_LAPS", "while"]);
      return true;
    });
  });

  test("that never waits gives way now and then, and comes to its end", async () => {
    const run = await host().startWorkflow(spinning, { n: 0, to: 8_000 });
    assert.deepEqual(await run.result(), { n: 8_000, to: 8_000 });
  });

  test("is undone lap by lap, the last one first, inside of iterations too", async () => {
    const run = await host().startWorkflow(undoing, { id: "x" });
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    assert.deepEqual(
      undone.filter((line) => line.startsWith(run.id)).map((line) => line.slice(37)),
      ["b3", "b2", "b1", "a3", "a2", "a1"],
    );
  });

  test("waits in each lap for the next event", async () => {
    const run = await host().startWorkflow(listening, { id: id("listen") });
    for (let n = 0; n < 3; n += 1) await host().publishEvent(tick, id("listen"), { last: n === 2 });
    assert.equal(await run.result(), 3);
  });

  test("is begun anew, goes to its next lap, or is left, by a jump", async () => {
    const run = await host().startWorkflow(jumping, empty);
    assert.deepEqual(await run.result(), {
      log: ["draft 1", "draft 2", "draft 3", "odd 1", "odd 3", "odd 5"],
      signed: "signed",
      odd: 5,
    });
  });

  test("that is left stops what is active in it", async () => {
    const before = stopped;
    const run = await host().startWorkflow(leaving, { id: id("leave") });
    assert.equal(await run.result(), "left");
    assert.ok(stopped > before);
  });

  if (mode === "kept in memory") {
    test("costs no lap more than the one before: its frontier does not grow", async () => {
      const run = await host().startWorkflow(endless, { id: "x" });
      await run.result();
      const sizes = store.transitionsOf(run.id).map(({ frontier }) => frontier.length);
      assert.ok(sizes.length > 300, `${sizes.length} transitions`);
      assert.ok(Math.max(...sizes.slice(250)) <= Math.max(...sizes.slice(0, 50)) + 20);
    });
  }
});
