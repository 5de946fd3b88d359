import assert from "node:assert/strict";
import { defineWorkflow, event, type Flow } from "workflow-core";
import { type ClockedStore, onEveryClock, test } from "../support/clocked-stores.ts";

const first = event("first");
const last = event("last");
const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<object>) =>
  flow
    .waitFor(first, { key: () => "k" })
    .delay("1 hour")
    .waitFor(last, { key: () => "k" }),
);

const tests = (store: ClockedStore): void => {
  test("waits for what moves an instance, however slow it is", async () => {
    const host = await store.forgetfulHost({ workflows: [waiting] });
    const run = await host.startWorkflow(waiting, {});
    await store.quiet();
    store.slow(120);
    await host.publishEvent(first, "k");
    await store.quiet();
    await store.advance(3_600_000);
    await store.quiet();
    await host.publishEvent(last, "k");
    await store.quiet();
    assert.equal(await run.status(), "Complete");
  });
};

// What it sees of a store is the same with PGlite, which takes seconds to start.
onEveryClock("quiet, on which the tests of time rely,", tests, ["memory", "postgres"]);
