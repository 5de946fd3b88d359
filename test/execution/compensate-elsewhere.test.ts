import assert from "node:assert/strict";
import { defineWorkflow, event, type Flow, type Run, step, type StepContext } from "workflow-core";
import { eventually, onEveryClock, test } from "../support/clocked-stores.ts";

interface Job {
  readonly id: string;
}

const hour = 3_600_000;
const undone = new Map<string, string[]>();
const tell = (id: string, line: string): void => void undone.set(id, [...(undone.get(id) ?? []), line]);
const toldOf = (run: Run<unknown>): readonly string[] => undone.get(run.id) ?? [];

const go = event("go");
const forRun = { key: ({ id }: Job) => id };

const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<Job>) =>
  flow
    .waitFor(go, forRun)
    .run("book", () => 1, { compensateWith: (_, { instanceId }) => tell(instanceId, "book") })
    .delay("1 day")
    .returns(() => "done"),
);
const other = defineWorkflow({ id: "other", version: 1 }, (flow: Flow<Job>) => flow.run("other", () => 1));

const begun = new Set<string>();
const hang = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));
const pay = step(
  "pay",
  ({ account }: { readonly account: string }, { instanceId, signal }: StepContext) => {
    begun.add(`${instanceId} ${account}`);
    return hang(signal);
  },
  { compensateWith: ({ input, outcome }, { instanceId }) => tell(instanceId, `pay ${input.account} ${outcome}`) },
);
const paying = defineWorkflow({ id: "paying", version: 1 }, (flow: Flow<Job>) =>
  flow.then(pay, { input: ({ id }) => ({ account: `account of ${id}` }) }),
);

const timed = defineWorkflow({ id: "timed", version: 1, timeout: "1 hour" }, (flow: Flow<Job>) =>
  flow
    .run("book", () => 1, {
      retry: { maxAttempts: 2, initial: "2 hours" },
      compensateWith: (_, { instanceId, attempt }) => {
        if (attempt === 1) throw new Error("not now");
        tell(instanceId, "book");
      },
    })
    .waitFor(go, forRun),
);

onEveryClock("Undoing", (store) => {
  test("by request needs a host that has the definition, and is not lost till there is one", async () => {
    const first = await store.host({ workflows: [waiting] });
    const [run, ended] = await Promise.all(["run", "ended"].map((id) => first.startWorkflow(waiting, { id })));
    assert.ok(run !== undefined && ended !== undefined);
    for (const id of ["run", "ended"]) await first.publishEvent(go, id);
    await eventually(async () => toldOf(run).length === 0 && (await run.status()) === "Runnable", "it runs");
    await store.quiet();
    await first.stop();

    const stranger = await store.host({ workflows: [other] });
    for (const { id } of [run, ended]) assert.equal(await stranger.getRun(id).compensate("a mistake"), true);
    await stranger.getRun(run.id).suspend();
    await stranger.getRun(ended.id).terminate("at once");
    await assert.rejects(stranger.getRun(ended.id).result(), { code: "WORKFLOW_TERMINATED", reason: "at once" });
    assert.equal(await stranger.getRun(run.id).status(), "Runnable"); // what was asked for behind it waits with it
    assert.deepEqual([...toldOf(run), ...toldOf(ended)], []);

    const second = await store.host({ workflows: [waiting] });
    await eventually(async () => (await second.getRun(run.id).status()) === "Suspended", "both were carried out");
    await second.getRun(run.id).resume();
    await assert.rejects(second.getRun(run.id).result(), { reason: "compensated: a mistake" });
    assert.deepEqual(toldOf(run), ["book"]);
    await Promise.all([stranger.stop(), second.stop()]);
  });

  test("and all else that is asked of a run by a host without its definition leaves it as it is", async () => {
    const idle = await store.host({ workflows: [waiting], concurrency: 0 });
    const run = await idle.startWorkflow(waiting, { id: "unbegun" });
    const stranger = await store.host({ workflows: [other] });
    await stranger.getRun(run.id).suspend();
    await eventually(async () => (await run.status()) === "Suspended", "it rests");
    await stranger.getRun(run.id).resume();
    await eventually(async () => (await run.status()) === "Runnable", "it may go on");
    const able = await store.host({ workflows: [waiting] });
    await able.publishEvent(go, "unbegun");
    await store.quiet();
    await store.advance(24 * hour);
    assert.equal(await able.getRun(run.id).result(), "done");
    await Promise.all([idle, stranger, able].map((host) => host.stop()));
  });

  test("outlasts the run's own time, once it was asked for", async () => {
    const host = await store.host({ workflows: [timed] });
    const run = await host.startWorkflow(timed, { id: "timed" });
    await store.quiet();
    await run.compensate();
    await store.quiet();
    await store.advance(2 * hour);
    await assert.rejects(run.result(), { code: "WORKFLOW_TERMINATED", reason: "compensated" });
    assert.deepEqual(toldOf(run), ["book"]);
    await host.stop();
  });

  test("of a step that the run's time cuts off is told what the step was given", async () => {
    const host = await store.host({ workflows: [paying] });
    const run = await host.startWorkflow(paying, { id: "late" }, { timeout: 50 });
    await eventually(() => begun.has(`${run.id} account of late`), "it pays");
    await store.advance(50);
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    assert.deepEqual(toldOf(run), ["pay account of late unknown"]);
    await host.stop();
  });
});
