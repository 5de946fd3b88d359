import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, type Flow, PermanentError } from "workflow-core";
import { inEveryWay } from "../support/stores.ts";

/** What the values of items look like, at once, and to a step that a reload has come before. */
const listed = defineWorkflow({ id: "listed", version: 1 }, (flow: Flow<object>) =>
  flow
    .forEach(
      () => [1, 2, 3],
      (each) => each.run("even", (n) => (n % 2 === 0 ? n : undefined)),
      { as: "even" },
    )
    .forEach(
      () => [1],
      (each) => each.run("nothing", () => {}),
      { as: "nothing" },
    )
    .forEach(
      () => [1, 2],
      (each) =>
        each.run("tolerated", (n): void => {
          if (n === 2) throw new PermanentError("no");
        }),
      { as: "told", tolerate: { count: 1 } },
    )
    .run("look", (_, { scope }) => scope, { as: "seen" })
    .returns((_, { even, nothing, told, seen }) => {
      const known: readonly (number | null)[] = even;
      const none: readonly null[] = nothing;
      const shown = told.map((one) => (one.status === "done" ? [one.status, one.value === undefined] : [one.status]));
      return { known, none, shown, seen, now: { even, nothing, told } };
    }),
);

inEveryWay("The values of items", [listed], (host) => {
  test("have null for one that has none, as their type says, whether they were reloaded or not", async () => {
    const run = await host().startWorkflow(listed, {});
    const { known, none, shown, seen, now } = await run.result();
    assert.deepEqual({ known, none }, { known: [null, 2, null], none: [null] });
    assert.deepEqual(shown, [["done", true], ["failed"]]);
    assert.deepEqual(seen, now);
  });
});
