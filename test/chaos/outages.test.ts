import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { defineWorkflow, event, PermanentError, step, transactionalStep, type Flow } from "../../src/index.ts";
import { arena, scaledTimes, until, within } from "./arena.ts";

/** Longer than the store tries by itself. */
const outageMs = 2_500;
const world = arena();

const signal = event<{ n: number }>("signal");
const waits = (id: string) =>
  defineWorkflow({ id, version: 1 }, (flow: Flow<{ key: string }>) =>
    flow.waitFor(signal, { key: ({ key }) => key, as: "told" }).returns((_, { told }) => told.n),
  );

describe("outages", { concurrency: true }, () => {
  test("a claim whose inboxes cannot be read is not lost", async () => {
    const workflow = waits("claim-inbox");
    const { host, database } = await world.faultyHost({ workflows: [workflow], times: scaledTimes, pollMs: 200 });
    const run = await host.startWorkflow(workflow, { key: "inbox-read" });
    await until(
      "parked",
      async () =>
        (await world.rows("select from workflow_core.subscription where instance = $1 and looked", [run.id])).length ===
        1,
    );
    database.fault = { name: "inbox-read", nth: (database.sent.get("inbox-read") ?? 0) + 1, when: "before", outageMs };
    await host.publishEvent(signal, "inbox-read", { n: 7 });
    assert.equal(await within(12_000, run.result(), "the run"), 7);
    assert.equal(database.hasFired, true);
  });

  test("what a lost claim took is given back, though giving back fails at first", async () => {
    const workflow = waits("claim-give-back");
    const { host, database } = await world.faultyHost({ workflows: [workflow], times: scaledTimes, pollMs: 200 });
    const run = await host.startWorkflow(workflow, { key: "give-back" });
    await until(
      "parked",
      async () =>
        (await world.rows("select from workflow_core.subscription where instance = $1 and looked", [run.id])).length ===
        1,
    );
    let refusals = 5; // as often as the store tries by itself
    database.gate = (name) => {
      if (name !== "claim-disown" || refusals === 0) return;
      refusals -= 1;
      database.failNext(name, "before");
    };
    const losing = database.loseAnswer("claim-due", (rows) => rows.some((row) => "id" in row && row.id === run.id));
    await host.publishEvent(signal, "give-back", { n: 8 });
    await within(5_000, losing, "losing a claim");
    assert.equal(await within(15_000, run.result(), "the run"), 8);
    assert.equal(refusals, 0);
  });

  test("a request that takes a parked run is carried out, though its inbox cannot be read at first", async () => {
    const workflow = waits("request-inbox");
    const { host, database } = await world.faultyHost({ workflows: [workflow], times: scaledTimes, pollMs: 200 });
    const run = await host.startWorkflow(workflow, { key: "request" });
    await until(
      "parked",
      async () =>
        (await world.rows("select from workflow_core.subscription where instance = $1 and looked", [run.id])).length ===
        1,
    );
    database.fault = { name: "claim-one", nth: (database.sent.get("claim-one") ?? 0) + 1, when: "after", outageMs };
    await run.terminate("enough").catch(() => undefined);
    await until("terminated", async () => (await run.status()) === "Terminated", 15_000);
  });

  test("a host that runs nothing itself gives back what a lost answer took", async () => {
    const workflow = waits("request-idle-host");
    const worker = await world.host({ workflows: [workflow], times: scaledTimes, pollMs: 200 });
    const parked = await worker.startWorkflow(workflow, { key: "idle" });
    await until(
      "parked",
      async () =>
        (await world.rows("select from workflow_core.subscription where instance = $1 and looked", [parked.id]))
          .length === 1,
    );
    const { host, database } = await world.faultyHost({
      workflows: [],
      concurrency: 0,
      times: scaledTimes,
      pollMs: 200,
    });
    database.fault = { name: "claim-one", nth: 1, when: "after" };
    await host
      .getRun(parked.id)
      .terminate("enough")
      .catch(() => undefined);
    await until("terminated", async () => (await parked.status()) === "Terminated", 12_000);
  });

  test("a request that is stored is not reported as failed", async () => {
    const workflow = waits("request-stored");
    const { host, database } = await world.faultyHost({ workflows: [workflow], times: scaledTimes, pollMs: 200 });
    const run = await host.startWorkflow(workflow, { key: "stored" });
    await until(
      "parked",
      async () =>
        (await world.rows("select from workflow_core.subscription where instance = $1 and looked", [run.id])).length ===
        1,
    );
    database.fault = { name: "claim-one", nth: 1, when: "before" };
    assert.equal(await run.terminate("enough"), true);
    await until("terminated", async () => (await run.status()) === "Terminated");
  });

  test("a compensation goes on after an outage in the middle of a rollback", async () => {
    const undone: string[] = [];
    const fine = step("fine", () => "done", { compensateWith: () => void undone.push("fine") });
    const workflow = defineWorkflow({ id: "rollback-outage", version: 1 }, (flow: Flow<object>) =>
      flow.then(fine, {}).run("fails", () => {
        throw new PermanentError("no");
      }),
    );
    const { host, database } = await world.faultyHost({ workflows: [workflow], times: scaledTimes, pollMs: 200 });
    database.fault = { name: "pointer-read", nth: 1, when: "before", outageMs };
    const run = await host.startWorkflow(workflow, {});
    await assert.rejects(within(15_000, run.result(), "the run"), { code: "WORKFLOW_FAILED" });
    assert.deepEqual(undone, ["fine"]);
  });

  test("a transactional step without retries survives an outage that begins with its COMMIT's lost answer", async () => {
    const charge = transactionalStep(
      "charge",
      async (_: object, { tx, instanceId }) =>
        void (await tx.query("insert into ledger values ($1, 'charge')", [instanceId])),
      { retry: { maxAttempts: 1 } },
    );
    const workflow = defineWorkflow({ id: "commit-outage", version: 1 }, (flow: Flow<object>) =>
      flow
        .then(charge, {})
        .run("end", () => "ok")
        .returns(() => "ok"),
    );
    const { host, database } = await world.faultyHost({ workflows: [workflow], times: scaledTimes, pollMs: 200 });
    database.fault = { name: "commit", nth: 1 + (database.sent.get("commit") ?? 0), when: "after", outageMs: 4_000 };
    const run = await host.startWorkflow(workflow, {});
    assert.equal(await within(20_000, run.result(), "the run"), "ok");
    assert.equal((await world.rows("select from ledger where run = $1", [run.id])).length, 1);
  });

  test("a transactional step that says it runs long is not done twice when the answer to its COMMIT is lost and nobody can ask", async () => {
    let begun = 0;
    const charge = transactionalStep(
      "charge",
      async (_: object, { tx, instanceId }) => {
        begun += 1;
        await new Promise((resolve) => setTimeout(resolve, 400));
        await tx.query("insert into ledger values ($1, 'charge')", [instanceId]);
      },
      { retry: { maxAttempts: 3, initial: "50 ms" } },
    );
    const workflow = defineWorkflow({ id: "long-commit-outage", version: 1 }, (flow: Flow<object>) =>
      flow.then(charge, {}).returns(() => "ok"),
    );
    const options = { workflows: [workflow], pollMs: 200, longStepMs: 100 };
    const { host, database } = await world.faultyHost(options);
    database.fault = { name: "commit", nth: 1 + (database.sent.get("commit") ?? 0), when: "after", outageMs: 6_000 };
    const run = await host.startWorkflow(workflow, {});
    assert.equal(await within(25_000, run.result(), "the run"), "ok");
    assert.equal((await world.rows("select from ledger where run = $1", [run.id])).length, 1, `begun ${begun} times`);
  });

  test("an outage before a transactional step has begun is no failure of the step", async () => {
    const charge = transactionalStep(
      "charge",
      async (_: object, { tx, instanceId }) =>
        void (await tx.query("insert into ledger values ($1, 'charge')", [instanceId])),
      { retry: { maxAttempts: 1 } },
    );
    const workflow = defineWorkflow({ id: "begin-outage", version: 1 }, (flow: Flow<object>) =>
      flow.then(charge, {}).returns(() => "ok"),
    );
    const { host, database } = await world.faultyHost({ workflows: [workflow], times: scaledTimes, pollMs: 200 });
    database.fault = { name: "begin", nth: 1 + (database.sent.get("begin") ?? 0), when: "before", outageMs: 4_000 };
    const run = await host.startWorkflow(workflow, {});
    assert.equal(await within(20_000, run.result(), "the run"), "ok");
    assert.equal((await world.rows("select from ledger where run = $1", [run.id])).length, 1);
  });

  test(
    "a start that gave up after a lost answer does not strand the run it had made",
    { timeout: 90_000 },
    async () => {
      const workflow = defineWorkflow({ id: "start-given-up", version: 1 }, (flow: Flow<object>) =>
        flow.run("only", () => "ok").returns(() => "ok"),
      );
      const { host, database } = await world.faultyHost({
        workflows: [workflow],
        pollMs: 200,
        times: { beatMs: 3_000, staleMs: 60_000, deadMs: 90_000 },
      });
      // Only starts are cut off: the node lives on and is never declared dead.
      let sendings = 0;
      let isCut = true;
      database.gate = async (name) => {
        if (name !== "instance-start" || !isCut) return;
        sendings += 1;
        database.failNext(name, sendings === 1 ? "after" : "before");
      };
      await assert.rejects(host.startWorkflow(workflow, {}, { key: "once" }));
      assert.ok(sendings > 5, `sent ${sendings} times`);
      isCut = false;
      const run = await host.startWorkflow(workflow, {}, { key: "once" });
      assert.equal(await within(15_000, run.result(), "the run"), "ok");
    },
  );

  test("a host stops in bounded time while its database is gone", { timeout: 120_000 }, async () => {
    const workflow = defineWorkflow({ id: "stop-in-the-dark", version: 1 }, (flow: Flow<object>) =>
      flow.run("slow", () => sleep(60_000, undefined, { ref: false })),
    );
    const { host, database } = await world.faultyHost({ workflows: [workflow], times: scaledTimes, drainMs: 100 });
    await host.startWorkflow(workflow, {});
    database.goDark(600_000);
    await sleep(500);
    await within(40_000, host.stop(), "stopping");
  });

  test("a host stops in bounded time while it looks for its database as a new node", { timeout: 120_000 }, async () => {
    const workflow = defineWorkflow({ id: "stop-in-rebirth", version: 1 }, (flow: Flow<object>) =>
      flow.run("a", () => 1),
    );
    const { host, database } = await world.faultyHost({ workflows: [workflow], times: scaledTimes, drainMs: 100 });
    await world.rows(
      "update workflow_core.node set state = 'dead', ended_at = now() where definitions ? 'stop-in-rebirth@1'",
    );
    database.gate = async (name) => {
      if (name === "node-register") database.goDark(600_000);
    };
    await until("reborn begins", () => (database.sent.get("node-register") ?? 0) >= 2);
    await within(40_000, host.stop(), "stopping");
  });
});
