import assert from "node:assert/strict";
import { before, describe } from "node:test";
import { defineWorkflow, event, type Flow, type WorkflowHost } from "workflow-core";
import { type ClockedStore, onEveryClock, test } from "../support/clocked-stores.ts";

interface Log {
  readonly id: string;
  readonly log: readonly string[];
}

const hour = 3_600_000;
const day = 24 * hour;
const go = event<string>("go");
const said =
  (...words: readonly string[]) =>
  (data: Log) => ({ log: [...data.log, ...words] });

const laps = defineWorkflow({ id: "laps", version: 1 }, (flow: Flow<Log>) =>
  flow
    .recur({ every: "1 day", times: 3 }, (lap) =>
      lap.run("note", (_, { scope }) => `lap ${scope.lap}`, {
        output: ({ log }, note) => ({ log: [...log, note] }),
      }),
    )
    .set(said("behind"))
    .returns(({ log }) => log),
);

const mornings = defineWorkflow({ id: "mornings", version: 1 }, (flow: Flow<Log>) =>
  flow
    .recur({ cron: "30 2 * * *", timeZone: "Europe/Berlin", until: ({ log }) => log.length === 3 }, (lap) =>
      lap.set(said("lap")),
    )
    .returns(({ log }) => log.length),
);

/** Laps that last until an event comes. */
const overlapping = (overlap: "skip" | "queue" | "allow") =>
  defineWorkflow({ id: `laps-${overlap}`, version: 1 }, (flow: Flow<Log>) =>
    flow
      .recur({ every: "1 hour", times: 3, overlap }, (lap) =>
        lap
          .set((data, { lap: n }) => ({ log: [...data.log, `begins ${n}`] }))
          .waitFor(go, { key: ({ id }, { lap: n }) => `${id} ${n}` })
          .set((data, { lap: n }) => ({ log: [...data.log, `ends ${n}`] })),
      )
      .returns(({ log }) => log),
  );
const [skipping, queueing, allowing] = [overlapping("skip"), overlapping("queue"), overlapping("allow")];

const reminding = defineWorkflow({ id: "reminding", version: 1 }, (flow: Flow<Log>) =>
  flow
    .schedule("2 days", (later) => later.set(said("reminded")), { name: "remind" })
    .schedule("9 days", (later) => later.set(said("escalated")), { name: "escalate", atEnd: "cancel" })
    .set(said("went on"))
    .waitFor(go, { key: ({ id }) => id })
    .set(said("went"))
    .returns(({ log }) => log),
);

const inside = defineWorkflow({ id: "inside", version: 1 }, (flow: Flow<Log>) =>
  flow
    .forEach(
      () => [1, 2],
      (each) => each.schedule("1 hour", (later) => later.set(said("later"))).set(said("first")),
    )
    .set(said("behind"))
    .returns(({ log }) => log),
);

const undone: string[] = [];
const limited = defineWorkflow({ id: "limited", version: 1 }, (flow: Flow<Log>) =>
  flow
    .within("1 day", (body) => body.set(said("waits")).waitFor(go, { key: ({ id }) => id }), {
      onTimeout: (late) => late.set(said("too late")).returns(() => "nobody"),
      as: "answer",
    })
    .returns(({ log }, { answer }) => ({ log, answer })),
);

const undoing = defineWorkflow({ id: "undoing", version: 1 }, (flow: Flow<Log>) =>
  flow
    .saga(
      (saga) =>
        saga
          .within(
            ({ id }) => (id === "never" ? "1 day" : "2 days"),
            (body) =>
              body
                .run("book", () => "a seat", { compensateWith: ({ input }) => void undone.push(input.id) })
                .waitFor(go, { key: ({ id }) => id }),
          )
          .set(said("in time")),
      { afterCompensation: "continue" },
    )
    .returns(({ log }) => log),
);

let aborted = 0;
const hanging = defineWorkflow({ id: "hanging", version: 1 }, (flow: Flow<Log>) =>
  flow
    .within(
      50,
      (body) =>
        body.run(
          "hang",
          (_, { signal }) =>
            new Promise<void>((_resolve, reject) =>
              signal.addEventListener("abort", () => {
                aborted += 1;
                reject(new Error("stopped"));
              }),
            ),
        ),
      { onTimeout: (late) => late.set(said("cut off")) },
    )
    .returns(({ log }) => log),
);

const failing = defineWorkflow({ id: "failing", version: 1 }, (flow: Flow<Log>) =>
  flow.within("1 hour", (body) => body.waitFor(go, { key: ({ id }) => id }), { onError: "terminate" }),
);

const workflows = [laps, mornings, skipping, queueing, allowing, reminding, inside, limited, undoing, failing];

onEveryClock("time in a flow", (store) => {
  if (store.name !== "pglite") describe("straight", () => timeTests(store, () => store.host({ workflows })));
  describe("claimed anew after every transition", () => timeTests(store, () => store.forgetfulHost({ workflows })));
  test("a body that hangs in a scope is stopped when its time is over", async () => {
    aborted = 0;
    const host = await store.host({ workflows: [hanging] });
    const run = await host.startWorkflow(hanging, { id: "hangs", log: [] });
    await store.advance(50);
    assert.deepEqual(await run.result(), ["cut off"]);
    assert.equal(aborted, 1);
    await host.stop();
  });
});

function timeTests(store: ClockedStore, open: () => Promise<WorkflowHost>): void {
  let host: WorkflowHost;
  before(async () => {
    host = await open();
    undone.length = 0;
  });
  const fresh = (id: string): Log => ({ id, log: [] });
  let runs = 0;
  const name = (): string => `${store.name} ${(runs += 1)} ${Math.random()}`;
  /** Moves time on by as much again and again until a run is over. */
  const over = async <R>(result: Promise<R>, stepMs: number): Promise<R> => {
    let isOver = false;
    const ended = result.finally(() => (isOver = true));
    ended.catch(() => undefined);
    for (let left = 50; left > 0 && !isOver; left -= 1) {
      await store.quiet();
      if (!isOver) await store.advance(stepMs);
    }
    if (!isOver) throw new Error("The run never came to its end.");
    return ended;
  };

  test("recur runs a lap a tick, and goes on behind the last", async () => {
    const run = await host.startWorkflow(laps, fresh(name()));
    await store.quiet();
    const began = store.now();
    assert.deepEqual(await over(run.result(), day / 2), ["lap 1", "lap 2", "lap 3", "behind"]);
    assert.ok(store.now() - began >= 3 * day);
  });

  test("recur keeps to the clock of its time zone, over the day that lacks an hour, until its condition holds", async () => {
    const sunday =
      ["2026-03-29T00:00Z", "2027-03-28T00:00Z"].map(Date.parse).find((one) => one > store.now() + day) ?? 0;
    await store.advance(sunday - day - store.now());
    const run = await host.startWorkflow(mornings, fresh(name()));
    await store.quiet();
    for (const tick of [sunday - day + 1.5 * hour, sunday + hour, sunday + day + hour / 2]) {
      await store.advance(tick - 1 - store.now());
      await store.quiet();
      assert.equal(await run.status(), "Runnable");
      await store.advance(1);
      await store.quiet();
    }
    assert.equal(await run.result(), 3);
  });

  for (const [policy, workflow, log] of [
    ["skip", skipping, ["begins 1", "ends 1", "begins 2", "ends 2", "begins 3", "ends 3"]],
    ["queue", queueing, ["begins 1", "ends 1", "begins 2", "ends 2", "begins 3", "ends 3"]],
    ["allow", allowing, ["begins 1", "begins 2", "begins 3", "ends 1", "ends 2", "ends 3"]],
  ] as const) {
    test(`ticks of recur during a lap: ${policy}`, async () => {
      const id = name();
      const run = await host.startWorkflow(workflow, fresh(id));
      await store.quiet();
      // Three ticks pass while the first lap waits, or all laps.
      for (let tick = 0; tick < 3; tick += 1) {
        await store.advance(hour);
        await store.quiet();
      }
      await host.publishEvent(go, `${id} 1`, "on");
      await store.quiet();
      if (policy === "skip") await store.advance(hour);
      await host.publishEvent(go, `${id} 2`, "on");
      await store.quiet();
      if (policy === "skip") await store.advance(hour);
      await host.publishEvent(go, `${id} 3`, "on");
      assert.deepEqual(await run.result(), log);
    });
  }

  test("schedule runs its block later while the flow goes on; what says so is cancelled at the end", async () => {
    const id = name();
    const run = await host.startWorkflow(reminding, fresh(id));
    await store.quiet();
    await store.advance(2 * day);
    await store.quiet();
    await host.publishEvent(go, id, "on");
    assert.deepEqual(await run.result(), ["went on", "reminded", "went"]);
  });

  test("a block waits at its end for what it has scheduled", async () => {
    const id = name();
    const run = await host.startWorkflow(reminding, fresh(id));
    await store.quiet();
    await host.publishEvent(go, id, "on");
    await store.quiet();
    assert.equal(await run.status(), "Runnable");
    assert.deepEqual(await over(run.result(), day), ["went on", "went", "reminded"]);
    const each = await host.startWorkflow(inside, fresh(name()));
    await store.quiet();
    assert.deepEqual(await over(each.result(), hour), ["first", "first", "later", "later", "behind"]);
  });

  test("a scope that is done in time goes on with its value, and its timer is gone", async () => {
    const id = name();
    const run = await host.startWorkflow(limited, fresh(id));
    await host.publishEvent(go, id, "somebody");
    assert.deepEqual(await run.result(), { log: ["waits"], answer: "somebody" });
  });

  test("a scope whose time is over is cut off, and another block takes its place", async () => {
    const id = name();
    const run = await host.startWorkflow(limited, fresh(id));
    await store.quiet();
    await store.advance(day - 1);
    await store.quiet();
    assert.equal(await run.status(), "Runnable");
    await store.advance(1);
    assert.deepEqual(await run.result(), { log: ["waits", "too late"], answer: "nobody" });
  });

  test("a scope without another block fails, and what was done in it is undone with the saga around", async () => {
    const run = await host.startWorkflow(undoing, fresh("never"));
    await store.quiet();
    await store.advance(day);
    assert.deepEqual(await run.result(), []);
    assert.deepEqual(undone, ["never"]);
    const id = name();
    const other = await host.startWorkflow(undoing, fresh(id));
    await host.publishEvent(go, id, "on");
    assert.deepEqual(await other.result(), ["in time"]);
    await store.advance(3 * day);
    await store.quiet();
    assert.deepEqual(undone, ["never"]);
  });

  test("a scope that fails may end the run", async () => {
    const run = await host.startWorkflow(failing, fresh(name()));
    await store.quiet();
    await store.advance(hour);
    await assert.rejects(run.result(), {
      code: "WORKFLOW_TERMINATED",
      message: /did not come to its end within 3600000 ms/,
    });
  });
}
