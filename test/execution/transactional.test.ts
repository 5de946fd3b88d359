import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  defineWorkflow,
  ExecutionResult,
  type Flow,
  type Run,
  transactionalStep,
  WorkflowFailedError,
} from "workflow-core";
import { inEveryWay, sqlStores } from "../support/stores.ts";

interface Job {
  readonly n: number;
}

const make = transactionalStep("make", async (_, { tx }) => {
  await tx.query("create table if not exists ledger (run text not null)");
});
const making = defineWorkflow({ id: "making", version: 1 }, (flow: Flow<object>) => flow.then(make));

/** Reads what was kept of a run, as a step of another. */
const read = transactionalStep("read", async ({ run }: { readonly run: string }, { tx }) => {
  const { rows } = await tx.query("select run from ledger where run = $1", [run]);
  return rows.length;
});
const reading = defineWorkflow({ id: "reading", version: 1 }, (flow: Flow<{ readonly run: string }>) =>
  flow.then(read, { as: "kept" }).returns((_, { kept }) => kept),
);

const write = "insert into ledger (run) values ($1)";
const book = transactionalStep("book", async (_: Job, { tx, instanceId }) => {
  await tx.query(write, [instanceId]);
  return 1;
});
/** What goes on for ever fails by its name. */
const inTime = { timeout: 15_000 };
const noPatch = (): never => {
  throw new Error("no patch");
};

const failing = defineWorkflow({ id: "failing", version: 1 }, (flow: Flow<Job>) =>
  flow.then(book, { output: noPatch }),
);

let isMended = false;
const parked = defineWorkflow({ id: "parked", version: 1 }, (flow: Flow<Job>) =>
  flow.then(book, { onError: "suspend", output: () => (isMended ? { n: 7 } : noPatch()) }).returns(({ n }) => n),
);

const inLaps = defineWorkflow({ id: "in-laps", version: 1 }, (flow: Flow<Job>) =>
  flow
    .while(
      ({ n }) => n < 4,
      (lap) =>
        lap
          .if(
            ({ n }) => n === 0,
            (first) => first.attempt((body) => body.then(book, { output: noPatch }), { otherwise: (late) => late }),
          )
          .set(({ n }) => ({ n: n + 1 })),
      { keepLaps: 1 },
    )
    .returns(({ n }) => n),
);

const undone: string[] = [];
const halfway = (how: "persist" | "sleep") =>
  defineWorkflow({ id: `halfway-${how}`, version: 1 }, (flow: Flow<Job>) =>
    flow.then(
      transactionalStep("half", async (_: Job, { tx, instanceId }) => {
        await tx.query(write, [instanceId]);
        return how === "persist" ? ExecutionResult.persist({ page: 1 }) : ExecutionResult.sleep(10, { page: 1 });
      }),
      { compensateWith: (_, { instanceId }) => void undone.push(instanceId) },
    ),
  );
const halves = [halfway("persist"), halfway("sleep")];

inEveryWay(
  "A transactional step",
  [making, reading, failing, parked, inLaps, ...halves],
  (host) => {
    before(async () => void (await (await host().startWorkflow(making, {})).result()));
    const keptOf = async (run: Run<unknown>): Promise<number | undefined> =>
      (await host().startWorkflow(reading, { run: run.id })).result();

    test("leaves nothing behind if its output cannot be used", async () => {
      const run = await host().startWorkflow(failing, { n: 0 });
      await assert.rejects(run.result(), { code: "WORKFLOW_FAILED", message: /no patch/ });
      assert.equal(await keptOf(run), 0);
    });

    test("leaves nothing behind while it waits for a person, and has its effect once when it goes on", async () => {
      isMended = false;
      const run = await host().startWorkflow(parked, { n: 0 });
      while ((await run.status()) !== "Suspended") await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal(await keptOf(run), 0);
      isMended = true;
      await run.resume();
      assert.equal(await run.result(), 7);
      assert.equal(await keptOf(run), 1);
    });

    test("leaves nothing behind if it fails in a lap whose rows are not kept", async () => {
      const run = await host().startWorkflow(inLaps, { n: 0 });
      assert.equal(await run.result(), 4);
      assert.equal(await keptOf(run), 0);
    });

    test("that can be undone is done as a whole or not at all: nothing is kept of half of it", inTime, async () => {
      for (const workflow of halves) {
        const run = await host().startWorkflow(workflow, { n: 0 });
        const error: unknown = await run.result().catch((thrown: unknown) => thrown);
        assert.ok(error instanceof WorkflowFailedError);
        assert.deepEqual([error.failure.code, error.failure.path], ["INVALID_REQUEST", "half"], workflow.id);
        assert.equal(await keptOf(run), 0);
        assert.ok(!undone.includes(run.id));
      }
    });
  },
  sqlStores,
);
