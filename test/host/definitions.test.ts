import assert from "node:assert/strict";
import { test } from "node:test";
import { createHost, DefinitionChangedError, defineWorkflow, type Flow } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { freshDatabase } from "../support/database.ts";

const first = defineWorkflow({ id: "changing", version: 1 }, (flow: Flow<{ readonly n: number }>) =>
  flow.delay("1 hour").run("end", ({ n }) => n),
);
const second = defineWorkflow({ id: "changing", version: 1 }, (flow: Flow<{ readonly n: number }>) =>
  flow.delay("2 hours").run("finish", ({ n }) => n),
);

test("a definition changed in place is refused while unfinished runs rely on it, and says what differs", async () => {
  const database = await freshDatabase();
  const hostOf = (workflow: typeof first, onChanged?: "accept") =>
    createHost({
      workflows: [workflow],
      persistence: new PostgresPersistenceProvider(database.url),
      ...(onChanged !== undefined && { onChanged }),
    });
  const host = hostOf(first);
  await host.start();
  const run = await host.startWorkflow(first, { n: 1 });
  await host.stop();

  await assert.rejects(hostOf(second).start(), (error: unknown) => {
    assert.ok(error instanceof DefinitionChangedError);
    assert.match(error.difference, /step "delay" was .*3600000.* and is .*7200000/);
    assert.match(error.difference, /step "finish" is new/);
    assert.match(error.difference, /step "end" is gone/);
    return true;
  });

  const accepting = hostOf(second, "accept");
  await accepting.start();
  assert.equal(await accepting.getRun(run.id).terminate(), true);
  await assert.rejects(accepting.getRun(run.id).result(), { code: "WORKFLOW_TERMINATED" });
  await accepting.stop();

  const free = hostOf(first);
  await free.start(); // nothing unfinished relies on the other one
  await free.stop();
  await database.drop();
});
