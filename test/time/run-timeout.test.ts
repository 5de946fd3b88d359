import assert from "node:assert/strict";
import { before, describe } from "node:test";
import {
  defineWorkflow,
  event,
  type Flow,
  PermanentError,
  type Workflow,
  WorkflowFailedError,
  type WorkflowHost,
} from "workflow-core";
import { type ClockedStore, eventually, onEveryClock, test } from "../support/clocked-stores.ts";

interface Trip {
  readonly id: string;
}

const hour = 3_600_000;
const go = event("go");
const undone: string[] = [];

const build = (flow: Flow<Trip>) =>
  flow
    .run("book", () => "a seat", { compensateWith: ({ input }) => void undone.push(input.id) })
    .waitFor(go, { key: ({ id }) => id })
    .returns(() => "went");

const undoing = defineWorkflow({ id: "undoing", version: 1, timeout: "2 hours" }, build);
const failing = defineWorkflow({ id: "failing", version: 1, timeout: "2 hours", onTimeout: "fail" }, build);
const patient = defineWorkflow({ id: "patient", version: 1, timeout: "2 hours" }, build);
const endless = defineWorkflow({ id: "endless", version: 1 }, build);

class Terminating implements Workflow<Trip> {
  readonly id = "terminating";
  readonly version = 1;
  readonly timeout = "2 hours";
  readonly onTimeout = "terminate";
  build(flow: Flow<Trip>) {
    return flow.delay("1 day").run("never", () => 1);
  }
}
const terminating = defineWorkflow(Terminating);

/** Its compensation takes longer than its time. */
const slowToUndo = defineWorkflow({ id: "slow-to-undo", version: 1, timeout: "2 hours" }, (flow: Flow<Trip>) =>
  flow
    .run("book", () => 1, {
      compensateWith: ({ input }, { attempt }) => {
        if (attempt === 1) throw new Error("not yet");
        undone.push(input.id);
      },
      retry: { maxAttempts: 3, initial: "3 hours", jitter: false, max: "1 day" },
    })
    .run("fail", () => {
      throw new PermanentError("no");
    }),
);

let aborted = 0;
const hanging = defineWorkflow({ id: "hanging", version: 1 }, (flow: Flow<Trip>) =>
  flow.run("hang", (_, { signal }) => {
    return new Promise<void>((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        aborted += 1;
        reject(new Error("stopped"));
      });
    });
  }),
);

const ran: string[] = [];
/** Rests since a step has failed; what comes behind would run if it were resumed in time. */
const resting = defineWorkflow({ id: "resting", version: 1, timeout: "2 hours" }, (flow: Flow<Trip>) =>
  flow
    .run(
      "fails",
      ({ id }) => {
        ran.push(id);
        if (ran.filter((one) => one === id).length === 1) throw new PermanentError("not yet");
      },
      { onError: "suspend" },
    )
    .run("behind", ({ id }) => void ran.push(id)),
);

const workflows = [undoing, failing, endless, terminating, slowToUndo, hanging, resting];

onEveryClock("the time of a whole run", (store) => {
  describe("straight", () => runTests(store, () => store.host({ workflows })));
  if (store.name !== "pglite")
    describe("claimed anew after every transition", () => runTests(store, () => store.forgetfulHost({ workflows })));
  test("stops a body that runs when it is over", async () => {
    aborted = 0;
    const host = await store.host({ workflows });
    const run = await host.startWorkflow(hanging, { id: "hangs" }, { timeout: 50 });
    await store.advance(50);
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED", message: /did not come to its end in the time/ });
    assert.equal(aborted, 1);
    await host.stop();
  });
  test("does not end a run whose event came in time, however late that is looked at", async () => {
    const id = `late ${store.name}`;
    const first = await store.host({ workflows: [patient] });
    const run = await first.startWorkflow(patient, { id });
    await store.quiet();
    await first.stop();
    const publisher = await store.host({ workflows: [], concurrency: 0 });
    await publisher.publishEvent(go, id);
    await publisher.stop(); // the event is delivered then
    await store.advance(3 * hour);
    const second = await store.host({ workflows: [patient] });
    assert.equal(await second.getRun(run.id).result(), "went");
    await second.stop();
  });
});

function runTests(store: ClockedStore, open: () => Promise<WorkflowHost>): void {
  let host: WorkflowHost;
  let runs = 0;
  const name = (): string => `${store.name} ${(runs += 1)} ${Math.random()}`;
  const isTimeout = (error: unknown): boolean =>
    error instanceof WorkflowFailedError &&
    error.failure.code === "RUN_TIMEOUT" &&
    error.failure.errorClass === "timeout";
  before(async () => {
    host = await open();
    undone.length = 0;
  });

  test("is over at its instant and not before; then all that was done is undone", async () => {
    const id = name();
    const run = await host.startWorkflow(undoing, { id });
    await store.quiet();
    await store.advance(2 * hour - 1);
    await store.quiet();
    assert.equal(await run.status(), "Runnable");
    assert.deepEqual(undone, []);
    await store.advance(1);
    await assert.rejects(run.result(), isTimeout);
    assert.deepEqual(undone, [id]);
  });

  test("does nothing to a run that is done in time", async () => {
    const id = name();
    const run = await host.startWorkflow(undoing, { id });
    await host.publishEvent(go, id);
    assert.equal(await run.result(), "went");
    await store.advance(3 * hour);
    await store.quiet();
    assert.equal(await run.status(), "Complete");
  });

  test("may end the run without undoing anything, as Failed or as Terminated", async () => {
    undone.length = 0;
    const failed = await host.startWorkflow(failing, { id: name() });
    const terminated = await host.startWorkflow(terminating, { id: name() });
    await store.quiet();
    await store.advance(2 * hour);
    await assert.rejects(failed.result(), isTimeout);
    await assert.rejects(terminated.result(), { code: "WORKFLOW_TERMINATED" });
    assert.deepEqual(undone, []);
  });

  test("is what the start says, if it says so", async () => {
    const short = await host.startWorkflow(endless, { id: name() }, { timeout: "1 hour" });
    const long = await host.startWorkflow(failing, { id: name() }, { timeout: "9 hours" });
    await store.quiet();
    await store.advance(3 * hour);
    await assert.rejects(short.result(), isTimeout);
    assert.equal(await long.status(), "Runnable");
    await assert.rejects(host.startWorkflow(endless, { id: "x" }, { timeout: 0 }), { code: "INVALID_DURATION" });
    await long.terminate();
  });

  test("counts from the tick for runs of a schedule", async () => {
    const id = name();
    await host.schedules.create({ id, workflow: failing, data: { id }, every: "1 hour" });
    await store.advance(hour);
    let run = "";
    const started = async (): Promise<boolean> => {
      run = (await host.schedules.get(id))?.lastRunId ?? "";
      return run !== "";
    };
    await eventually(started, "the schedule starts a run");
    await host.schedules.delete(id);
    await store.quiet();
    await store.advance(2 * hour);
    await assert.rejects(host.getRun(run).result(), isTimeout);
  });

  test("leaves a suspended run as it is until it is resumed", async () => {
    const run = await host.startWorkflow(failing, { id: name() });
    await store.quiet();
    await run.suspend();
    await store.quiet();
    await store.advance(3 * hour);
    await store.quiet();
    assert.equal(await run.status(), "Suspended");
    await run.resume();
    await assert.rejects(run.result(), isTimeout);
  });

  test("is over for a suspended run as soon as that is resumed: no body runs any more", async () => {
    const id = name();
    const run = await host.startWorkflow(resting, { id });
    await store.quiet();
    assert.equal(await run.status(), "Suspended");
    await store.advance(3 * hour);
    await store.quiet(); // the host has heard that time was moved
    await run.resume();
    await assert.rejects(run.result(), isTimeout);
    assert.deepEqual(
      ran.filter((one) => one === id),
      [id],
    );
  });

  test("lets a rollback that is under way come to its end", async () => {
    undone.length = 0;
    const id = name();
    const run = await host.startWorkflow(slowToUndo, { id });
    await store.quiet();
    await store.advance(4 * hour);
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED", message: /PermanentError: no/ });
    assert.deepEqual(undone, [id]);
  });
}
