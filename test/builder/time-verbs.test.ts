import assert from "node:assert/strict";
import { test } from "node:test";
import { graphOf, nothing, refusalOf } from "./untyped.ts";

test("delayUntil keeps a constant as text, and a mapping as a reference", () => {
  const at = new Date("2030-01-02T03:04:05.678Z");
  assert.deepEqual(graphOf((flow) => flow.delayUntil(at).delayUntil(nothing, { name: "opening" })).root.nodes, [
    { kind: "delayUntil", name: "delayUntil", path: "delayUntil", at: "2030-01-02T03:04:05.678Z" },
    { kind: "delayUntil", name: "opening", path: "opening", instant: { ref: "opening.instant" } },
  ]);
});

for (const [what, given, problem] of [
  ["a text", "2030-01-01", /^delayUntil: its instant: "2030-01-01" is no Date\. Give a Date\.$/],
  ["nothing", undefined, /^delayUntil: its instant: a undefined is no Date/],
  ["an invalid date", new Date(NaN), /^delayUntil: its instant: Invalid Date is no valid Date/],
  ["a date too far", new Date(8.64e15), /is not in the years 1 to 9999/],
] as const) {
  test(`delayUntil refuses ${what}`, () =>
    assert.match(
      refusalOf((flow) => flow.delayUntil(given)),
      problem,
    ));
}
