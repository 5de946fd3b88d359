import assert from "node:assert/strict";
import { test } from "node:test";
import { createHost, defineWorkflow, event, type Flow, type Run } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { freshDatabase, rowsOf, runOnce } from "../support/database.ts";

const bell = event("bell");

const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<object>) =>
  flow.waitFor(bell, { key: () => "k" }).run("after", () => 1),
);

const spoilings = {
  "a frontier without pointers": "frontier = '{}'",
  "a frontier that is none": "frontier = '[]'",
  "a pointer that is none": `frontier = '{"format":1,"pointers":{"waitFor":null}}'`,
  "a format of a later engine": "frontier = jsonb_set(frontier, '{format}', '99')",
  "a status of a later engine": "status = 9, due_at = now()",
};

for (const [what, spoiling] of Object.entries(spoilings)) {
  test(
    `${what} suspends its run, as it is, and holds up no other; an end is an end`,
    { timeout: 30_000 },
    async (t) => {
      const database = await freshDatabase();
      t.after(() => database.drop());
      const host = createHost({
        workflows: [waiting],
        persistence: new PostgresPersistenceProvider(database.url),
        pollMs: 100,
      });
      t.after(() => host.stop());
      await host.start();
      const runs: Run<unknown>[] = [];
      for (let n = 0; n < 5; n += 1) runs.push(await host.startWorkflow(waiting, {}));
      const [, , spoilt] = runs;
      if (spoilt === undefined) throw new Error("It was not started.");
      const row = `from workflow_core.instance where id = '${spoilt.id}'`;
      while ((await rowsOf(database.url, `select 1 ${row} and owner is null`)).length === 0);
      await runOnce(database.url, `update workflow_core.instance set ${spoiling} where id = $1`, [spoilt.id]);
      const [before] = await rowsOf(database.url, `select frontier::text ${row}`);
      await host.publishEvent(bell, "k");
      for (const run of runs) if (run !== spoilt) await run.result();
      while ((await rowsOf(database.url, `select 1 ${row} and status = 1`)).length === 0);
      assert.deepEqual((await rowsOf(database.url, `select frontier::text ${row}`))[0], before);
      const [{ reason } = { reason: "" }] = await rowsOf<{ reason: string }>(database.url, `select reason ${row}`);
      assert.match(reason, /cannot be read/);
      await spoilt.resume();
      await spoilt.terminate("hopeless");
      await assert.rejects(spoilt.result(), { code: "WORKFLOW_TERMINATED" });
    },
  );
}
