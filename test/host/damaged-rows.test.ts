import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createHost, defineWorkflow, type Flow } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { freshDatabase, rowsOf } from "../support/database.ts";

const timeout = 25_000;

test("a row that cannot be written costs its neighbours nothing", { timeout }, async (t) => {
  const database = await freshDatabase();
  const ran: number[] = [];
  const workflow = defineWorkflow({ id: "neighbour", version: 1 }, (flow: Flow<{ readonly n: number }>) =>
    flow
      .run("body", async ({ n }) => {
        ran.push(n);
        await delay(100); // so that all answers go in one batch
      })
      .returns(() => "ok"),
  );
  const persistence = new PostgresPersistenceProvider({ url: database.url, lanes: 1 });
  const host = createHost({ workflows: [workflow], persistence });
  await host.start();
  t.after(async () => {
    await host.stop();
    await database.drop();
  });
  await rowsOf(
    database.url,
    `create function public.refuse() returns trigger language plpgsql as
      $$ begin raise exception 'the row is damaged' using errcode = 'XX001'; end $$`,
  );
  await rowsOf(
    database.url,
    `create trigger refuse before update on workflow_core.instance for each row
      when (new.reference = 'damaged') execute function public.refuse()`,
  );
  const items = Array.from({ length: 40 }, (_, n) => ({ data: { n }, ...(n === 7 ? { reference: "damaged" } : {}) }));
  const outcomes = await host.startWorkflows(workflow, items);
  const runs = outcomes.flatMap((one) => (one.status === "started" ? [one.run] : []));
  assert.equal(runs.length, 40);
  const results = await Promise.all(runs.filter((_, n) => n !== 7).map((run) => run.result()));
  assert.ok(results.every((result) => result === "ok"));
  assert.equal(ran.length, 40, "no body ran twice");
  await delay(2_000); // what could not be committed was given up, and cannot be given back
  const late = await host.startWorkflow(workflow, { n: 100 });
  assert.equal(await late.result(), "ok");
});
