import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, type Flow } from "workflow-core";
import { inEveryWay } from "../support/stores.ts";

interface Job {
  readonly failing: number;
}

type Tolerance = { readonly count: number } | { readonly share: number };

const failing = (id: string, count: number, tolerate: Tolerance, fail: () => never) =>
  defineWorkflow({ id, version: 1 }, (flow: Flow<Job>) =>
    flow
      .forEach(
        () => Array.from({ length: count }, (_, n) => n),
        (each) =>
          each.set((data, { item }) => {
            if (item < data.failing) fail();
            return {};
          }),
        { as: "ended", tolerate },
      )
      .returns((_, { ended }) => ended.filter(({ status }) => status === "failed").length),
  );

const fail = (): never => {
  throw new Error("no");
};
/** With a stack as they are behind many layers. */
const failDeep = (): never => {
  const frames = Array.from(
    { length: 50 },
    (_, n) => `    at layer${n} (file:///srv/app/node_modules/layer-${n}/index.js:1:1)`,
  );
  throw Object.assign(new Error("no"), { stack: ["Error: no", ...frames].join("\n") });
};

/** In floating point 0.29 of 100 is less than 29, and 0.57 of 100 less than 57. */
const bearing = [
  [29, failing("share-29", 100, { share: 0.29 }, fail)],
  [57, failing("share-57", 100, { share: 0.57 }, fail)],
  [0, failing("share-0", 3, { share: 0 }, fail)],
  [0, failing("count-0", 3, { count: 0 }, fail)],
] as const;

const most = 2_000;
const crowd = failing("crowd", most, { share: 1 }, failDeep);

inEveryWay("A crowd that bears failures", [...bearing.map(([, workflow]) => workflow), crowd], (host) => {
  test("bears as many of them as it says, and not one more, also if that is none", async () => {
    for (const [bearable, workflow] of bearing) {
      const run = await host().startWorkflow(workflow, { failing: bearable });
      assert.equal(await run.result(), bearable);
      const other = await host().startWorkflow(workflow, { failing: bearable + 1 });
      await assert.rejects(other.result(), { code: "WORKFLOW_FAILED" });
    }
  });

  test("gathers thousands of them, however long their stacks are", async () => {
    const run = await host().startWorkflow(crowd, { failing: most });
    assert.equal(await run.result(), most);
  });
});
