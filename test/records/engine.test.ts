import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  createHost,
  defineWorkflow,
  event,
  type Flow,
  PermanentError,
  transactionalStep,
  type WorkflowHost,
  type WorkflowInstanceData,
} from "workflow-core";
import { PglitePersistenceProvider } from "workflow-core/pglite";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { WorkflowError } from "../../src/models/errors.ts";
import { bucketOf } from "../../src/models/identity.ts";
import { until } from "../chaos/arena.ts";
import { type FreshDatabase, freshDatabase } from "../support/database.ts";

type Provider = MemoryPersistenceProvider | PglitePersistenceProvider | PostgresPersistenceProvider;

interface Order {
  readonly id: string;
  readonly total: number;
}

const paid = event<{ amount: number }>("paid");

/** What bodies do in these tests: they say that they run, and wait until they may go on. */
class Turnstile {
  readonly entered: { readonly id: string; readonly total: number }[] = [];
  private waiting: (() => void)[] = [];

  pass(order: Order): Promise<void> {
    this.entered.push(order);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  open(): void {
    for (const go of this.waiting.splice(0)) go();
  }

  count(id: string): number {
    return this.entered.filter((order) => order.id === id).length;
  }
}

const slow = new Turnstile();

const doubled = defineWorkflow({ id: "doubled", version: 1 }, (flow: Flow<Order>) =>
  flow.run("double", (order) => order.total * 2).returns((order) => ({ id: order.id, total: order.total * 2 })),
);

const slowly = defineWorkflow({ id: "slowly", version: 1 }, (flow: Flow<Order>) =>
  flow
    .run(
      "wait",
      async (order) => {
        await slow.pass(order);
        return order.total;
      },
      { as: "seen" },
    )
    .returns((_, { seen }) => seen),
);

const awaiting = defineWorkflow({ id: "awaiting", version: 1 }, (flow: Flow<Order>) =>
  flow.waitFor(paid, { key: (order) => order.id, as: "payment" }).returns((_, { payment }) => payment.amount),
);

const polled = defineWorkflow({ id: "polled", version: 1 }, (flow: Flow<Order>) =>
  flow.while(
    ({ total }) => total > 0,
    (lap) => lap.run("ask", ({ total }) => total - 1, { output: (order, total) => ({ ...order, total }) }),
    { name: "poll" },
  ),
);

const chosen = defineWorkflow({ id: "chosen", version: 1 }, (flow: Flow<Order>) =>
  flow.if(
    ({ total }) => total > 1,
    (many) => many.saga((saga) => saga.run("count", ({ total }) => ({ total }))),
  ),
);

/** Set by the tests of each store. */
let recordsOfHost: Provider;
let leftBehind: Promise<unknown> = Promise.resolve();

const calls = (id: string): readonly (() => Promise<unknown>)[] => [
  () => recordsOfHost.getWorkflowInstance(id),
  () => recordsOfHost.updateWorkflowInstance({ id, description: "x" }),
  () => recordsOfHost.executeTransaction((tx) => tx.deleteWorkflowInstance(id)),
  () => recordsOfHost.beginTransaction(),
  () => recordsOfHost.purgeEvents({ before: new Date(0) }),
  () => recordsOfHost.getWorkflowStats(),
];

const codesOf = (made: readonly (() => Promise<unknown>)[]): Promise<readonly string[]> =>
  Promise.all(
    made.map((call) =>
      call().then(
        () => "done",
        (error: unknown) => (error instanceof WorkflowError ? error.code : "?"),
      ),
    ),
  );

const asking = defineWorkflow({ id: "asking", version: 1 }, (flow: Flow<number>) =>
  flow
    .then(
      transactionalStep("ask", async (_: unknown, { instanceId, tx }) => {
        const codes = await codesOf(calls(instanceId));
        const elsewhere = await new MemoryPersistenceProvider().getWorkflowInstance(instanceId);
        await tx.query("select 1");
        leftBehind = new Promise((resolve) => setTimeout(resolve, 100)).then(() =>
          recordsOfHost.getWorkflowInstance(instanceId),
        );
        return { codes, elsewhere };
      }),
      { as: "asked" },
    )
    .run("plain", (_, { instanceId }) => codesOf(calls(instanceId).slice(0, 1)), { as: "plain" })
    .returns((_, { asked, plain }) => ({ ...asked, plain })),
);

const stuck = defineWorkflow({ id: "stuck", version: 1 }, (flow: Flow<object>) =>
  flow.run("fail", () => Promise.reject(new PermanentError("ö".repeat(10_000))), { onError: "suspend" }),
);

const sleeping = defineWorkflow({ id: "sleeping", version: 1 }, (flow: Flow<Order>) => flow.delay("1 hour"));

function onStore(name: string, open: () => Promise<Provider>): void {
  describe(`records of runs on ${name}`, () => {
    let persistence: Provider;
    let host: WorkflowHost;
    before(async () => {
      persistence = await open();
      host = createHost({
        persistence,
        workflows: [doubled, slowly, awaiting, chosen, polled, sleeping, stuck, asking],
        pollMs: 100,
      });
      await host.start();
      recordsOfHost = persistence;
    });
    after(async () => {
      slow.open();
      await host.stop();
      await persistence.close();
    });
    const read = async (id: string): Promise<WorkflowInstanceData> => {
      const found = await persistence.getWorkflowInstance(id);
      assert.ok(found !== null);
      return found;
    };
    const running = async (id: string): Promise<string> => {
      const run = await host.startWorkflow(slowly, { id, total: 1 });
      await until("the body runs", () => slow.count(id) === 1);
      return run.id;
    };
    /** Lets bodies go on until the run has ended. */
    const ended = async (id: string): Promise<WorkflowInstanceData> => {
      await until("the run has ended", async () => {
        slow.open();
        return (await read(id)).completeTime !== null;
      });
      return read(id);
    };

    test("an instance that was created as a record runs to its end", async () => {
      const { id } = await persistence.createWorkflowInstance({
        workflowDefinitionId: "doubled",
        data: { id: "a", total: 21 },
        tags: { by: "record" },
      });
      assert.deepEqual(await host.getRun(id).result(), { id: "a", total: 42 });
      const { status, result, tags, nextExecution } = await read(id);
      assert.deepEqual(
        [status, result, tags, nextExecution],
        ["Complete", { id: "a", total: 42 }, { by: "record" }, null],
      );
      const { items } = await persistence.getExecutionHistory(id, { type: "step" });
      assert.equal(items[0]?.path, "double");
      assert.equal((items[0].detail as { readonly outcome: unknown }).outcome, 42);
    });

    test("a block whose value is that of a step inside it is shown with that value", async () => {
      const run = await host.startWorkflow(chosen, { id: "a", total: 2 });
      await run.result();
      assert.deepEqual((await persistence.getExecutionPointer(run.id, "if"))?.outcome, { total: 2 });
      const { items } = await persistence.getExecutionPointersByInstance(run.id);
      assert.deepEqual(
        items.map(({ path, outcome }) => [path, outcome]),
        ["if", "if/yes/saga", "if/yes/saga/count"].map((path) => [path, { total: 2 }]),
      );
      const history = (await persistence.getExecutionHistory(run.id, { type: "step" })).items;
      for (const { detail } of history) assert.deepEqual((detail as { outcome: unknown }).outcome, { total: 2 });
    });

    test("a step's history has all its laps by its path in the definition, and one by that lap's own", async () => {
      const run = await host.startWorkflow(polled, { id: "a", total: 3 });
      await run.result();
      const pathsOf = async (step: string): Promise<readonly (string | null)[]> =>
        (await persistence.getExecutionHistory(run.id, { step })).items.map(({ path }) => path);
      assert.deepEqual(await pathsOf("poll#/ask"), ["poll#1/ask", "poll#2/ask", "poll#3/ask"]);
      assert.deepEqual(await pathsOf("poll#2/ask"), ["poll#2/ask"]);
    });

    test("instances of a transaction run once it commits, and never if it does not", async () => {
      const facts = { workflowDefinitionId: "doubled", data: { id: "a", total: 1 } };
      const kept = await persistence.executeTransaction((tx) => tx.createWorkflowInstances([facts, facts]));
      let lost = "";
      const rolledBack = persistence.executeTransaction(async (tx) => {
        lost = (await tx.createWorkflowInstance(facts)).id;
        throw new Error("changed my mind");
      });
      await assert.rejects(rolledBack, /changed my mind/);
      for (const { id } of kept) assert.deepEqual(await host.getRun(id).result(), { id: "a", total: 2 });
      assert.equal(await persistence.getWorkflowInstance(lost), null);
    });

    test("a change takes a running instance from its node, whose late answer is refused", async () => {
      const id = await running(`${name} changed`);
      const before = await read(id);
      assert.ok(before.nodeId !== null);
      const changed = await persistence.updateWorkflowInstance({ id, data: { id: `${name} changed`, total: 7 } });
      assert.deepEqual([changed.nodeId, changed.revision], [null, before.revision + 1]);
      const { result, data } = await ended(id);
      assert.deepEqual([result, data], [7, { id: `${name} changed`, total: 7 }]);
      assert.equal(slow.count(`${name} changed`), 2, "the body ran once more, on the changed data");
    });

    test("a running instance that is suspended by a record stays so until a record resumes it", async () => {
      const id = await running(`${name} suspended`);
      await persistence.updateWorkflowInstance({ id, status: "Suspended", reason: "by hand" });
      slow.open();
      await until("the node has let go", async () => (await read(id)).nodeId === null);
      const { status, reason, result } = await read(id);
      assert.deepEqual([status, reason, result], ["Suspended", "by hand", null]);
      await persistence.updateWorkflowInstance({ id, status: "Runnable" });
      assert.equal((await ended(id)).result, 1);
    });

    test("a run that rests can be written back as it was read, however long the reason is", async () => {
      const tags = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`t${n}`, "v"]));
      const asked = await host.startWorkflow(sleeping, { id: "r", total: 1 }, { tags });
      await asked.suspend("ö".repeat(2_048));
      const failed = await host.startWorkflow(stuck, {});
      for (const { id } of [asked, failed]) {
        await until("the run rests", async () => (await read(id)).status === "Suspended");
        const { reason } = await persistence.persistWorkflow(await read(id));
        assert.equal(reason?.endsWith(id === asked.id ? "ö" : "ö… (cut)"), true);
      }
    });

    test("a running instance that is ended by a record keeps that end", async () => {
      const id = await running(`${name} ended`);
      await persistence.updateWorkflowInstance({ id, status: "Complete", result: "by hand" });
      slow.open();
      assert.equal(await host.getRun(id).result(), "by hand");
      assert.equal((await read(id)).result, "by hand");
    });

    test("a running instance that is deleted is gone, and its node writes nothing more of it", async () => {
      const id = await running(`${name} deleted`);
      assert.equal(await persistence.deleteWorkflowInstance(id), true);
      slow.open();
      const other = await host.startWorkflow(doubled, { id: "b", total: 1 });
      await other.result(); // committed after the refused one
      assert.equal(await persistence.getWorkflowInstance(id), null);
      assert.deepEqual((await persistence.getExecutionPointersByInstance(id)).items, []);
    });

    test("a run that waits shows what it waits for, and takes the event that was stored as a record", async () => {
      const run = await host.startWorkflow(awaiting, { id: `${name} awaiting`, total: 1 });
      const active = async () => (await persistence.getActiveExecutionPointers(run.id))[0];
      await until("the run waits", async () => (await active())?.status === "Waiting");
      assert.deepEqual((await active())?.event, { name: "paid", key: `${name} awaiting` });
      const waiting = await persistence.getSubscriptionsForEvent("paid", `${name} awaiting`);
      assert.deepEqual(
        waiting.map(({ workflowId }) => workflowId),
        [run.id],
      );
      await persistence.executeTransaction((tx) =>
        tx.createEvent({ eventName: "paid", eventKey: `${name} awaiting`, eventData: { amount: 5 } }),
      );
      assert.equal(await run.result(), 5);
    });

    test("a subscription that is stored as a record looks for earlier events at once", async () => {
      const { id } = await persistence.createWorkflowInstance({ workflowDefinitionId: "none", status: "Suspended" });
      const paidBefore = await persistence.createEvent({ eventName: "paid", eventKey: id });
      const { instances, buckets } = persistence.store;
      const sources = async (): Promise<readonly string[]> =>
        (await instances.inbox([{ id, bucket: bucketOf(id, buckets) }])).map(({ source }) => source);
      const wait = { workflowId: id, path: "one", eventName: "paid", eventKey: id };
      await persistence.createSubscription(wait);
      assert.deepEqual(await sources(), [paidBefore.id]);
      const sent = await persistence.createEvent({ eventName: "sent", eventKey: id });
      await persistence.executeTransaction((tx) => tx.createSubscriptions([{ ...wait, eventName: "sent" }]));
      assert.deepEqual((await sources()).toSorted(), [paidBefore.id, sent.id].toSorted());
    });

    const noSql = name === "memory" ? "no transactional steps without SQL" : false;
    test(
      "records are refused inside a transactional step, but not to what it left behind",
      { skip: noSql },
      async () => {
        const run = await host.startWorkflow(asking, 1);
        const codes = Array.from({ length: 6 }, () => "WOULD_DEADLOCK");
        assert.deepEqual(await run.result(), { codes, elsewhere: null, plain: ["done"] });
        assert.equal(((await leftBehind) as { readonly id: string } | null)?.id, run.id);
      },
    );

    test("a change of a sleeping run moves its timer by nothing", async () => {
      const run = await host.startWorkflow(sleeping, { id: "a", total: 1 });
      const active = async () => (await persistence.getActiveExecutionPointers(run.id))[0];
      await until(
        "the run sleeps",
        async () => (await read(run.id)).nodeId === null && (await active())?.status === "Sleeping",
      );
      const [pointer, { nextExecution }] = [await active(), await read(run.id)];
      assert.ok(nextExecution !== null && pointer?.dueTime?.getTime() === nextExecution.getTime());
      await persistence.updateWorkflowInstance({ id: run.id, description: "changed" });
      await persistence.createExecutionPointer(run.id, { path: "by-hand" });
      assert.deepEqual([(await active())?.path, (await read(run.id)).nextExecution], ["by-hand", nextExecution]);
      assert.deepEqual((await persistence.getActiveExecutionPointers(run.id))[1], pointer);
    });

    test("a host's instances are listed by the node that runs them, and are not runnable", async () => {
      const id = await running(`${name} listed`);
      const { nodeId } = await read(id);
      const mine = await persistence.getWorkflowInstances({ nodeId, workflowDefinitionId: "slowly" });
      assert.ok(mine.items.some((instance) => instance.id === id));
      assert.ok((await persistence.getRunnableInstances(1_000)).every((instance) => instance.id !== id));
      await ended(id);
    });
  });
}

onStore("memory", async () => new MemoryPersistenceProvider());
onStore("PGlite", async () => new PglitePersistenceProvider());

let database: FreshDatabase | undefined;
onStore("PostgreSQL", async () => {
  database = await freshDatabase();
  return new PostgresPersistenceProvider(database.url);
});
after(() => database?.drop());
