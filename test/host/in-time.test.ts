import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createHost, defineWorkflow, event, type Flow, type WorkflowHost } from "../../src/index.ts";
import { PostgresPersistenceProvider } from "../../src/postgres.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";

const paid = event<{ amount: number }>("paid");
const timeoutMs = 700;

/** Waits for a payment, beside a step that keeps the run in memory if it is `busy`. */
const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<{ id: string; busy: boolean }>) =>
  flow
    .parallel({
      work: (branch) => branch.run("work", ({ busy }) => sleep(busy ? 2 * timeoutMs : 0)),
      wait: (branch) =>
        branch.waitFor(paid, {
          key: ({ id }) => id,
          timeout: timeoutMs,
          onTimeout: (late) => late.end(() => "expired"),
        }),
    })
    .returns(() => "paid"),
);

describe("an event that came in time", () => {
  let database: FreshDatabase;
  const hosts: WorkflowHost[] = [];
  before(async () => {
    database = await freshDatabase();
  });
  after(async () => {
    await Promise.all(hosts.map((host) => host.stop()));
    await database.drop();
  });
  const started = async (workflows: readonly object[]): Promise<WorkflowHost> => {
    const host = createHost({ workflows, persistence: new PostgresPersistenceProvider(database.url), pollMs: 100 });
    await host.start();
    hosts.push(host);
    return host;
  };

  test("is not too late, though its run is looked at only after the timeout", async () => {
    const first = await started([waiting]);
    const run = await first.startWorkflow(waiting, { id: "parked", busy: false });
    await first.stop();
    const publisher = await started([]);
    await publisher.publishEvent(paid, "parked", { amount: 1 });
    await sleep(timeoutMs + 100);
    const second = await started([waiting]);
    assert.equal(await second.getRun(run.id).result(), "paid");
  });

  test("is not too late in a run that stays in memory", async () => {
    const owner = await started([waiting]);
    const run = await owner.startWorkflow(waiting, { id: "busy", busy: true });
    const publisher = await started([]);
    await sleep(timeoutMs / 2);
    await publisher.publishEvent(paid, "busy", { amount: 1 });
    assert.equal(await run.result(), "paid");
  });
});
