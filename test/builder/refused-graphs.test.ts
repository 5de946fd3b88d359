import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { graphOf, nothing, refusalOf, refusalOfDefine, type Untyped } from "./untyped.ts";

const refused = (sentence: string, build: (flow: Untyped) => unknown, expected: string | RegExp): void =>
  void test(sentence, () => {
    const refusal = refusalOf(build);
    if (typeof expected === "string") assert.equal(refusal, expected);
    else assert.match(refusal, expected);
  });
const one = (flow: Untyped): Untyped => flow.run("x", nothing);
/** As an async callback would: the types refuse to write one that answers a flow. */
const later = (build: () => unknown): Promise<unknown> => Promise.resolve().then(build);
const identity = (flow: Untyped): Untyped => flow;

describe("what a callback returns", () => {
  const braces = "return the last flow (in braces, an arrow function needs `return`)";
  refused("nothing", (flow) => void one(flow), `: the build function returned nothing; ${braces}.`);
  refused(
    "nothing, from a branch",
    (flow) => flow.parallel({ a: one, b: nothing }),
    `parallel: its branch "b" returned nothing; ${braces}.`,
  );
  refused("nothing, from a way", (flow) => flow.if(nothing, nothing), /^if: its first way returned nothing/);
  refused(
    "nothing, from the other way",
    (flow) => flow.if(nothing, one, nothing),
    /^if: its second way returned nothing/,
  );
  refused("something else", () => 5, ": the build function returned 5; return the last flow.");
  refused(
    "the flow from before its last step, which would be lost",
    (flow) => {
      one(flow).delay(5).run("y", nothing);
      return flow;
    },
    "x: it would be lost: the build function returned the flow from before it; return the last flow.",
  );
  refused(
    "the flow around it",
    (flow) => flow.saga(() => flow),
    "saga: its body returned the flow of another block; return the flow that it was given.",
  );
  refused(
    "the flow of another definition",
    (flow) => {
      graphOf((other) => {
        flow = one(other);
        return flow;
      });
      return flow;
    },
    ": the build function returned the flow of another block; return the flow that it was given.",
  );
  refused("no callback at all", (flow) => flow.saga(undefined), "saga: its body must be a function, not undefined.");
  refused(
    "a step in place of a callback",
    (flow) => flow.forEach(nothing, { run: nothing }),
    /^each: its body must be a function/,
  );

  test("a promise, which is refused without a rejection that nobody handles", async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown): unknown => unhandled.push(reason);
    process.on("unhandledRejection", listen);
    assert.equal(
      refusalOf((flow) => later(() => one(flow))),
      ": the build function must not be async: it describes the work, and steps do it.",
    );
    assert.match(
      refusalOf((flow) => flow.saga((saga: Untyped) => later(() => one(saga)))),
      /^saga: its body must not be async/,
    );
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", listen);
    assert.deepEqual(unhandled, []);
  });

  test("what it throws itself passes unchanged", () => {
    const mine = new RangeError("mine");
    assert.throws(
      () =>
        graphOf((flow) =>
          flow.saga(() => {
            throw mine;
          }),
        ),
      (thrown) => thrown === mine,
    );
  });
});

describe("flows", () => {
  test("awaiting one is refused with a sentence", async () => {
    await assert.rejects(async () => {
      let flow: Untyped | undefined;
      graphOf((given) => (flow = one(given)));
      const thenable: unknown = flow;
      await thenable;
    }, /then was called on the flow of a block that is finished/);
  });
  refused(
    "a second verb on the same flow would begin a second way",
    (flow) => {
      const behind = one(flow);
      flow.run("y", nothing);
      return behind;
    },
    "x: after it, run was called on the flow from before it; every verb returns the flow to go on with.",
  );
  refused(
    "the flow outside is closed inside a callback",
    (flow) => flow.saga(() => flow.run("y", nothing)),
    "saga: inside its callback, run was called on the flow outside; use the flow that the callback is given.",
  );
  refused(
    "the flow inside is closed behind its callback",
    (flow) => {
      let inside: Untyped = flow;
      const behind = flow.saga((saga: Untyped) => (inside = one(saga)));
      inside.delay(5);
      return behind;
    },
    "saga/delay: delay was called on the flow of a block that is finished.",
  );
});

describe("blocks", () => {
  refused("a workflow has steps", identity, ": it has no steps.");
  refused("a forEach has steps", (flow) => flow.forEach(nothing, identity), "each: its body has no steps.");
  refused("a saga has steps", (flow) => flow.saga(identity), "saga: its body has no steps.");
  refused("a branch has steps", (flow) => flow.parallel({ a: identity }), 'parallel: its branch "a" has no steps.');
  for (const [verb, add] of Object.entries<(flow: Untyped) => Untyped>({
    race: (flow) => flow.race({ a: identity, b: one }),
    "do-while": (flow) => flow.doWhile(identity, nothing),
    until: (flow) => flow.until(identity, nothing),
    block: (flow) => flow.block(identity),
    attempt: (flow) => flow.attempt(identity, { otherwise: one }),
    within: (flow) => flow.within(5, identity),
    schedule: (flow) => flow.schedule(5, identity),
    recur: (flow) => flow.recur({ every: 1_000 }, identity),
    "cancel-when": (flow) => flow.cancelWhen({ name: "e" }, identity, { key: nothing }),
  }))
    refused(`the body of ${verb} has steps`, add, /has no steps/);
  refused("a parallel has branches", (flow) => flow.parallel({}), "parallel: it has no branches.");
  refused(
    "in an object",
    (flow) => flow.parallel([one]),
    "parallel: parallel takes an object of named branches, not [ [Function: one] ].",
  );
  refused("a condition is a function", (flow) => flow.if(true, one), "if: its condition must be a function, not true.");
  refused(
    "items come from a function",
    (flow) => flow.forEach([1], one),
    "each: what forEach goes through must be a function, not [ 1 ].",
  );
  refused(
    "a patch comes from a function",
    (flow) => flow.set({ a: 1 }),
    "set: its patch must be a function, not { a: 1 }.",
  );
  refused(
    "a value comes from a function",
    (flow) => one(flow).returns("x"),
    "return: its value must be a function, not 'x'.",
  );
  refused("a result comes from a function", (flow) => flow.end(5), "end: its value must be a function, not 5.");

  test("a way of an if, and a late branch, may be empty", () => {
    const waited = { key: nothing, timeout: 5, onTimeout: identity };
    assert.doesNotThrow(() => graphOf((flow) => flow.if(nothing, identity).waitFor({ name: "e" }, waited)));
  });
});

describe("what can never be reached", () => {
  const unreachable = (name: string, before: string) =>
    `${name}: it is never reached: nothing can follow "${before}" in its block.`;
  const ends = (flow: Untyped): Untyped => flow.end();
  refused("behind end", (flow) => one(flow.end()), unreachable("x", "end"));
  refused("behind returns", (flow) => flow.returns(nothing).end(), unreachable("end", "return"));
  refused(
    "inside a block",
    (flow) => flow.saga((saga: Untyped) => one(saga.returns(nothing))),
    unreachable("saga/x", "return"),
  );
  refused("behind an if whose ways both end", (flow) => one(flow.if(nothing, ends, ends)), unreachable("x", "if"));
  refused("behind a branch that ends", (flow) => one(flow.parallel({ a: one, b: ends })), unreachable("x", "parallel"));
  refused(
    "behind a saga that ends",
    (flow) => one(flow.saga((saga: Untyped) => saga.if(nothing, ends, ends))),
    unreachable("x", "saga"),
  );

  refused(
    "behind a join that waits for more branches than may be done",
    (flow) => one(flow.parallel({ a: one, b: ends, c: ends }, { join: { atLeast: 2 } })),
    unreachable("x", "parallel"),
  );

  test("all else can be", () => {
    const returns = (flow: Untyped): Untyped => flow.returns(nothing);
    assert.doesNotThrow(() =>
      graphOf((flow) =>
        flow
          .if(nothing, ends)
          .if(nothing, returns, returns)
          .forEach(nothing, ends)
          .parallel({ a: one, b: ends }, { join: "first" })
          .parallel({ a: ends, b: ends }, { tolerate: { count: 2 } })
          .saga(ends, { afterCompensation: "continue" })
          .waitFor({ name: "e" }, { key: nothing, timeout: 1, onTimeout: ends })
          .run("x", nothing),
      ),
    );
  });
});

describe("sizes", () => {
  const many = (flow: Untyped, count: number): Untyped =>
    Array.from({ length: count }).reduce<Untyped>((behind) => behind.delay(1), flow);

  test("10,000 steps are a definition, one more is not", () => {
    assert.doesNotThrow(() =>
      graphOf((flow) =>
        Array.from({ length: 10_000 }).reduce<Untyped>((behind, _, n) => behind.run(`s${n}`, nothing), flow),
      ),
    );
    const eleven = Object.fromEntries(
      Array.from({ length: 11 }, (_, n) => [`b${n}`, (flow: Untyped) => many(flow, 910)]),
    );
    assert.match(
      refusalOf((flow) => flow.parallel(eleven)),
      /^parallel\/b10\/delay-\d+: a definition may have at most 10000 steps\.$/,
    );
  });

  test("a path takes at most 512 bytes, its indexes and compensations included", () => {
    const long = "ä".repeat(240);
    assert.doesNotThrow(() => graphOf((flow) => flow.saga((saga: Untyped) => saga.run(long, nothing))));
    assert.match(
      refusalOf((flow) =>
        flow.forEach(nothing, (each: Untyped) => each.forEach(nothing, (inner: Untyped) => inner.run(long, nothing))),
      ),
      /^each\[\]\/each\[\]\/ä+…: its path may take 513 bytes, and 512 are allowed/,
    );
    const deeper = (flow: Untyped): Untyped => flow.if(nothing, deeper);
    assert.match(refusalOf(deeper), /^if\/yes\/if.*its path may take \d+ bytes/);
  });
});

describe("defineWorkflow", () => {
  const refusedDefine = (sentence: string, given: readonly unknown[], expected: RegExp): void =>
    void test(sentence, () => assert.match(refusalOfDefine(...given), expected));
  refusedDefine("needs an id", [{ version: 1 }, one], /^: undefined is no valid workflow id: it must be a text\.$/);
  refusedDefine(
    "needs an id that is not empty",
    [{ id: "", version: 1 }, one],
    /^: "" is no valid workflow id: it must not be empty\.$/,
  );
  refusedDefine(
    "needs an id that is not too long",
    [{ id: "x".repeat(513), version: 1 }, one],
    /must not take more than 512 bytes\.$/,
  );
  for (const version of [undefined, 0, -1, 1.5, "1", 2 ** 31, NaN]) {
    refusedDefine(
      `needs a whole number from 1 as version, not ${typeof version} ${version}`,
      [{ id: "w", version }, one],
      /^: its version must be a whole number from 1/,
    );
  }
  refusedDefine(
    "knows its options",
    [{ id: "w", version: 1, input: z.object({}) }, one],
    /^: it has no option "input": the options here are id, version, data, startOn, timeout, onTimeout\.$/,
  );
  refusedDefine(
    "needs a schema as data",
    [{ id: "w", version: 1, data: { a: "string" } }, one],
    /^: the option "data" must be a Standard Schema/,
  );
  refusedDefine(
    "needs an event to be started by",
    [{ id: "w", version: 1, startOn: "paid" }, one],
    /^: its option "startOn" takes an event \(made by event\), not 'paid'\.$/,
  );
  refusedDefine(
    "needs a name of the event",
    [{ id: "w", version: 1, startOn: { name: "" } }, one],
    /^: "" is no valid event name: it must not be empty\.$/,
  );
  refusedDefine(
    "needs something to build",
    [{ id: "w", version: 1 }],
    /^: defineWorkflow takes \(\{ id, version \}, \(flow\) => …\) or a workflow class, not/,
  );
  refusedDefine(
    "needs a function to build",
    [{ id: "w", version: 1 }, 5],
    /^: defineWorkflow takes a build function, .* not 5\.$/,
  );
  refusedDefine("needs more than a function", [one], /^: function one has no method|^: defineWorkflow takes/);
  refusedDefine("needs anything at all", [], /^: defineWorkflow takes .* not undefined\.$/);
  refusedDefine("needs a class that builds", [class Nothing {}], /^: class Nothing has no method build\(flow\)\.$/);
  refusedDefine("needs nothing beside a class", [class W {}, one], /^: a workflow class needs nothing beside it/);
  refusedDefine(
    "needs a class with an id",
    [
      class W {
        readonly version = 1;
        build = one;
      },
    ],
    /^: undefined is no valid workflow id/,
  );
  refusedDefine(
    "needs a class whose build returns",
    [
      class W {
        readonly id = "w";
        readonly version = 1;
        build() {}
      },
    ],
    /^: build returned nothing/,
  );
});
