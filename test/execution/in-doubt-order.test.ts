import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, event, type Flow, PermanentError, type Run, type StepContext } from "workflow-core";
import { inEveryWay } from "../support/stores.ts";

interface Job {
  readonly id: string;
}

const [first, second] = [event("first"), event("second")];
const forRun = { key: ({ id }: Job) => id };

const lines = new Map<string, Set<string>>();
const toldOf = (run: Run<unknown>): readonly string[] => [...(lines.get(run.id) ?? [])];
const undo = (name: string) => ({
  compensateWith: ({ outcome }: { readonly outcome: string }, { instanceId }: StepContext) =>
    void (lines.get(instanceId) ?? lines.set(instanceId, new Set()).get(instanceId))?.add(`${name} ${outcome}`),
});

/** What hangs, by run; and runs in which it does not any more. */
const hanging = new Map<string, Set<string>>();
const failing = new Set<string>();
const winning = new Set<string>();
const begin = ({ instanceId, path }: StepContext): void =>
  void (hanging.get(instanceId) ?? hanging.set(instanceId, new Set()).get(instanceId))?.add(path);

const hang = (_: unknown, context: StepContext): Promise<never> =>
  new Promise((_resolve, reject) => {
    begin(context);
    context.signal.addEventListener("abort", () => reject(new Error("stopped")));
  });

/** Hangs until its run is among those that are released. */
const hangUntil = (released: ReadonlySet<string>, end: () => unknown) => async (_: unknown, context: StepContext) => {
  begin(context);
  while (!released.has(context.instanceId)) {
    if (context.signal.aborted) throw new Error("stopped");
    await pause();
  }
  return end();
};
/** Keeps no process. */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5).unref());
const fail = (): never => {
  throw new PermanentError("no");
};

/** Names whose order in the database is neither that of the branches nor that in which they begin. */
const build = (flow: Flow<Job>) =>
  flow.parallel({
    dd: (branch) => branch.run("dd", () => 1, undo("dd")).run("waits", () => 1),
    eee: (branch) => branch.run("fails", hangUntil(failing, fail), undo("fails")),
    c: (branch) => branch.waitFor(second, forRun).run("c", hang, undo("c")),
    bbbb: (branch) => branch.run("bbbb", hang, undo("bbbb")),
    a: (branch) => branch.waitFor(first, forRun).run("a", hang, undo("a")),
  });

const beside = defineWorkflow({ id: "in-doubt-beside", version: 1 }, (flow: Flow<Job>) => build(flow));

const cutOff = defineWorkflow({ id: "in-doubt-cut-off", version: 1 }, (flow: Flow<Job>) =>
  flow
    .race({
      loses: (way) =>
        way.parallel({
          c: (branch) => branch.waitFor(second, forRun).run("c", hang, undo("c")),
          bbbb: (branch) => branch.run("bbbb", hang, undo("bbbb")),
          a: (branch) => branch.waitFor(first, forRun).run("a", hang, undo("a")),
        }),
      wins: (way) =>
        way.run(
          "win",
          hangUntil(winning, () => 1),
        ),
    })
    .run("fail", fail),
);

inEveryWay("Steps in doubt", [beside, cutOff], (host, store, mode) => {
  const job = (name: string): Job => ({ id: `${name} ${store.name} ${mode}` });
  const hangs = async (run: Run<unknown>, path: string): Promise<void> => {
    while (hanging.get(run.id)?.has(path) !== true) await pause();
  };
  const begun = async (workflow: typeof beside, name: string, at: string): Promise<Run<unknown>> => {
    const run = await host().startWorkflow(workflow, job(name));
    await hangs(run, `${at}/bbbb/bbbb`);
    await host().publishEvent(first, job(name).id);
    await hangs(run, `${at}/a/a`);
    await host().publishEvent(second, job(name).id);
    await hangs(run, `${at}/c/c`);
    return run;
  };
  const inTurn = ["c", "a", "bbbb"].map((name) => `${name} unknown`);

  test("are undone before what was done, the last one that became ready first, when one of them fails", async () => {
    const run = await begun(beside, "fails", "parallel");
    failing.add(run.id);
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    assert.deepEqual(toldOf(run), [...inTurn, "fails unknown", "dd completed"]);
  });

  test("and on request", async () => {
    const run = await begun(beside, "requested", "parallel");
    await run.compensate();
    await assert.rejects(run.result(), { code: "WORKFLOW_TERMINATED" });
    assert.deepEqual(toldOf(run), [...inTurn, "fails unknown", "dd completed"]);
  });

  test("and in the same order when they were cut off, and are undone later", async () => {
    const run = await begun(cutOff, "cut off", "race/loses/parallel");
    winning.add(run.id);
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    assert.deepEqual(toldOf(run), inTurn);
  });
});
