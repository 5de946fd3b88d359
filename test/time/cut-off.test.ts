import assert from "node:assert/strict";
import { describe } from "node:test";
import {
  defineWorkflow,
  ExecutionResult,
  type Flow,
  PermanentError,
  transactionalStep,
  type WorkflowHost,
} from "workflow-core";
import { type ClockedStore, onEveryClock, test } from "../support/clocked-stores.ts";

interface Job {
  readonly id: string;
}

const hour = 3_600_000;

const make = transactionalStep("make", async (_, { tx }) => {
  await tx.query("create table if not exists refund (id text not null, page int not null)");
});
const making = defineWorkflow({ id: "making", version: 1 }, (flow: Flow<object>) => flow.then(make));

const read = transactionalStep("read", async ({ id }: Job, { tx }) => {
  const { rows } = await tx.query<{ readonly page: number }>("select page from refund where id = $1 order by page", [
    id,
  ]);
  return rows.map(({ page }) => page);
});
const reading = defineWorkflow({ id: "reading", version: 1 }, (flow: Flow<Job>) =>
  flow.then(read, { as: "pages" }).returns((_, { pages }) => pages),
);

/** Pays back in two pages, a day apart. */
const refund = transactionalStep("refund", async (_: unknown, { tx, instanceId, persistenceData }) => {
  const page = persistenceData === undefined ? 1 : 2;
  await tx.query("insert into refund (id, page) values ($1, $2)", [instanceId, page]);
  return page === 1 ? ExecutionResult.sleep("1 day", { paid: page }) : undefined;
});

const paying = defineWorkflow({ id: "paying", version: 1 }, (flow: Flow<Job>) =>
  flow.within("1 hour", (body) =>
    body.saga((saga) =>
      saga
        .run("pay", () => 1, { compensateWith: refund })
        .run("fail", () => {
          throw new PermanentError("no");
        }),
    ),
  ),
);

const workflows = [making, reading, paying];

const runTests = (store: ClockedStore, open: () => Promise<WorkflowHost>): void => {
  test("goes on with what it has persisted, in the rollback that takes its place", async () => {
    const host = await open();
    await (await host.startWorkflow(making, {})).result();
    const run = await host.startWorkflow(paying, { id: "a" });
    await store.quiet();
    await store.advance(hour);
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    assert.deepEqual(await (await host.startWorkflow(reading, { id: run.id })).result(), [1, 2]);
    await host.stop();
  });
};

const tests = (store: ClockedStore): void => {
  describe("straight", () => runTests(store, () => store.host({ workflows })));
  describe("claimed anew after every transition", () => runTests(store, () => store.forgetfulHost({ workflows })));
};

// PGlite runs the same statements as PostgreSQL.
onEveryClock("a transactional compensation that is cut off by a timer", tests, ["postgres"]);
