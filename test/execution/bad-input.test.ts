import assert from "node:assert/strict";
import { test } from "node:test";
import { createHost, defineWorkflow, type Duration, event, type Flow, type Run, type StepContext } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { eventually, pause } from "../support/clocked-stores.ts";
import { inEveryWay } from "../support/stores.ts";

/** What authors get wrong and no type sees, each with the state in which it can be seen. What is refused before a run begins is in
 *  test/builder; a body that kills or blocks its process is in test/chaos. */

interface Given {
  readonly how: string;
}

const raise = (thrown: unknown): never => {
  throw thrown;
};

const nonsense: { readonly [how: string]: () => unknown } = {
  "a function": () => () => 1,
  "a symbol": () => Symbol("s"),
  NaN: () => ({ deep: [Number.NaN] }),
  "a cycle": () => {
    const knot: { self?: unknown } = {};
    knot.self = knot;
    return knot;
  },
  "a getter that throws": () => ({
    get x(): never {
      return raise(new Error("no"));
    },
  }),
  "an object of a class": () => new WeakMap(),
};

const thrown: { readonly [how: string]: unknown } = {
  "a text": "just a string",
  null: null,
  undefined: undefined,
  "a number": 7,
  "a proxy that throws": new Proxy({}, { get: () => raise("again") }),
};

const answering = defineWorkflow({ id: "answering", version: 1 }, (flow: Flow<Given>) =>
  flow.run("act", ({ how }) => nonsense[how]?.()),
);

const throwing = defineWorkflow({ id: "throwing", version: 1 }, (flow: Flow<Given>) =>
  flow.run("act", ({ how }) => raise(thrown[how]), { retry: { maxAttempts: 1 } }),
);

const durations: { readonly [how: string]: unknown } = {
  "a negative one": -1,
  "101 years": 101 * 366 * 24 * 3_600_000,
  "no number": Number.NaN,
  "a text without a unit that exists": "2 dayz",
  nothing: undefined,
};
const durationOf = ({ how }: Given): Duration => durations[how] as Duration;

const lasting = (verb: string, add: (flow: Flow<Given>) => Flow<Given>) =>
  defineWorkflow({ id: `lasting ${verb}`, version: 1 }, (flow: Flow<Given>) => add(flow));

const inside = (flow: Flow<Given>) => flow.run("inside", () => 1);
const delaying = [
  lasting("delay", (flow) => flow.delay(durationOf)),
  lasting("within", (flow) => flow.within(durationOf, inside) as unknown as Flow<Given>),
  lasting("schedule", (flow) => flow.schedule(durationOf, inside)),
];

let releases: (() => void)[] = [];
const untilReleased = (): Promise<void> => new Promise((resolve) => void releases.push(resolve));

const hanging = defineWorkflow({ id: "hanging", version: 1 }, (flow: Flow<object>) =>
  flow.run("hang", untilReleased, { timeout: 50, retry: { maxAttempts: 1 } }),
);

const failureOf = async (run: Run<unknown>): Promise<{ readonly code?: string; readonly path?: string }> => {
  const error: unknown = await run.result().then(
    () => assert.fail("it has ended well"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error && "code" in error && "failure" in error);
  assert.equal(error.code, "WORKFLOW_FAILED");
  assert.equal(await run.status(), "Failed");
  return error.failure as { readonly code?: string };
};

inEveryWay("Bad input", [answering, throwing, hanging, ...delaying], (host) => {
  for (const how of Object.keys(nonsense)) {
    test(`a body that answers ${how} has failed, and nothing of the answer is stored`, async () => {
      const { code, path } = await failureOf(await host().startWorkflow(answering, { how }));
      assert.deepEqual([code, path], ["NOT_STORABLE", "act"]);
    });
  }

  test("a body that throws what is no error has failed, with what it threw told as text", async () => {
    for (const how of Object.keys(thrown)) {
      const { path, ...failure } = await failureOf(await host().startWorkflow(throwing, { how }));
      assert.equal(path, "act", how);
      assert.ok("message" in failure && typeof failure.message === "string", how);
    }
  });

  test("a duration that is none, is negative or is longer than a century is a mapping that failed", async () => {
    for (const workflow of delaying) {
      for (const how of Object.keys(durations)) {
        const { code } = await failureOf(await host().startWorkflow(workflow, { how }));
        assert.equal(code, "MAPPING_FAILED", `${workflow.id}: ${how}`);
      }
    }
  });

  test("a body that never settles has failed when its time is over, and its late answer is nobody's", async () => {
    const run = await host().startWorkflow(hanging, {});
    assert.equal((await failureOf(run)).code, "STEP_TIMEOUT");
    for (const release of releases.splice(0)) release();
    assert.equal(await run.status(), "Failed");
  });
});

test("a body that never settles and has no timeout is seen to run, and ends for its neighbours with its run's termination", async (t) => {
  releases = [];
  const persistence = new MemoryPersistenceProvider();
  const patient = defineWorkflow({ id: "patient", version: 1 }, (flow: Flow<object>) =>
    flow.run("hang", (_, { signal }) =>
      Promise.race([
        untilReleased(),
        new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(new Error("told to stop")))),
      ]),
    ),
  );
  const host = createHost({ workflows: [patient], persistence, longStepMs: 20 });
  t.after(() => host.stop());
  await host.start();
  const run = await host.startWorkflow(patient, {});
  const rows = async () => (await persistence.getExecutionPointersByInstance(run.id, { limit: 5 })).items;
  await eventually(
    async () => (await rows()).some(({ path, status }) => path === "hang" && status === "Started"),
    "a row says that it runs",
  );
  assert.equal(await run.terminate("it hangs"), true);
  await assert.rejects(run.result(), { code: "WORKFLOW_TERMINATED", reason: "it hangs" });
  assert.deepEqual(
    (await rows()).map(({ status }) => status),
    ["Cancelled"],
  );
});

const told = event("told");
const stopped = (_: unknown, { signal }: StepContext): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("told to stop")));
  });
const again = (): never => {
  throw new Error("again");
};

/** Ways to stand at a step of this name. */
const standing: { readonly [how: string]: (flow: Flow<object>, name: string) => unknown } = {
  "sleeps in it": (flow, name) => flow.delay(100, { name }),
  "is about to run it": (flow, name) => flow.run(name, stopped),
  "is about to try it again": (flow, name) => flow.run(name, again, { retry: { initial: 100, jitter: false } }),
  "waits in it": (flow, name) => flow.waitFor(told, { name, key: () => "k" }),
  "is in an item of it": (flow, name) =>
    flow.forEach(
      () => [1, 2],
      (each) => each.delay(100),
      { name },
    ),
  "is about to undo it": (flow, name) =>
    flow
      .run(name, () => 1, { compensateWith: (_, context) => stopped(_, context) })
      .run("fail", again, { retry: { maxAttempts: 1 } }),
};

for (const [how, build] of Object.entries(standing)) {
  test(`a run that ${how}, which its definition does not have any more, is suspended and says so, also when it is resumed`, async (t) => {
    const persistence = new MemoryPersistenceProvider();
    const called = (name: string) =>
      defineWorkflow({ id: "renamed", version: 1 }, (flow: Flow<object>) => build(flow, name) as Flow<object>);
    const [before, after] = [called("old"), called("new")];
    const first = createHost({ workflows: [before], persistence, drainMs: 0 });
    await first.start();
    const { id } = await first.startWorkflow(before, {});
    await pause(20);
    await first.stop();
    const failures: unknown[] = [];
    const log = (): void => undefined;
    const logger = { debug: log, info: log, warn: log, error: (message: string) => void failures.push(message) };
    const second = createHost({ workflows: [after], persistence, onChanged: "accept", pollMs: 20, logger });
    t.after(() => second.stop());
    await second.start();
    await second.publishEvent(told, "k");
    const run = second.getRun(id);
    const isSuspended = async (): Promise<boolean> => (await run.status()) === "Suspended";
    await eventually(isSuspended, "it is suspended");
    await run.resume();
    await pause(30);
    await eventually(isSuspended, "it is suspended again");
    await run.compensate(); // nor can it be undone
    await pause(30);
    await eventually(isSuspended, "it is suspended still");
    assert.match((await persistence.getWorkflowInstance(id))?.reason ?? "", /has no step "(fail|.*old.*)"/);
    assert.deepEqual(failures, [], "no turn failed");
  });
}
