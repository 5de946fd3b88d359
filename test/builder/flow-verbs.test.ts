import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { differenceOf } from "../../src/execution/difference.ts";
import { canonicalGraph, definitionOf, fingerprintOf } from "../../src/models/workflow-definition.ts";
import { deciding, handling, joining, looping } from "../types/flow-inference.ts";
import { graphOf, nothing, refusalOf, type Untyped } from "./untyped.ts";

const one = (flow: Untyped): Untyped => flow.run("x", nothing);
const refused = (sentence: string, build: (flow: Untyped) => unknown, expected: string | RegExp): void =>
  void test(sentence, () => {
    const refusal = refusalOf(build);
    if (typeof expected === "string") assert.equal(refusal, expected);
    else assert.match(refusal, expected);
  });
const differs = (before: (flow: Untyped) => unknown, after: (flow: Untyped) => unknown): string =>
  differenceOf(canonicalGraph(graphOf(before)), canonicalGraph(graphOf(after)));

test("a graph that came back with its fields in another order does not differ", () => {
  const flow = (start: Untyped): Untyped => start.run("x", nothing, { retry: { maxAttempts: 2 } });
  const turned = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(turned)
      : typeof value === "object" && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([key, of]) => [key, turned(of)]),
          )
        : value;
  const before = turned(canonicalGraph(graphOf(flow)));
  const after = canonicalGraph(graphOf((start) => flow(start).run("y", nothing)));
  assert.equal(differenceOf(before, after), 'step "y" is new');
});

describe("a loop", () => {
  test("is a node that says when its condition is asked", () => {
    const [whiles, dos, untils, blocks] = graphOf((flow) =>
      flow
        .while(nothing, one, { maxLaps: 3, keepLaps: 9 })
        .doWhile(one, nothing)
        .until(one, nothing)
        .block(one, { as: "x" }),
    ).root.nodes;
    const { body: _, ...loop } = whiles as typeof whiles & { body: unknown };
    const condition = { ref: "while.condition" };
    assert.deepEqual(loop, {
      kind: "loop",
      name: "while",
      path: "while",
      asks: "before",
      condition,
      maxLaps: 3,
      keepLaps: 9,
    });
    const of = (node: unknown): unknown[] => {
      const { name, asks, until } = node as { name: string; asks: string; until?: true };
      return [name, asks, until];
    };
    assert.deepEqual([dos, untils, blocks].map(of), [
      ["do", "after", undefined],
      ["until", "after", true],
      ["block", "never", undefined],
    ]);
  });

  refused("without a body", (flow) => flow.while(nothing), /^while: its body must be a function/);
  refused("without a condition", (flow) => flow.until(one), /^until: its condition must be a function/);
  refused("without steps", (flow) => flow.while(nothing, (lap: Untyped) => lap), "while: its body has no steps.");
  refused(
    "that keeps no laps",
    (flow) => flow.while(nothing, one, { keepLaps: 0 }),
    /^while: its option "keepLaps" must/,
  );
  refused("of no laps", (flow) => flow.while(nothing, one, { maxLaps: 0 }), /^while: its option "maxLaps" must be/);
  refused(
    "whose name for the lap is taken by a kept value",
    (flow) => flow.while(nothing, (lap: Untyped) => lap.run("y", nothing, { as: "lap" })),
    /^while#\/y: the name "lap" in `as` is taken/,
  );

  refused("jumped to by name", (flow) => flow.block((lap: Untyped) => lap.restart("block")), /takes the label/);
  refused(
    "jumped into from outside",
    (flow) => {
      let label: unknown;
      return flow
        .block((lap: Untyped, here: unknown) => {
          label = here;
          return one(lap);
        })
        .restart(label);
    },
    "restart: restart can only name a loop or a block that is around it.",
  );
  refused(
    "with a step behind a jump",
    (flow) => flow.block((lap: Untyped, here: unknown) => one(lap.leave(here))),
    `block#/x: it is never reached: nothing can follow "leave" in its block.`,
  );

  test("is drawn with its way back", () => {
    assert.equal(
      looping.toMermaid(),
      `flowchart TD
  start(["looping v1"])
  s1{"while"}
  subgraph f2["while"]
    s3["poll"]
  end
  subgraph f4["do"]
    s5["poll"]
  end
  s6{"do"}
  subgraph f7["until"]
    s8["page"]
  end
  s9{"until"}
  subgraph f10["block"]
    s11{"if"}
    s12>"restart: block"]
    s13{"while"}
    subgraph f14["while"]
      s15>"leave: block"]
    end
  end
  s16["look"]
  s17(["done"])
  start --> s1
  s1 -->|"yes"| s3
  s3 --> s1
  s1 -->|"no"| s5
  s5 --> s6
  s6 -->|"yes"| s5
  s6 -->|"no"| s8
  s8 --> s9
  s9 -->|"no"| s8
  s9 -->|"yes"| s11
  s11 -->|"yes"| s12
  s11 -->|"no"| s13
  s13 -->|"yes"| s15
  s13 -->|"no"| s16
  s16 --> s17
`,
    );
  });

  test("changes the fingerprint with its bound, and the difference says so", () => {
    const bounded = (maxLaps: number) => (flow: Untyped) => flow.while(nothing, one, { maxLaps });
    assert.match(differs(bounded(1), bounded(2)), /step "while" was .*"maxLaps":1.* and is .*"maxLaps":2/);
    assert.equal(
      differs(
        (flow) => flow.while(nothing, one),
        (flow) => flow.while(nothing, (lap: Untyped) => one(lap).delay(1)),
      ),
      `step "while#/delay" is new`,
    );
    assert.notEqual(fingerprintOf(definitionOf(looping)), "");
  });
});

describe("a decision", () => {
  test("is a node with a case for each outcome, drawn with an arrow for each", () => {
    const { graph } = definitionOf(deciding);
    const [decide] = graph.root.nodes;
    assert.equal(decide?.kind, "decide");
    assert.deepEqual(decide?.kind === "decide" && decide.cases.map(({ name }) => name), ["large", "small", "none"]);
    assert.match(deciding.toMermaid(), /s1 -->\|"large"\| s2\n {2}s1 -->\|"small"\| s3\n {2}s1 -->\|"none"\| s4/);
  });

  refused("without cases", (flow) => flow.decide(nothing, {}), "decide: it has no cases.");
  refused(
    "with a list of cases",
    (flow) => flow.decide(nothing, [one]),
    /^decide: decide takes an object of named cases/,
  );
  refused("with a case that no path can name", (flow) => flow.decide(nothing, { "a/b": one }), /is no valid case name/);
  refused(
    "of which no way goes on, with a step behind it",
    (flow) => one(flow.decide(nothing, { a: (way: Untyped) => way.end(), b: (way: Untyped) => way.end() })),
    `x: it is never reached: nothing can follow "decide" in its block.`,
  );
  test("differs from one with another case", () => {
    assert.equal(
      differs(
        (flow) => flow.decide(nothing, { a: one }),
        (flow) => flow.decide(nothing, { b: one }),
      ),
      `step "decide/b/x" is new; step "decide/a/x" is gone`,
    );
  });
});

describe("a race, and a container with a join policy", () => {
  const two = { a: one, b: one };
  test("say in their nodes when they go on", () => {
    const policies = graphOf((flow) =>
      flow
        .race(two, { tolerate: { count: 1 } })
        .parallel(two)
        .parallel(two, { join: "all" })
        .parallel(two, { join: "first" })
        .parallel(two, { join: { atLeast: 2 }, rest: "absorb", tolerate: { share: 0.5 } })
        .forEach(nothing, one, { tolerate: { count: 3 } }),
    ).root.nodes.map((node) => ("policy" in node ? node.policy : undefined));
    assert.deepEqual(policies, [
      { tolerate: { count: 1 } },
      undefined,
      undefined,
      { need: 1, rest: "cancel" },
      { need: 2, rest: "absorb", tolerate: { share: 0.5 } },
      { tolerate: { count: 3 } },
    ]);
  });

  refused("of nobody", (flow) => flow.race({}), "race: it has no branches.");
  refused(
    "that waits for more branches than there are",
    (flow) => flow.parallel(two, { join: { atLeast: 3 } }),
    /wait for 3 branches, and there are only 2/,
  );
  refused(
    "with another join",
    (flow) => flow.parallel(two, { join: "some" }),
    /its option "join" must be "all", "first" or/,
  );
  refused(
    "for no branch",
    (flow) => flow.parallel(two, { join: { atLeast: 0 } }),
    /in "join", its option "atLeast" must be a whole number from 1/,
  );
  refused(
    "with a rest where there is none",
    (flow) => flow.parallel(two, { rest: "absorb" }),
    /its option "rest" needs a "join"/,
  );
  refused(
    "that bears nothing",
    (flow) => flow.race(two, { tolerate: {} }),
    /its option "tolerate" must be \{ count: n \}/,
  );
  refused(
    "that bears two things",
    (flow) => flow.race(two, { tolerate: { count: 1, share: 1 } }),
    /it has both a count and a share/,
  );
  refused(
    "that bears less than nothing",
    (flow) => flow.race(two, { tolerate: { count: -1 } }),
    /its option "count" must be a whole number from 0/,
  );
  refused(
    "that bears more than all",
    (flow) => flow.race(two, { tolerate: { share: 2 } }),
    /must be a number from 0 to 1/,
  );

  test("are drawn with the number that they wait for", () => {
    const drawn = joining.toMermaid();
    for (const quorum of ["first of race", "all of parallel", "1 of parallel-2"])
      assert.ok(drawn.includes(quorum), quorum);
  });

  test("differ by their policies", () => {
    assert.match(
      differs(
        (flow) => flow.parallel(two),
        (flow) => flow.parallel(two, { join: "first" }),
      ),
      /^step "parallel" was .* and is .*"policy":\{"need":1,"rest":"cancel"\}/,
    );
  });
});

describe("an attempt, and a block that an event cancels", () => {
  const paid = { name: "paid" };
  test("name their handlers, their event and its key", () => {
    const [attempt, cancel] = graphOf((flow) =>
      flow.attempt(one, { timeout: one, otherwise: one }).cancelWhen(paid, one, { key: nothing }),
    ).root.nodes;
    assert.deepEqual(attempt?.kind === "attempt" && attempt.handlers.map(({ name }) => name), ["timeout", "otherwise"]);
    assert.ok(cancel?.kind === "cancelWhen");
    assert.deepEqual([cancel.event, cancel.key, cancel.cleanup], ["paid", { ref: "cancel-when.key" }, { nodes: [] }]);
  });

  refused("without handlers", (flow) => flow.attempt(one, {}), "attempt: it has no handlers.");
  refused(
    "with a handler for no class",
    (flow) => flow.attempt(one, { timout: one }),
    /^attempt: it has a handler for "timout": there are transient, /,
  );
  refused(
    "without a body",
    (flow) => flow.attempt(undefined, { otherwise: one }),
    /^attempt: its body must be a function/,
  );
  refused("without an event", (flow) => flow.cancelWhen("paid", one), /^cancelWhen: cancelWhen takes an event/);
  refused("without a key", (flow) => flow.cancelWhen(paid, one), /^cancel-when: its option "key" must be a function/);
  refused(
    "without steps",
    (flow) => flow.cancelWhen(paid, (body: Untyped) => body, { key: nothing }),
    "cancel-when: its body has no steps.",
  );

  test("are drawn with a way for what cuts them off", () => {
    const drawn = handling.toMermaid();
    for (const arrow of ['s1 -->|"timeout"| s4', 's1 -->|"permanent"| s5', 's1 -->|"otherwise"| s6'])
      assert.ok(drawn.includes(arrow), drawn);
    assert.match(drawn, /"cancelled by payment-confirmed"/);
  });

  test("differ by their handlers", () => {
    assert.equal(
      differs(
        (flow) => flow.attempt(one, { timeout: one }),
        (flow) => flow.attempt(one, { timeout: one, permanent: one }),
      ),
      `step "attempt/permanent/x" is new`,
    );
  });
});
