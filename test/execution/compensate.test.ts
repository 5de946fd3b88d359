import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, event, type Flow, PermanentError, type Run, step, type StepContext } from "workflow-core";
import { inEveryWay } from "../support/stores.ts";

interface Job {
  readonly id: string;
}

/** What compensations were told, by run; one that runs again after it was cut off is the same line. */
const told = new Map<string, Set<string>>();
const tell = (id: string, line: string): void => void (told.get(id) ?? told.set(id, new Set()).get(id))?.add(line);
const toldOf = (run: Run<unknown>): readonly string[] => [...(told.get(run.id) ?? [])];

const undo = (name: string) => ({
  compensateWith: ({ outcome }: { readonly outcome: string }, { instanceId }: StepContext) =>
    tell(instanceId, `${name} ${outcome}`),
});

const pause = (ms = 5): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause();
}
const isIn = (run: Run<unknown>, status: string) => async () => (await run.status()) === status;

/** Runs whose hanging bodies have begun, and how often a signal ended one. */
const hanging = new Map<string, number>();
const stopped = new Map<string, number>();
const released = new Set<string>();
const count = (counts: Map<string, number>, id: string): void => void counts.set(id, (counts.get(id) ?? 0) + 1);

/** Does not end before it is told to stop, unless its run is released. */
async function hang(_: unknown, { instanceId, signal }: StepContext): Promise<void> {
  if (released.has(instanceId)) return;
  count(hanging, instanceId);
  await new Promise<never>((_resolve, reject) => {
    const stop = (): void => {
      count(stopped, instanceId);
      reject(new Error("stopped"));
    };
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop);
  });
}

const pay = step("pay", ({ account }: { readonly account: string }, context: StepContext) => hang(account, context), {
  compensateWith: ({ input, outcome }, { instanceId }) => tell(instanceId, `pay ${input.account} ${outcome}`),
});

/** Stands in a step that runs alone, whose input is stored nowhere while it runs. */
const running = defineWorkflow({ id: "running", version: 1 }, (flow: Flow<Job>) =>
  flow
    .run("first", () => 1, undo("first"))
    .saga((saga) =>
      saga
        .run("second", () => "account", { ...undo("second"), as: "account" })
        .then(pay, { input: ({ id }, { account }) => ({ account: `${account} ${id}` }) }),
    ),
);

const [go, then, never] = [event("go"), event("then"), event("never")];
const forRun = { key: ({ id }: Job) => id };

const everywhere = defineWorkflow({ id: "undone-everywhere", version: 1 }, (flow: Flow<Job>) =>
  flow
    .run("first", () => 0, undo("first"))
    .parallel({
      sagas: (branch) =>
        branch
          .saga((outer) =>
            outer.saga((inner) => inner.run("inner", () => 1, undo("inner"))).run("outer", () => 2, undo("outer")),
          )
          .saga((open) => open.run("open", () => 3, undo("open")).waitFor(never, forRun)),
      race: (branch) =>
        branch.waitFor(go, forRun).race({
          works: (way) => way.run("raced", () => 4, undo("raced")).delay("1 day"),
          waits: (way) => way.within("1 day", (body) => body.waitFor(never, forRun)),
        }),
      items: (branch) =>
        branch.waitFor(then, forRun).forEach(
          () => ["a", "b"],
          (each) =>
            each
              .run("item", (item) => item, {
                compensateWith: ({ input }, { instanceId }) => tell(instanceId, `item ${input}`),
              })
              .delay("1 day"),
          { concurrency: 1 },
        ),
    }),
);

const refused = (): never => {
  throw new PermanentError("refused");
};

const stuck = defineWorkflow({ id: "stuck", version: 1 }, (flow: Flow<Job>) =>
  flow
    .run("first", () => 1, undo("first"))
    .run("stuck", refused, { ...undo("stuck"), onError: "suspend" })
    .run("behind", () => 2, undo("behind")),
);

const mended = new Set<string>();
const undoOnceMended = {
  compensateWith: (_: unknown, { instanceId }: StepContext) => {
    if (!mended.has(instanceId)) throw new PermanentError("cannot be undone yet");
    tell(instanceId, "mended");
  },
};

/** A saga that is not undone, inside a run that nobody wanted undone before. */
const halfUndone = defineWorkflow({ id: "half-undone", version: 1 }, (flow: Flow<Job>) =>
  flow
    .run("first", () => 1, undo("first"))
    .saga(
      (saga) =>
        saga
          .run("early", () => 2, undo("early"))
          .run("book", () => 3, undoOnceMended)
          .run("fail", refused),
      {
        afterCompensation: "continue",
      },
    )
    .run("behind", () => 4, undo("behind")),
);

const undoneAsAWhole = defineWorkflow({ id: "undone-as-a-whole", version: 1 }, (flow: Flow<Job>) =>
  flow
    .run("first", () => 1, undo("first"))
    .run("book", () => 2, undoOnceMended)
    .run("fail", refused),
);

const slowlyUndone = defineWorkflow({ id: "slowly-undone", version: 1 }, (flow: Flow<Job>) =>
  flow
    .run("first", () => 1, undo("first"))
    .run("slow", () => 2, { compensateWith: (_, context) => hang(0, context) })
    .waitFor(go, forRun),
);

const workflows = [running, everywhere, stuck, halfUndone, undoneAsAWhole, slowlyUndone];

inEveryWay("To compensate", workflows, (host, store, mode) => {
  const job = (name: string): Job => ({ id: `${name} ${store.name} ${mode}` });
  const isUndone = { code: "WORKFLOW_TERMINATED", reason: "compensated: a mistake" };
  const done = (run: Run<unknown>, path: string) => () =>
    store.transitionsOf(run.id).some(({ pointers }) => pointers.some((row) => row.path === path));
  const waits = (run: Run<unknown>, path: string) => () =>
    store.transitionsOf(run.id).some(({ subscribe }) => subscribe.some((row) => row.path === path));

  test("stops the step that runs, and undoes it with what it was given, and all before it", async () => {
    const run = await host().startWorkflow(running, job("running"));
    await until(() => hanging.has(run.id));
    assert.equal(await run.compensate("a mistake"), true);
    await assert.rejects(run.result(), isUndone);
    assert.ok((stopped.get(run.id) ?? 0) > 0);
    assert.deepEqual(toldOf(run), [`pay account ${job("running").id} unknown`, "second completed", "first completed"]);
    assert.equal(await run.compensate(), false);
  });

  test("goes through waits, delays, races, iterations and sagas, the last step first", async () => {
    const run = await host().startWorkflow(everywhere, job("everywhere"));
    const { id } = job("everywhere");
    await until(done(run, "parallel/sagas/saga-2/open"));
    await host().publishEvent(go, id);
    await until(done(run, "parallel/race/race/works/raced"));
    await host().publishEvent(then, id);
    await until(done(run, "parallel/items/each[0]/item"));
    await run.compensate("a mistake");
    await assert.rejects(run.result(), isUndone);
    assert.deepEqual(toldOf(run), [
      "item a",
      ...["raced", "open", "outer", "inner", "first"].map((name) => `${name} completed`),
    ]);
  });

  test("undoes a run that rests since a step has failed for good", async () => {
    const run = await host().startWorkflow(stuck, job("stuck"));
    await until(isIn(run, "Suspended"));
    await run.compensate("a mistake");
    await assert.rejects(run.result(), isUndone);
    assert.deepEqual(toldOf(run), ["stuck unknown", "first completed"]);
  });

  test("goes on with a saga that could not be undone, and ends as it was asked to", async () => {
    const run = await host().startWorkflow(halfUndone, job("half undone"));
    await until(isIn(run, "Suspended"));
    mended.add(run.id);
    await run.compensate();
    await assert.rejects(run.result(), { code: "WORKFLOW_TERMINATED", reason: "compensated" });
    assert.deepEqual(toldOf(run), ["mended", "early completed", "first completed"]);
  });

  test("goes on with a rollback of the whole run, which ends as it would have", async () => {
    const run = await host().startWorkflow(undoneAsAWhole, job("as a whole"));
    await until(isIn(run, "Suspended"));
    await run.compensate("a mistake");
    await until(() => store.transitionsOf(run.id).filter(({ status }) => status === "Suspended").length > 1);
    mended.add(run.id);
    await run.compensate("a mistake");
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    assert.deepEqual(toldOf(run), ["mended", "first completed"]);
  });

  test("can be suspended and resumed, and asked for twice", async () => {
    const run = await host().startWorkflow(slowlyUndone, job("suspended"));
    await until(waits(run, "go"));
    await run.compensate("a mistake");
    await until(() => hanging.has(run.id));
    await run.suspend();
    await until(isIn(run, "Suspended"));
    await run.resume();
    await run.compensate("another");
    released.add(run.id);
    await run.suspend(); // what hangs is told to stop
    await run.resume();
    await assert.rejects(run.result(), isUndone);
    assert.deepEqual(toldOf(run), ["first completed"]);
  });

  test("is cut short by terminate", async () => {
    const run = await host().startWorkflow(slowlyUndone, job("terminated"));
    await until(waits(run, "go"));
    await run.compensate("a mistake");
    await until(() => hanging.has(run.id));
    await run.terminate("enough");
    await assert.rejects(run.result(), { code: "WORKFLOW_TERMINATED", reason: "enough" });
    assert.deepEqual(toldOf(run), []);
  });
});
