import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createHost, defineWorkflow, event, type Flow, type WorkflowHost } from "../../src/index.ts";
import { PostgresPersistenceProvider } from "../../src/postgres.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";

const paid = event<{ amount: number }>("paid");
const timeoutMs = 700;

/** Waits for a payment, beside a step. */
const waitingBeside = (id: string, work: (data: { busy: boolean }, context: { signal: AbortSignal }) => unknown) =>
  defineWorkflow({ id, version: 1 }, (flow: Flow<{ id: string; busy: boolean }>) =>
    flow
      .parallel({
        work: (branch) => branch.run("work", work),
        wait: (branch) =>
          branch.waitFor(paid, {
            key: ({ id }) => id,
            timeout: timeoutMs,
            onTimeout: (late) => late.end(() => "expired"),
          }),
      })
      .returns(() => "paid"),
  );

/** The step keeps the run in memory if it is `busy`. */
const waiting = waitingBeside("waiting", ({ busy }) => sleep(busy ? 2 * timeoutMs : 0));

let began = (): void => undefined;
let toldToStop = (): void => undefined;

/** The step goes on for a while when it is told to stop. */
const stubborn = waitingBeside("stubborn", async (_, { signal }) => {
  signal.addEventListener("abort", () => toldToStop());
  began();
  await sleep(3 * timeoutMs);
});

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

  test("is not too late in a run that is being suspended when its time is over", { timeout: 20_000 }, async () => {
    const working = new Promise<void>((resolve) => (began = resolve));
    const stopping = new Promise<void>((resolve) => (toldToStop = resolve));
    const owner = await started([stubborn]);
    const run = await owner.startWorkflow(stubborn, { id: "stubborn", busy: true });
    await working;
    await run.suspend("look at it");
    await stopping;
    await owner.publishEvent(paid, "stubborn", { amount: 1 });
    while ((await run.status()) === "Runnable") await sleep(50);
    await run.resume();
    assert.equal(await run.result(), "paid");
  });
});
