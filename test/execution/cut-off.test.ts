import assert from "node:assert/strict";
import { test } from "node:test";
import {
  defineWorkflow,
  event,
  ExecutionResult,
  type Flow,
  PermanentError,
  type Run,
  step,
  type StepContext,
} from "workflow-core";
import type { Frontier } from "../../src/models/frontier.ts";
import { inEveryWay } from "../support/stores.ts";

/** What is cut off while nothing of it runs: it sleeps, waits to be tried again, or was parked. */

interface Job {
  readonly id: string;
}

const lines = new Map<string, Set<string>>();
const tell = (id: string, line: string): void => void (lines.get(id) ?? lines.set(id, new Set()).get(id))?.add(line);
const toldOf = (run: Run<unknown>): readonly string[] => [...(lines.get(run.id) ?? [])];

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause();
}

/** What waits for a timer of an hour fails by its name. */
const inTime = { timeout: 15_000 };

const fail = (): never => {
  throw new PermanentError("no");
};
const go = event("go");
const forRun = { key: ({ id }: Job) => id };

/** It may have booked before it said that it is to be asked again. */
const book = step("book", () => ExecutionResult.sleep("1 hour"), {
  compensateWith: ({ outcome }, { instanceId }) => tell(instanceId, `book ${outcome}`),
});

const beside = defineWorkflow({ id: "asleep-beside", version: 1 }, (flow: Flow<Job>) =>
  flow.parallel({
    sleeps: (branch) => branch.then(book),
    fails: (branch) => branch.waitFor(go, forRun).run("fail", fail),
  }),
);

const loses = defineWorkflow({ id: "asleep-loses", version: 1 }, (flow: Flow<Job>) =>
  flow.race({ sleeps: (branch) => branch.then(book), wins: (branch) => branch.waitFor(go, forRun) }).run("fail", fail),
);

const alone = defineWorkflow({ id: "asleep-alone", version: 1 }, (flow: Flow<Job>) => flow.then(book));

/** Runs in which the race around a rollback is won. */
const winning = new Set<string>();

/** Fails until its rollback was cut off, and once more in the rollback that takes its place. */
const unbook = ({ outcome }: { readonly outcome: string }, { instanceId, attempt }: StepContext): void => {
  if (!winning.has(instanceId) || attempt === 1) throw new Error("not yet");
  tell(instanceId, `undone ${outcome} with attempt ${attempt}`);
};

const undoing = defineWorkflow({ id: "undoing-cut-off", version: 1 }, (flow: Flow<Job>) =>
  flow
    .race({
      undoes: (way) =>
        way.saga((saga) =>
          saga
            .run("book", () => 1, {
              compensateWith: unbook,
              retry: { maxAttempts: 9, initial: 20, factor: 180_000, max: "1 hour", jitter: false },
            })
            .run("fail", fail),
        ),
      wins: (way) =>
        way.run("win", async (_, { instanceId, signal }) => {
          await until(() => winning.has(instanceId) || signal.aborted);
          if (!winning.has(instanceId)) throw new Error("stopped");
        }),
    })
    .run("fail", fail),
);

const addressed = step("addressed", (to: string, { instanceId }: StepContext) => tell(instanceId, `begun for ${to}`), {
  compensateWith: ({ input, outcome }, { instanceId }) => tell(instanceId, `addressed ${input} ${outcome}`),
});
const noAddress = (): never => {
  throw new Error("no address");
};

const unaddressed = defineWorkflow({ id: "unaddressed", version: 1 }, (flow: Flow<Job>) =>
  flow
    .race({
      parked: (branch) => branch.then(addressed, { input: noAddress, onError: "suspend" }),
      wins: (branch) => branch.waitFor(go, forRun),
    })
    .run("fail", fail),
);

/** Runs that have learnt where to send to. */
const informed = new Set<string>();
const hanging = step(
  "hanging",
  (to: string, { instanceId, signal }: StepContext) =>
    new Promise<void>((_, reject) => {
      tell(instanceId, `begun for ${to}`);
      signal.addEventListener("abort", () => reject(new Error("stopped")));
    }),
  { compensateWith: ({ input, outcome }, { instanceId }) => tell(instanceId, `undone for ${input}, ${outcome}`) },
);

const addressedLate = defineWorkflow({ id: "addressed-late", version: 1 }, (flow: Flow<Job>) =>
  flow
    .race({
      parked: (branch) =>
        branch.then(hanging, { input: ({ id }) => (informed.has(id) ? "home" : noAddress()), onError: "suspend" }),
      wins: (branch) => branch.waitFor(go, forRun),
    })
    .run("fail", fail),
);

const workflows = [beside, loses, alone, undoing, unaddressed, addressedLate];

inEveryWay("Cut off while nothing of it runs,", workflows, (host, store, mode) => {
  const job = (name: string): Job => ({ id: `${name} ${store.name} ${mode}` });
  const pointersOf = (run: Run<unknown>): Frontier["pointers"] => {
    const { frontier } = store.transitionsOf(run.id).at(-1) ?? {};
    return frontier === undefined ? {} : (JSON.parse(frontier) as Frontier).pointers;
  };
  const sleeps = (run: Run<unknown>, path: string) => () => pointersOf(run)[path]?.state === "sleeping";

  test("a step that has slept may have had its effect, and is undone when another fails", async () => {
    const run = await host().startWorkflow(beside, job("beside"));
    await until(sleeps(run, "parallel/sleeps/book"));
    await host().publishEvent(go, job("beside").id);
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    assert.deepEqual(toldOf(run), ["book unknown"]);
  });

  test("and when it lost a race, and the run fails behind it", async () => {
    const run = await host().startWorkflow(loses, job("loses"));
    await until(sleeps(run, "race/sleeps/book"));
    await host().publishEvent(go, job("loses").id);
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    assert.deepEqual(toldOf(run), ["book unknown"]);
  });

  test("and on request", async () => {
    const run = await host().startWorkflow(alone, job("alone"));
    await until(sleeps(run, "book"));
    await run.compensate("a mistake");
    await assert.rejects(run.result(), { code: "WORKFLOW_TERMINATED" });
    assert.deepEqual(toldOf(run), ["book unknown"]);
  });

  test("a compensation begins again with its policy, and not when it would have been tried again", inTime, async () => {
    const run = await host().startWorkflow(undoing, job("undoing"));
    await until(() => pointersOf(run)["race/undoes/saga/book/undo"]?.attempt === 3);
    winning.add(run.id);
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    assert.deepEqual(toldOf(run), ["undone completed with attempt 2"]);
  });

  test("a step that rests since its input could not be made is not undone: its body never began", async () => {
    const run = await host().startWorkflow(unaddressed, job("unaddressed"));
    await host().publishEvent(go, job("unaddressed").id);
    const isOver = async (): Promise<boolean> => {
      const status = await run.status();
      if (status === "Suspended") await run.resume(); // again and again, until the event was delivered
      return status === "Failed";
    };
    await until(isOver);
    assert.deepEqual(toldOf(run), []);
  });

  test("and one that got its input when the run went on is: its body had begun", inTime, async () => {
    const { id } = job("late");
    const run = await host().startWorkflow(addressedLate, { id });
    await until(async () => (await run.status()) === "Suspended");
    informed.add(id);
    await run.resume();
    await until(() => toldOf(run).includes("begun for home"));
    await host().publishEvent(go, id);
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    assert.deepEqual(toldOf(run), ["begun for home", "undone for home, unknown"]);
  });
});
