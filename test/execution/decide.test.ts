import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, type Flow, PermanentError, WorkflowFailedError } from "workflow-core";
import { inEveryWay } from "../support/stores.ts";

interface Claim {
  readonly amount: number;
  readonly kind: "theft" | "fire";
}

const sorting = defineWorkflow({ id: "sorting", version: 1 }, (flow: Flow<Claim>) =>
  flow
    .decide(
      ({ amount }) => (amount > 1000 ? "large" : amount > 10 ? "small" : "none"),
      {
        large: (way) => way.delay(20).run("inspect", ({ amount }) => ({ paid: amount / 2 })),
        small: (way) => way.run("pay", ({ amount }) => ({ paid: amount })),
        none: (way) => way,
      },
      { as: "settled" },
    )
    .returns((_, { settled }) => settled?.paid ?? 0),
);

const kinds = defineWorkflow({ id: "kinds", version: 1 }, (flow: Flow<Claim>) =>
  flow
    .decide(({ kind }) => kind, {
      theft: (way) => way.run("police", () => "report"),
      fire: (way) => way.end(() => "burnt"),
    })
    .returns(() => "reported"),
);

const undone: string[] = [];
const rolledBack = defineWorkflow({ id: "rolled-back", version: 1 }, (flow: Flow<Claim>) =>
  flow
    .decide(({ kind }) => kind, {
      theft: (way) =>
        way.run("lock", () => "locked", { compensateWith: (_, { instanceId }) => void undone.push(instanceId) }),
      fire: (way) => way,
    })
    .run("fail", () => {
      throw new PermanentError("no");
    }),
);

inEveryWay("A decision", [sorting, kinds, rolledBack], (host, store) => {
  test("goes the way that its outcome names, and yields that way's value", async () => {
    for (const [amount, paid] of [
      [5000, 2500],
      [100, 100],
      [1, 0],
    ] as const) {
      const run = await host().startWorkflow(sorting, { amount, kind: "fire" });
      assert.equal(await run.result(), paid);
      const row = store
        .transitionsOf(run.id)
        .flatMap(({ pointers }) => pointers.filter(({ path }) => path === "decide"));
      assert.deepEqual(
        row.map(({ input }) => input),
        [JSON.stringify(amount > 1000 ? "large" : amount > 10 ? "small" : "none")],
      );
    }
  });

  test("may end the run in one of its ways", async () => {
    assert.equal(await (await host().startWorkflow(kinds, { amount: 1, kind: "fire" })).result(), "burnt");
    assert.equal(await (await host().startWorkflow(kinds, { amount: 1, kind: "theft" })).result(), "reported");
  });

  test("fails for an outcome that its type did not tell", async () => {
    const run = await host().startWorkflow(kinds, JSON.parse(`{ "amount": 1, "kind": "flood" }`) as Claim);
    await assert.rejects(run.result(), (error) => {
      assert.ok(error instanceof WorkflowFailedError);
      const { code, path, message } = error.failure;
      assert.deepEqual([code, path], ["UNKNOWN_OUTCOME", "decide"]);
      assert.match(message, /"flood"/);
      return true;
    });
  });

  test("is undone as the way that it went", async () => {
    const run = await host().startWorkflow(rolledBack, { amount: 1, kind: "theft" });
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" });
    assert.ok(undone.includes(run.id));
  });
});
