import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  defineWorkflow,
  event,
  ExecutionResult,
  type Flow,
  PermanentError,
  step,
  StepBody,
  type StepContext,
  WorkflowFailedError,
  type WorkflowHost,
} from "workflow-core";
import { onEveryStore } from "../support/stores.ts";

interface Order {
  readonly id: string;
  readonly total: number;
  readonly items: readonly { readonly sku: string; readonly quantity: number }[];
  readonly paid: number;
  readonly log: readonly string[];
}

const order = (id: string, extra: Partial<Order> = {}): Order => ({
  id,
  total: 50,
  items: [
    { sku: "a", quantity: 1 },
    { sku: "b", quantity: 2 },
    { sku: "c", quantity: 3 },
  ],
  paid: 0,
  log: [],
  ...extra,
});

const quick = { initial: 5, max: 10 } as const;

class Ship extends StepBody {
  static readonly stepName = "ship";
  run({ input }: StepContext<{ sku: string; address: string }>): { tracking: string } {
    return { tracking: `T-${input.sku}-${input.address}` };
  }
}

const paid = event<{ amount: number }>("paid");

const plain = defineWorkflow({ id: "plain", version: 1 }, (flow: Flow<Order>) =>
  flow
    .run("first", ({ id }) => `first ${id}`, { as: "first" })
    .run("second", (_, { scope }) => `second after ${scope.first}`, {
      as: "second",
      output: (data, result) => ({ log: [...data.log, result] }),
    })
    .set((data) => ({ paid: data.paid + 1 }))
    .returns((data, { second }) => ({ second, log: data.log, paid: data.paid })),
);

const branching = defineWorkflow({ id: "branching", version: 1 }, (flow: Flow<Order>) =>
  flow
    .if(
      ({ total }) => total > 1000,
      (yes) => yes.run("review", () => "reviewed"),
      (no) => no.run("auto", () => "approved"),
      { as: "approval" },
    )
    .if(
      ({ total }) => total > 5000,
      (yes) => yes.end(() => ({ early: true as const })),
    )
    .returns((_, { approval }) => ({ approval })),
);

const crowded = defineWorkflow({ id: "crowded", version: 1 }, (flow: Flow<Order>) =>
  flow
    .forEach(
      ({ items }) => items,
      (each) =>
        each
          .run("pack", ({ quantity }) => quantity * 10, { as: "box" })
          .then(Ship, { input: (data, { item, box }) => ({ sku: item.sku, address: `${data.id}-${box}` }) }),
      { as: "shipments", concurrency: 2 },
    )
    .parallel(
      {
        mail: (branch) => branch.run("mail", (data) => `mail to ${data.id}`),
        count: (branch) => branch.run("count", (_, { scope }) => scope.shipments.length),
      },
      { as: "papers", output: (_, papers) => ({ log: [papers.mail] }) },
    )
    .returns((data, { shipments, papers }) => ({
      tracking: shipments.map((one) => one.tracking),
      papers,
      log: data.log,
    })),
);

const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<Order>) =>
  flow
    .waitFor(paid, {
      key: ({ id }) => id,
      timeout: 400,
      onTimeout: (late) => late.run("remind", ({ id }) => `reminded ${id}`),
      output: (data, { amount }) => ({ paid: data.paid + amount }),
      as: "payment",
    })
    .returns((data, { payment }) => ({ paid: data.paid, payment: payment?.amount ?? null })),
);

const delayed = defineWorkflow({ id: "delayed", version: 1 }, (flow: Flow<{ readonly began: number }>) =>
  flow
    .delay("150 ms")
    .delay(() => 50)
    .run("end", ({ began }) => Date.now() - began, { as: "took" })
    .returns((_, { took }) => took),
);

const retried = defineWorkflow({ id: "retried", version: 1 }, (flow: Flow<{ readonly failures: number }>) =>
  flow
    .then(
      step("flaky", ({ failures }: { readonly failures: number }, { attempt }) => {
        if (attempt <= failures) throw new Error(`attempt ${attempt}`);
        return attempt;
      }),
      { retry: { ...quick, maxAttempts: 3 }, as: "attempts" },
    )
    .returns((_, { attempts }) => attempts),
);

const undone: string[] = [];
const undo = (name: string) => ({
  compensateWith: (done: { readonly outcome: string }, context: StepContext) => {
    undone.push(`${context.instanceId}:${name}:${done.outcome}`);
  },
});
const undoneBy = (id: string): string[] => undone.filter((line) => line.startsWith(id)).map((line) => line.slice(37));

const saga = defineWorkflow({ id: "saga", version: 1 }, (flow: Flow<{ readonly failAt: string }>) =>
  flow
    .run("before", () => 1, undo("before"))
    .saga(
      (inner) =>
        inner
          .run("reserve", () => "R", undo("reserve"))
          .parallel({
            left: (branch) => branch.run("left", () => 1, undo("left")),
            right: (branch) => branch.run("right", () => 2, undo("right")),
          })
          .saga((nested) => nested.run("deep", () => 3, undo("deep")))
          .run(
            "ship",
            ({ failAt }) => {
              if (failAt === "ship") throw new PermanentError("no carrier");
              return 4;
            },
            undo("ship"),
          ),
      { as: "shipped", afterCompensation: "continue" },
    )
    .run("after", (_, { scope }) => scope.shipped ?? "rolled back", { as: "after" })
    .run("last", ({ failAt }) => {
      if (failAt === "last") throw new PermanentError("too late");
    })
    .returns((_, { after }) => after),
);

const paging = defineWorkflow({ id: "paging", version: 1 }, (flow: Flow<{ readonly pages: number }>) =>
  flow
    .then(
      step("page", ({ pages }: { readonly pages: number }, context) => {
        const page = (context.persistenceData as number | undefined) ?? 1;
        if (page < pages)
          return page % 2 === 0 ? ExecutionResult.sleep(20, page + 1) : ExecutionResult.persist(page + 1);
        return ExecutionResult.next(page);
      }),
      { as: "read" },
    )
    .returns((_, { read }) => read),
);

const workflows = [plain, branching, crowded, waiting, delayed, retried, saga, paging];

onEveryStore("A flow", (store) => {
  let host: WorkflowHost;
  before(async () => {
    host = await store.host({ workflows });
  });

  test("runs its steps in order, keeps results, patches data, and returns a value", async () => {
    const run = await host.startWorkflow(plain, order("o1"));
    assert.deepEqual(await run.result(), { second: "second after first o1", log: ["second after first o1"], paid: 1 });
    assert.equal(await run.status(), "Complete");
  });

  test("takes the branch that its condition names, and may end early", async () => {
    const results = await Promise.all(
      [50, 2000, 6000].map(async (total) => (await host.startWorkflow(branching, order("o", { total }))).result()),
    );
    assert.deepEqual(results, [{ approval: "approved" }, { approval: "reviewed" }, { early: true }]);
  });

  test("runs items and branches side by side and joins their values in order", async () => {
    const run = await host.startWorkflow(crowded, order("o2"));
    assert.deepEqual(await run.result(), {
      tracking: ["T-a-o2-10", "T-b-o2-20", "T-c-o2-30"],
      papers: { mail: "mail to o2", count: 3 },
      log: ["mail to o2"],
    });
  });

  test("an empty forEach is an empty array", async () => {
    const run = await host.startWorkflow(crowded, order("o3", { items: [] }));
    assert.deepEqual((await run.result()).tracking, []);
  });

  test("a wait takes an event that came before it, or after it", async () => {
    const [early, late] = [`early-${store.name}`, `late-${store.name}`];
    const first = await host.startWorkflow(waiting, order(early));
    await host.publishEvent(paid, early, { amount: 7 });
    const second = await host.startWorkflow(waiting, order(late));
    await new Promise((resolve) => setTimeout(resolve, 150));
    await host.publishEvent(paid, late, { amount: 9 });
    assert.deepEqual(await first.result(), { paid: 7, payment: 7 });
    assert.deepEqual(await second.result(), { paid: 9, payment: 9 });
  });

  test("a wait whose timeout passes goes through its late branch", async () => {
    const run = await host.startWorkflow(waiting, order(`never-${store.name}`));
    assert.deepEqual(await run.result(), { paid: 0, payment: null });
  });

  test("a delay is never early", async () => {
    const run = await host.startWorkflow(delayed, { began: Date.now() });
    assert.ok((await run.result()) >= 200);
  });

  test("a step is retried until it succeeds, and fails the run when its attempts are used up", async () => {
    assert.equal(await (await host.startWorkflow(retried, { failures: 2 })).result(), 3);
    const run = await host.startWorkflow(retried, { failures: 3 });
    await assert.rejects(run.result(), (error: unknown) => {
      assert.ok(error instanceof WorkflowFailedError);
      assert.equal(error.failure.path, "flaky");
      assert.equal(error.failure.message, "attempt 3");
      return true;
    });
  });

  test("a saga is undone in reverse order, the failing step first and in doubt, and the run goes on behind it", async () => {
    const run = await host.startWorkflow(saga, { failAt: "ship" });
    assert.equal(await run.result(), "rolled back");
    const [ship, deep, ...rest] = undoneBy(run.id);
    assert.deepEqual([ship, deep], ["ship:unknown", "deep:completed"]);
    assert.deepEqual(rest.slice(0, 2).sort(), ["left:completed", "right:completed"]);
    assert.deepEqual(rest.slice(2), ["reserve:completed"]);
  });

  test("a failure outside of a saga undoes the whole run, finished sagas included", async () => {
    const run = await host.startWorkflow(saga, { failAt: "last" });
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    const lines = undoneBy(run.id);
    assert.deepEqual(lines.slice(0, 2), ["ship:completed", "deep:completed"]);
    assert.deepEqual(lines.slice(-2), ["reserve:completed", "before:completed"]);
    assert.equal(lines.length, 6);
  });

  test("a body that persists or sleeps runs again with what it kept", async () => {
    assert.equal(await (await host.startWorkflow(paging, { pages: 4 })).result(), 4);
  });

  test("one key starts one run, and refuses other data", async () => {
    const key = `key-${store.name}`;
    const runs = await Promise.all(Array.from({ length: 20 }, () => host.startWorkflow(plain, order("same"), { key })));
    assert.equal(new Set(runs.map(({ id }) => id)).size, 1);
    await assert.rejects(host.startWorkflow(plain, order("other"), { key }), { code: "KEY_CONFLICT" });
  });

  test("many are started at once, each with its own outcome", async () => {
    const outcomes = await host.startWorkflows(plain, [
      { data: order("m1") },
      { data: { ...order("m2"), paid: Number.NaN } },
      { data: order("m3"), key: " " },
      { data: order("m4") },
    ]);
    assert.deepEqual(
      outcomes.map((one) => (one.status === "started" ? "started" : (one.error as { code: string }).code)),
      ["started", "NOT_STORABLE", "INVALID_NAME", "started"],
    );
  });

  test("a terminated run ends at once, and says why", async () => {
    const run = await host.startWorkflow(waiting, order(`t-${store.name}`));
    assert.equal(await run.terminate("not needed"), true);
    await assert.rejects(run.result(), { code: "WORKFLOW_TERMINATED", reason: "not needed" });
    assert.equal(await run.terminate(), false);
  });

  test("a suspended run rests until it is resumed", async () => {
    const run = await host.startWorkflow(delayed, { began: Date.now() });
    assert.equal(await run.suspend("look at it"), true);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(await run.status(), "Suspended");
    assert.equal(await run.resume(), true);
    assert.ok((await run.result()) >= 300);
  });
});
