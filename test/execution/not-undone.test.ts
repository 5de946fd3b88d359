import assert from "node:assert/strict";
import { test } from "node:test";
import {
  defineWorkflow,
  type Flow,
  PermanentError,
  type Run,
  step,
  type StepContext,
  WorkflowFailedError,
} from "workflow-core";
import { inEveryWay } from "../support/stores.ts";

interface Job {
  readonly id: string;
}

const lines = new Map<string, Set<string>>();
const tell = (id: string, line: string): void => void (lines.get(id) ?? lines.set(id, new Set()).get(id))?.add(line);
const toldOf = (run: Run<unknown>): readonly string[] => [...(lines.get(run.id) ?? [])];
const undo = (name: string) => ({
  compensateWith: (_: unknown, { instanceId }: StepContext) => tell(instanceId, `undo ${name}`),
});
const refused = (): never => {
  throw new PermanentError("no such account");
};
const fail = (): never => {
  throw new PermanentError("sold out", { code: "SOLD_OUT" });
};
const stubborn = step("refund", refused);
const goesOn = { compensateWith: stubborn, onCompensationError: "continue" } as const;
const givesUp = { compensateWith: refused, onCompensationError: "fail" } as const;

const continued = defineWorkflow({ id: "continued", version: 1 }, (flow: Flow<Job>) =>
  flow
    .run("first", () => 1, undo("first"))
    .run("pay", () => 2, goesOn)
    .run("third", () => 3, undo("third"))
    .run("tip", () => 4, goesOn)
    .run("fail", fail),
);

const again = step(
  "again",
  (_: unknown, { attempt, instanceId }: StepContext): void => {
    tell(instanceId, `attempt ${attempt}`);
    throw new Error("not yet");
  },
  { retry: { maxAttempts: 3, initial: 1 } },
);
const patient = defineWorkflow({ id: "patient", version: 1 }, (flow: Flow<Job>) =>
  flow
    .run("first", () => 1, undo("first"))
    .run("pay", () => 2, { compensateWith: again, onCompensationError: "continue" })
    .run("fail", fail),
);

const inSaga = defineWorkflow({ id: "in-saga", version: 1 }, (flow: Flow<Job>) =>
  flow
    .run("first", () => 1, undo("first"))
    .attempt(
      (body) =>
        body.saga(
          (saga) =>
            saga
              .run("early", () => 1, undo("early"))
              .run("pay", () => 2, goesOn)
              .run("fail", fail),
          {
            afterCompensation: "continue",
            name: "trip",
          },
        ),
      {
        permanent: (handler) =>
          handler.run("handle", (_, { scope }) => ({ code: scope.failure.code, of: scope.failure.cause?.code })),
      },
      { as: "handled" },
    )
    .returns((_, { handled }) => handled),
);

const gaveUp = defineWorkflow({ id: "gave-up", version: 1 }, (flow: Flow<Job>) =>
  flow
    .run("first", () => 1, undo("first"))
    .parallel({
      saga: (branch) =>
        branch.saga(
          (saga) =>
            saga
              .run("early", () => 2, undo("early"))
              .run("pay", () => 3, givesUp)
              .run("late", () => 4, undo("late"))
              .run("fail", fail),
          { afterCompensation: "continue" },
        ),
      other: (branch) => branch.delay("1 day"),
    }),
);

const many = defineWorkflow({ id: "many", version: 1 }, (flow: Flow<Job>) =>
  flow
    .forEach(
      () => Array.from({ length: 30 }, (_, n) => n),
      (each) => each.run("item", (n) => n, undo("item")),
    )
    .run("pay", () => 3, givesUp)
    .run("fail", fail),
);

const requested = defineWorkflow({ id: "requested", version: 1 }, (flow: Flow<Job>) =>
  flow
    .run("first", () => 1, undo("first"))
    .run("pay", () => 2, goesOn)
    .delay("1 day"),
);

/** A saga that a race cuts off in the middle of its rollback, of which one step was not undone. */
const cutOff = defineWorkflow({ id: "cut-off-halfway", version: 1 }, (flow: Flow<Job>) =>
  flow
    .race({
      saga: (way) =>
        way.saga((saga) =>
          saga
            .run("slow", () => 1, { retry: { maxAttempts: 2, initial: "1 day" }, compensateWith: laterOnly })
            .run("pay", () => 2, goesOn)
            .run("fail", fail),
        ),
      other: (way) => way.run("wait", (_, { instanceId }) => until(() => waiting.has(instanceId))).delay(30),
    })
    .run("fail", fail),
);
const waiting = new Set<string>();
function laterOnly(_: unknown, { instanceId }: StepContext): void {
  if (waiting.has(instanceId)) return tell(instanceId, "undo slow");
  waiting.add(instanceId);
  throw new Error("not now");
}
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const workflows = [continued, patient, inSaga, gaveUp, many, requested, cutOff];

inEveryWay("A compensation that fails for good", workflows, (host, store, mode) => {
  const job: Job = { id: `${store.name} ${mode}` };
  const failureOf = async (run: Run<unknown>) => {
    const error = await run.result().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof WorkflowFailedError);
    return error.failure;
  };

  test("lets the others go on if it says so, and the run's failure names what is not undone", async () => {
    const run = await host().startWorkflow(continued, job);
    const failure = await failureOf(run);
    assert.equal(failure.code, "COMPENSATION_FAILED");
    assert.equal(failure.message, 'Not undone: "tip", "pay": no such account');
    assert.equal(failure.path, "tip");
    assert.deepEqual([failure.cause?.code, failure.cause?.path], ["SOLD_OUT", "fail"]);
    assert.deepEqual(toldOf(run), ["undo third", "undo first"]);
  });

  test("is tried again as its own policy says before", async () => {
    const run = await host().startWorkflow(patient, job);
    assert.equal((await failureOf(run)).message, 'Not undone: "pay": not yet');
    assert.deepEqual(toldOf(run), ["attempt 1", "attempt 2", "attempt 3", "undo first"]);
  });

  test("keeps a saga from being passed as if it were undone: whoever is around it deals with that", async () => {
    const run = await host().startWorkflow(inSaga, job);
    assert.deepEqual(await run.result(), { code: "COMPENSATION_FAILED", of: "SOLD_OUT" });
    assert.deepEqual(toldOf(run), ["undo early"]);
  });

  test("ends the run at once if it says so, from inside a saga too, and what is left is named", async () => {
    const run = await host().startWorkflow(gaveUp, job);
    const failure = await failureOf(run);
    assert.equal(
      failure.message,
      'Not undone: "parallel/saga/saga/pay", "parallel/saga/saga/early", "first": no such account',
    );
    assert.equal(failure.cause?.code, "SOLD_OUT");
    assert.deepEqual(toldOf(run), ["undo late"]);
  });

  test("does not have more than a few looked for, to be named", async () => {
    const { message } = await failureOf(await host().startWorkflow(many, job));
    assert.match(message, /^Not undone: "pay", "each\[\d+\]\/item", .* and what was done before: no such account$/);
    assert.equal(message.match(/"/g)?.length, 2 * 20);
  });

  test("makes a run that somebody wanted undone fail", async () => {
    const run = await host().startWorkflow(requested, job);
    await until(() => store.transitionsOf(run.id).some(({ pointers }) => pointers.some(({ path }) => path === "pay")));
    await run.compensate();
    const failure = await failureOf(run);
    assert.deepEqual([failure.message, failure.cause], ['Not undone: "pay": no such account', undefined]);
    assert.deepEqual(toldOf(run), ["undo first"]);
  });

  test("is remembered when its rollback is cut off, and named by the one that goes on with it", async () => {
    const run = await host().startWorkflow(cutOff, job);
    assert.equal((await failureOf(run)).message, 'Not undone: "race/saga/saga/pay": no such account');
    assert.deepEqual(toldOf(run), ["undo slow"]);
  });
});
