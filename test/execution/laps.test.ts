import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createHost, defineWorkflow, event, type Flow, PermanentError, type WorkflowHost } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { inEveryWay, type StoreUnderTest } from "../support/stores.ts";

interface Job {
  readonly id: string;
}

const nested = defineWorkflow({ id: "nested", version: 1 }, (flow: Flow<Job>) =>
  flow
    .until(
      (lap) =>
        lap
          .run("work", () => "done")
          .forEach(
            () => [1, 2],
            (each) => each.run("pack", () => "packed"),
          )
          .while(
            (_, { lap: inner }) => inner <= 2,
            (inner) => inner.run("poll", () => 0),
          )
          .run("count", (_, { scope }) => scope.lap),
      (_, { last }) => last === 12,
      { keepLaps: 2, as: "laps" },
    )
    .returns((_, { laps }) => laps),
);

const spinning = defineWorkflow({ id: "spinning", version: 1 }, (flow: Flow<{ readonly n: number }>) =>
  flow.while(
    ({ n }) => n < 6_000,
    (lap) => lap.set(({ n }) => ({ n: n + 1 })),
    { keepLaps: 3 },
  ),
);

/** Only the second lap comes to its end: the value of the loop is that one's, however many begin after it. */
const holding = defineWorkflow({ id: "holding", version: 1 }, (flow: Flow<Job>) =>
  flow
    .while(
      () => true,
      (lap, loop) =>
        lap
          .run("try", () => "tried")
          .if(
            (_, { lap: n }) => n !== 2 && n < 9,
            (other) => other.restart(loop),
          )
          .if(
            (_, { lap: n }) => n === 9,
            (late) => late.leave(loop),
          )
          .run("value", (_, { scope }) => `lap ${scope.lap}`),
      { keepLaps: 2, as: "held" },
    )
    .returns((_, { held }) => held),
);

const undone: string[] = [];
const undoneOf = (id: string): string[] => undone.filter((line) => line.startsWith(id)).map((line) => line.slice(37));
const fail = (): never => {
  throw new PermanentError("enough");
};

const booking = defineWorkflow({ id: "booking", version: 1 }, (flow: Flow<Job>) =>
  flow
    .while(
      (_, { lap }) => lap <= 6,
      (lap) =>
        lap
          .run("look", () => "seen")
          .if(
            (_, { lap: n }) => n % 2 === 0,
            (even) =>
              even.saga((saga) =>
                saga.run("book", (_, { scope }) => scope.lap, {
                  compensateWith: ({ result }, { instanceId }) => void undone.push(`${instanceId} ${result ?? "?"}`),
                }),
              ),
          ),
      { keepLaps: 1 },
    )
    .run("fail", fail),
);

/** What its laps had done is undone before they end: nothing is left to be kept. */
const recovering = defineWorkflow({ id: "recovering", version: 1 }, (flow: Flow<Job>) =>
  flow.while(
    (_, { lap }) => lap <= 5,
    (lap) =>
      lap.saga(
        (saga) =>
          saga
            .saga((inner) => inner.run("book", () => 1, { compensateWith: () => undefined }))
            .run("pay", () => 2, { compensateWith: () => undefined })
            .run("fail", fail),
        { afterCompensation: "continue" },
      ),
    { keepLaps: 1 },
  ),
);

const held = new Map<string, number>();
/** In each lap a step that was given its item is cut off, and nobody knows what it has done. */
const doubting = defineWorkflow({ id: "doubting", version: 1 }, (flow: Flow<Job>) =>
  flow
    .while(
      (_, { lap }) => lap <= 3,
      (lap) =>
        lap.race({
          held: (branch) =>
            branch.forEach(
              (_, { lap: n }) => [`item of ${n}`],
              (each) =>
                each.run(
                  "hold",
                  async (_, { signal, instanceId }) => {
                    held.set(instanceId, (held.get(instanceId) ?? 0) + 1);
                    await new Promise((_resolve, reject) => {
                      if (signal.aborted) reject(new Error("stopped"));
                      signal.addEventListener("abort", () => reject(new Error("stopped")));
                    });
                  },
                  {
                    compensateWith: ({ input, outcome }, { instanceId }) =>
                      void undone.push(`${instanceId} ${input} ${outcome}`),
                  },
                ),
            ),
          quick: (branch) =>
            branch.run("wait", async (_, { scope, instanceId }) => {
              while ((held.get(instanceId) ?? 0) < scope.lap) await sleep(2);
            }),
        }),
      { keepLaps: 1 },
    )
    .run("fail", fail),
);

const lapsOf = (paths: readonly string[], loop: string): readonly number[] => {
  const laps = paths
    .filter((path) => path.startsWith(`${loop}#`))
    .map((path) => Number.parseInt(path.slice(loop.length + 1)));
  return [...new Set(laps)].sort((a, b) => a - b);
};

function rollbackTests(host: () => WorkflowHost, store: StoreUnderTest): void {
  test("keeps what a rollback needs, of every lap, and nothing beside", async () => {
    const run = await host().startWorkflow(booking, { id: "x" });
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    assert.deepEqual(undoneOf(run.id), ["6", "4", "2"]);
    const paths = await store.pathsOf(run.id);
    const needed = (n: number) => [
      `while#${n}/if/yes/saga`,
      `while#${n}/if/yes/saga/book`,
      `while#${n}/if/yes/saga/book/undo`,
    ];
    assert.deepEqual(paths, ["fail", "while", ...needed(2), ...needed(4), "while#6/if", ...needed(6), "while#6/look"]);
  });

  test("keeps nothing of a lap that was rolled back within itself", async () => {
    const run = await host().startWorkflow(recovering, { id: "x" });
    await run.result();
    assert.deepEqual(lapsOf(await store.pathsOf(run.id), "while"), [5]);
  });

  test("keeps the items that steps in doubt are undone with", async () => {
    const run = await host().startWorkflow(doubting, { id: "x" });
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    assert.deepEqual(
      undoneOf(run.id),
      [3, 2, 1].map((n) => `item of ${n} unknown`),
    );
  });
}

inEveryWay(
  "A loop that keeps its last laps",
  [nested, spinning, holding, booking, recovering, doubting],
  (host, store) => {
    test("deletes the rows of all laps before them, whatever stands in a lap", async () => {
      const run = await host().startWorkflow(nested, { id: "x" });
      assert.equal(await run.result(), 12);
      const paths = await store.pathsOf(run.id);
      assert.deepEqual(lapsOf(paths, "until"), [11, 12]);
      assert.ok(paths.includes("until#12/while#2/poll") && paths.includes("until#11/each[1]/pack"));
    });

    test("does not write at all what is over within one transition", async () => {
      const run = await host().startWorkflow(spinning, { n: 0 });
      assert.deepEqual(await run.result(), { n: 6_000 });
      assert.deepEqual(await store.pathsOf(run.id), ["while", "while#5998/set", "while#5999/set", "while#6000/set"]);
      const rows = store.transitionsOf(run.id).flatMap(({ pointers }) => pointers);
      assert.ok(rows.length < 100, `${rows.length} rows written`);
    });

    test("keeps the lap that its value comes from until there is another", async () => {
      const run = await host().startWorkflow(holding, { id: "x" });
      assert.equal(await run.result(), "lap 2");
      assert.deepEqual(lapsOf(await store.pathsOf(run.id), "while"), [2, 8, 9]);
    });
    rollbackTests(host, store);
  },
);

const go = event("go");
const ticking = defineWorkflow({ id: "ticking", version: 1 }, (flow: Flow<Job>) =>
  flow.recur({ every: "1 hour", times: 4, overlap: "allow", keepLaps: 1 }, (lap) =>
    lap
      .run("begin", () => "begun", { as: "begun" })
      .waitFor(go, { key: (_, { lap: n }) => `${n}` })
      .run("end", (_, { scope }) => scope.begun),
  ),
);

test("recur whose laps overlap deletes those that end late, and none that is under way", async () => {
  let now = Date.parse("2026-01-01T00:00:00Z");
  const persistence = new MemoryPersistenceProvider({ clock: () => now });
  const host = createHost({ workflows: [ticking], persistence, pollMs: 10 });
  await host.start();
  const run = await host.startWorkflow(ticking, { id: "x" });
  const laps = async (): Promise<readonly number[]> =>
    lapsOf(
      (await persistence.getExecutionPointersByInstance(run.id)).items.map(({ path }) => path),
      "recur",
    );
  for (let tick = 1; tick <= 4; tick += 1) {
    await sleep(60); // the timer is set at an instant that only the commit knows
    now += 3_600_000;
    await until(async () => (await laps()).includes(tick));
  }
  assert.deepEqual(await laps(), [1, 2, 3, 4]);
  await host.publishEvent(go, "3");
  await until(async () => !(await laps()).includes(3));
  await host.publishEvent(go, "4");
  await host.publishEvent(go, "1");
  await until(async () => !(await laps()).includes(1));
  assert.deepEqual(await laps(), [2, 4]);
  await host.publishEvent(go, "2");
  await run.result();
  assert.deepEqual(await laps(), [4]);
  await host.stop();
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let left = 500; left > 0; left -= 1) {
    if (await holds()) return;
    await sleep(10);
  }
  throw new Error("It never came about.");
}
