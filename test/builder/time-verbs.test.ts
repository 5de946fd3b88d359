import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow } from "../../src/builder/define-workflow.ts";
import type { Flow } from "../../src/builder/flow.ts";
import { blocksOf } from "../../src/models/definition.ts";
import { graphOf, graphOfDefine, nothing, refusalOf, refusalOfDefine, type Untyped } from "./untyped.ts";

test("delayUntil keeps a constant as text, and a mapping as a reference", () => {
  const at = new Date("2030-01-02T03:04:05.678Z");
  assert.deepEqual(graphOf((flow) => flow.delayUntil(at).delayUntil(nothing, { name: "opening" })).root.nodes, [
    { kind: "delayUntil", name: "delayUntil", path: "delayUntil", at: "2030-01-02T03:04:05.678Z" },
    { kind: "delayUntil", name: "opening", path: "opening", instant: { ref: "opening.instant" } },
  ]);
});

for (const [what, given, problem] of [
  ["a text", "2030-01-01", /^delayUntil: its instant: "2030-01-01" is no Date\. Give a Date\.$/],
  ["nothing", undefined, /^delayUntil: its instant: undefined is no Date/],
  ["an invalid date", new Date(NaN), /^delayUntil: its instant: Invalid Date is no valid Date/],
  ["a date too far", new Date(8.64e15), /is not in the years 1 to 9999/],
] as const) {
  test(`delayUntil refuses ${what}`, () =>
    assert.match(
      refusalOf((flow) => flow.delayUntil(given)),
      problem,
    ));
}

const inner = (flow: Untyped): Untyped => flow.run("x", nothing);

test("within, schedule and recur keep their times, and what is in them lies below their paths", () => {
  const nodes = graphOf((flow) =>
    flow
      .within("2 days", inner, { onTimeout: inner, as: "answer" })
      .within(nothing, inner, { onError: "fail" })
      .schedule("1 hour", inner)
      .schedule(nothing, inner, { atEnd: "cancel" })
      .recur({ every: "90 seconds", times: 3, overlap: "queue" }, inner)
      .recur({ cron: " 0 9 * * MON-FRI", until: nothing, name: "mornings" }, inner),
  ).root.nodes;
  const pathsIn = nodes.map((node) => blocksOf(node).flatMap(({ block }) => block.nodes.map(({ path }) => path)));
  assert.deepEqual(pathsIn, [
    ["within/body/x", "within/late/x"],
    ["within-2/body/x"],
    ["schedule/body/x"],
    ["schedule-2/body/x"],
    ["recur#/x"],
    ["mornings#/x"],
  ]);
  const facts = nodes.map((node) => ({ ...node, body: undefined, late: undefined }));
  const block = { body: undefined, late: undefined };
  assert.deepEqual(facts, [
    {
      kind: "within",
      name: "within",
      path: "within",
      as: "answer",
      durationMs: 172_800_000,
      onError: "compensate",
      ...block,
    },
    {
      kind: "within",
      name: "within-2",
      path: "within-2",
      duration: { ref: "within-2.duration" },
      onError: "fail",
      ...block,
    },
    { kind: "later", name: "schedule", path: "schedule", durationMs: 3_600_000, atEnd: "wait", ...block },
    {
      kind: "later",
      name: "schedule-2",
      path: "schedule-2",
      duration: { ref: "schedule-2.duration" },
      atEnd: "cancel",
      ...block,
    },
    { kind: "recur", name: "recur", path: "recur", ticks: { everyMs: 90_000 }, overlap: "queue", times: 3, ...block },
    {
      kind: "recur",
      name: "mornings",
      path: "mornings",
      ticks: { cron: "0 9 * * MON-FRI", timeZone: "UTC" },
      overlap: "skip",
      condition: { ref: "mornings.condition" },
      ...block,
    },
  ]);
});

for (const [what, build, problem] of [
  [
    "a scope without steps",
    (flow: Untyped) => flow.within(1, (body: Untyped) => body),
    /^within: its body has no steps/,
  ],
  ["a scope without a time", (flow: Untyped) => flow.within(undefined, inner), /^within: its duration: undefined/],
  ["a scope that suspends", (flow: Untyped) => flow.within(1, inner, { onError: "suspend" }), /"onError" must be/],
  [
    "an end that is none",
    (flow: Untyped) => flow.schedule(1, inner, { atEnd: "leave" }),
    /"atEnd" must be "wait" or "cancel"/,
  ],
  ["no ticks", (flow: Untyped) => flow.recur({}, inner), /^recur: it needs either "cron" or "every"/],
  ["two kinds of ticks", (flow: Untyped) => flow.recur({ every: 1000, cron: "* * * * *" }, inner), /needs either/],
  ["a zone without a cron", (flow: Untyped) => flow.recur({ every: 1000, timeZone: "UTC" }, inner), /needs a "cron"/],
  ["a cron that is none", (flow: Untyped) => flow.recur({ cron: "daily" }, inner), /^recur: cron: "daily" is no cron/],
  [
    "too short an interval",
    (flow: Untyped) => flow.recur({ every: 999 }, inner),
    /^recur: every: 999 is less than a second/,
  ],
  [
    "laps without number",
    (flow: Untyped) => flow.recur({ every: 1000, times: 0 }, inner),
    /"times" must be a whole number/,
  ],
] as const) {
  test(`${what} is refused`, () => assert.match(refusalOf(build), problem));
}

test("time is drawn: scopes with what runs too late, blocks beside the flow, ticks", () => {
  const workflow = defineWorkflow({ id: "w", version: 1 }, (flow: Flow<object>) =>
    flow
      .within("1 day", (body) => body.run("ask", () => 1), { onTimeout: (late) => late.run("remind", () => 2) })
      .schedule("1 hour", (later) => later.run("clean", () => 3))
      .recur({ cron: "0 9 * * *" }, (lap) => lap.run("poll", () => 4)),
  );
  assert.equal(
    workflow.toMermaid(),
    `flowchart TD
  start(["w v1"])
  s1[["within"]]
  subgraph f2["within"]
    s3["ask"]
  end
  s4["remind"]
  s5("schedule")
  subgraph f6["schedule"]
    s7["clean"]
  end
  subgraph f8["recur: 0 9 #42; #42; #42; #40;UTC#41;"]
    s9["poll"]
  end
  s10(["done"])
  start --> s1
  s1 --> s3
  s1 -->|"too late"| s4
  s3 --> s5
  s4 --> s5
  s5 -->|"later"| s7
  s5 --> s9
  s9 --> s10
`,
  );
});

test("a run's time is a part of its graph, and of its fingerprint", () => {
  const graph = graphOfDefine({ id: "w", version: 1, timeout: "1 hour", onTimeout: "fail" }, inner);
  assert.deepEqual([graph.timeoutMs, graph.onTimeout], [3_600_000, "fail"]);
  assert.deepEqual(Object.keys(graphOf(inner)), ["id", "version", "root"]);
});

for (const [what, options, problem] of [
  ["no time", { timeout: 0 }, /timeout: 0 is no time/],
  ["a wrong time", { timeout: "soon" }, /timeout: "soon" is not written as/],
  ["a wrong end", { timeout: 1, onTimeout: "suspend" }, /"onTimeout" must be "compensate" or "fail" or "terminate"/],
] as const) {
  test(`${what} for a run is refused`, () =>
    assert.match(refusalOfDefine({ id: "w", version: 1, ...options }, inner), problem));
}
