import assert from "node:assert/strict";
import { before, test } from "node:test";
import { defineWorkflow, event, type Flow, type Run, WorkflowFailedError, type WorkflowHost } from "workflow-core";
import { z } from "zod";
import { keyedId } from "../../src/models/identity.ts";
import { until } from "../chaos/arena.ts";
import { onEveryStore } from "../support/stores.ts";

interface Placed {
  readonly id: string;
  readonly total: number;
}

const placed = event<Placed>("placed");
const cancelled = event("cancelled");
const loose = event<{ readonly id: string; readonly total: string }>("loose");
const strict = event("strict", z.object({ size: z.string().transform(Number) }));

const fulfil = defineWorkflow({ id: "fulfil", version: 1, startOn: placed }, (flow) =>
  flow.run("weigh", ({ total }) => total * 2, { as: "weight" }).returns(({ id }, { weight }) => `${id}: ${weight}`),
);
const audit = defineWorkflow({ id: "audit", version: 1, startOn: placed }, (flow: Flow<{ readonly id: string }>) =>
  flow.returns(({ id }) => `audited ${id}`),
);
const wait = defineWorkflow({ id: "wait", version: 1, startOn: placed }, (flow) =>
  flow.waitFor(cancelled, { key: ({ id }) => id }).returns(({ id }) => `${id} cancelled`),
);
const checked = defineWorkflow(
  {
    id: "checked",
    version: 1,
    startOn: loose,
    data: z.object({ id: z.string(), total: z.coerce.number().positive() }),
  },
  (flow) => flow.returns(({ total }) => total + 1),
);
const sized = defineWorkflow(
  { id: "sized", version: 1, startOn: strict, data: z.object({ size: z.number().max(9) }) },
  (flow) => flow.returns(({ size }) => size + 1),
);
const bare = event("bare");
const ticking = defineWorkflow({ id: "ticking", version: 1, startOn: bare }, (flow) =>
  flow.run("tick", () => "ticked", { as: "tick" }).returns((_, { tick }) => tick),
);
const workflows = [fulfil, audit, wait, checked, sized, ticking];

/** The run that an event starts, which whoever published it under an idempotency key can name. */
function runOf<R>(
  host: WorkflowHost,
  workflow: { readonly id: string },
  about: { readonly event: { readonly name: string }; readonly key: string; readonly idempotencyKey: string },
): Run<R> {
  const id = keyedId("event", about.event.name, about.key, about.idempotencyKey);
  return host.getRun<R>(keyedId("start", workflow.id, id));
}

/** The end of a run that is still to be started. */
async function endOf<R>(run: Run<R>): Promise<R> {
  await until("the run is there", () =>
    run.status().then(
      () => true,
      () => false,
    ),
  );
  return run.result();
}

onEveryStore("events that start runs", (store) => {
  let host: WorkflowHost;
  before(async () => {
    host = await store.host({ workflows });
  });
  const publish = async (key: string, total = 1): Promise<void> =>
    host.publishEvent(placed, key, { id: key, total }, { idempotencyKey: key });
  const startedBy = (key: string, workflow: { readonly id: string } = fulfil): Run<unknown> =>
    runOf(host, workflow, { event: placed, key, idempotencyKey: key });

  test("start one of each definition that names it, with the payload as its data", async () => {
    const told: string[] = [];
    const stop = host.onNotice(
      (one) => void (one.kind === "run-started" && told.push(`${one.workflow} ${one.instanceId}`)),
    );
    await publish("a", 4);
    assert.equal(await endOf(startedBy("a")), "a: 8");
    assert.equal(await endOf(startedBy("a", audit)), "audited a");
    assert.deepEqual(told.sort(), [audit, fulfil, wait].map((one) => `${one.id} ${startedBy("a", one).id}`).sort());
    stop();
  });

  test("start nothing twice, however often they are published under their key", async () => {
    const told: string[] = [];
    const stop = host.onNotice((one) => void (one.kind === "run-started" && told.push(one.workflow)));
    await Promise.all([publish("b"), publish("b"), publish("b")]);
    await endOf(startedBy("b"));
    await publish("b");
    await publish("c");
    await endOf(startedBy("c"));
    assert.deepEqual(
      told.filter((id) => id === "fulfil"),
      ["fulfil", "fulfil"],
    );
    stop();
  });

  test("are followed by what was published right behind them", async () => {
    await Promise.all([publish("d"), host.publishEvent(cancelled, "d")]);
    assert.equal(await endOf(startedBy("d", wait)), "d cancelled");
  });

  test("meet the schema of the definition, as any start does", async () => {
    const about = { event: loose, key: "e", idempotencyKey: "1" };
    await host.publishEvent(loose, "e", { id: "e", total: "41" }, { idempotencyKey: "1" });
    assert.equal(await endOf(runOf(host, checked, about)), 42);
  });

  test("need not tell anything", async () => {
    await host.publishEvent(bare, "g", undefined, { idempotencyKey: "1" });
    assert.equal(await endOf(runOf(host, ticking, { event: bare, key: "g", idempotencyKey: "1" })), "ticked");
  });

  test("meet the event's schema first", async () => {
    const about = { event: strict, key: "e", idempotencyKey: "1" };
    await host.publishEvent(strict, "e", z.any().parse({ size: "4" }), { idempotencyKey: "1" });
    assert.equal(await endOf(runOf(host, sized, about)), 5);
  });

  test("start a run that fails visibly when the payload does not fit", async () => {
    const about = { event: loose, key: "f", idempotencyKey: "1" };
    await host.publishEvent(loose, "f", { id: "f", total: "none" }, { idempotencyKey: "1" });
    await assert.rejects(endOf(runOf(host, checked, about)), (error) => {
      assert.ok(error instanceof WorkflowFailedError);
      assert.equal(error.failure.code, "VALIDATION_FAILED");
      assert.match(error.failure.message, /total/);
      return true;
    });
  });
});
