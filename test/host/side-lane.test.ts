import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import pg from "pg";
import { createHost, defineWorkflow, event, type Flow, type WorkflowHost } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { eventually } from "../support/clocked-stores.ts";
import { freshDatabase, type FreshDatabase, rowsOf } from "../support/database.ts";

const workflow = defineWorkflow({ id: "quick", version: 1 }, (flow: Flow<Readonly<Record<string, never>>>) =>
  flow.run("only", () => "ok").returns(() => "ok"),
);
const paid = event("paid");
const heard = defineWorkflow({ id: "heard", version: 1 }, (flow: Flow<{ readonly id: string }>) =>
  flow.waitFor(paid, { key: ({ id }) => id }).returns(() => "heard"),
);
const timeout = 25_000; // before anything gives up

for (const maxConnections of [8, 10]) {
  describe(`while a caller's transaction stays open, on ${maxConnections} connections`, () => {
    let database: FreshDatabase;
    let host: WorkflowHost;
    let caller: pg.Client;
    before(async () => {
      database = await freshDatabase();
      const persistence = new PostgresPersistenceProvider({ url: database.url, maxConnections });
      host = createHost({ workflows: [workflow, heard], persistence });
      await host.start();
      caller = new pg.Client(database.url);
      await caller.connect();
    });
    after(async () => {
      await host.stop();
      await caller.end();
      await database.drop();
    });

    test("starts of the same keys wait for it, and nothing else does", { timeout }, async () => {
      await caller.query("begin");
      const keys = ["a", "b", "c"];
      for (const key of keys) await host.startWorkflow(workflow, {}, { key, tx: caller });
      const outside = keys.map((key) => host.startWorkflow(workflow, {}, { key }));
      await lockIsAwaited(database.url);
      for (let time = 0; time < 3; time += 1) {
        const [plain, keyed] = await Promise.all([
          host.startWorkflow(workflow, {}),
          host.startWorkflow(workflow, {}, { key: `free-${time}` }),
        ]);
        assert.deepEqual([await plain.result(), await keyed.result()], ["ok", "ok"]);
      }
      await caller.query("commit");
      for (const run of await Promise.all(outside)) assert.equal(await run.result(), "ok");
    });

    test("events under the same key wait for it, and nothing else does", { timeout }, async () => {
      await caller.query("begin");
      await host.publishEvent(paid, "a", undefined, { idempotencyKey: "once", tx: caller });
      const outside = host.publishEvent(paid, "a", undefined, { idempotencyKey: "once" });
      await lockIsAwaited(database.url);
      const runs = await Promise.all(["x", "y"].map((id) => host.startWorkflow(heard, { id })));
      await host.publishEvent(paid, "x");
      await host.publishEvent(paid, "y", undefined, { idempotencyKey: "other" });
      for (const run of runs) assert.equal(await run.result(), "heard");
      await caller.query("commit");
      await outside;
    });

    test("a start of its key begins its run if the transaction is rolled back", { timeout }, async () => {
      await caller.query("begin");
      await host.startWorkflow(workflow, {}, { key: "back", tx: caller });
      const outside = host.startWorkflow(workflow, {}, { key: "back" });
      await lockIsAwaited(database.url);
      await caller.query("rollback");
      assert.equal(await (await outside).result(), "ok");
    });
  });
}

/** Asked from outside: within a transaction the answer stays the same. */
const lockIsAwaited = (url: string): Promise<void> =>
  eventually(
    async () =>
      (
        await rowsOf(
          url,
          "select 1 as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
        )
      ).length > 0,
    "a lock is waited for",
  );
