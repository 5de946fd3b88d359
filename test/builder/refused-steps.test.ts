import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { step } from "../../src/builder/step.ts";
import { event } from "../../src/models/event-type.ts";
import { graphOf, nothing, refusalOf, type Untyped } from "./untyped.ts";

const reserve = step("reserve", nothing);
const paid = event("paid");
class Ship {
  run() {
    return 1;
  }
}
class Courier extends Ship {
  readonly name: string;
  constructor(name: string) {
    super();
    this.name = name;
  }
}

const refused = (sentence: string, build: (flow: Untyped) => unknown, expected: string | RegExp): void =>
  void test(sentence, () => {
    const refusal = refusalOf(build);
    if (typeof expected === "string") assert.equal(refusal, expected);
    else assert.match(refusal, expected);
  });

describe("bodies", () => {
  refused(
    "a bare function is sent to run",
    (flow) => flow.then(function chargeCard() {}),
    "chargeCard: then takes a step, a step class or an instance of one, and no bare function: " +
      'write run("a name", fn) for a function, and never await a flow.',
  );
  refused(
    "an arrow function, too",
    (flow) => flow.saga((saga: Untyped) => saga.then(() => 1)),
    /^saga\/then: .*no bare/,
  );
  refused("a text is no body", (flow) => flow.then("reserve"), /^then: then takes a step .* not 'reserve'\.$/);
  refused("nothing is no body", (flow) => flow.then(undefined), /^then: then takes a step .* not undefined\.$/);
  refused("an event is no body", (flow) => flow.then(paid), /^then: then takes a step .* not \{ name: 'paid' \}\.$/);
  refused(
    "a class whose constructor takes arguments is to be made by the author",
    (flow) => flow.then(Courier),
    "Courier: the constructor of class Courier takes arguments: give an instance, as in then(new Courier(…)).",
  );
  refused(
    "a class without a name needs one",
    (flow) =>
      flow.then(
        class {
          run() {}
        },
      ),
    /: it has no name of its own/,
  );
  refused("an object without a class needs one", (flow) => flow.then({ run() {} }), /: it has no name of its own/);
  refused("run needs a name first", (flow) => flow.run(nothing), /^run: run takes a name and a function/);
  refused(
    "run needs a function",
    (flow) => flow.run("x", 5),
    "x: what run is given beside the name must be a function, not 5.",
  );
  refused("run takes no class", (flow) => flow.run("x", Ship), /must be a function, not class Ship\.$/);
  refused(
    "run takes no step",
    (flow) => flow.run("x", reserve),
    /^x: what run is given beside the name must be a function/,
  );
});

describe("names", () => {
  refused(
    "two steps of one block need two names",
    (flow) => flow.saga((saga: Untyped) => saga.then(reserve).then(reserve)),
    'saga/reserve: two steps of one block are called "reserve": give one of them another name with { name }.',
  );
  refused(
    "a container cannot take the name of a step",
    (flow) => flow.run("x", nothing).delay(5, { name: "x" }),
    /^x: two steps/,
  );
  for (const name of ["a/b", "a[0]", "a]", "a#1"]) {
    refused(
      `a name without the signs of paths: ${name}`,
      (flow) => flow.run(name, nothing),
      /must not hold any of \/ \[ \] #\.$/,
    );
  }
  refused(
    "a branch's name is a name",
    (flow) => flow.parallel({ "a/b": nothing }),
    /^parallel: "a\/b" is no valid branch name/,
  );
  refused("an empty name is none", (flow) => flow.run("", nothing), /no name/);
  refused(
    "an event's name may need another for its step",
    (flow) => flow.waitFor(event("a/b"), { key: nothing }),
    /^a\/b: "a\/b" is no valid step name/,
  );
  refused(
    "a name that is no text",
    (flow) => flow.then(reserve, { name: 5 }),
    'reserve: its option "name" must be a text, not 5.',
  );

  test("equal names in different blocks are different steps", () => {
    assert.doesNotThrow(() =>
      graphOf((flow) =>
        flow
          .then(reserve)
          .saga((saga: Untyped) => saga.then(reserve))
          .if(nothing, (yes: Untyped) => yes.then(reserve)),
      ),
    );
  });
});

describe("kept names", () => {
  const kept = { as: "a" };
  refused(
    "cannot be taken twice",
    (flow) => flow.run("x", nothing, kept).run("y", nothing, kept),
    /^y: the name "a" in `as` is taken/,
  );
  refused(
    "nor again inside",
    (flow) => flow.run("x", nothing, kept).saga((s: Untyped) => s.run("y", nothing, kept)),
    /^saga\/y: .* is taken/,
  );
  for (const as of ["item", "index"]) {
    refused(
      `${as} is taken in forEach`,
      (flow) => flow.forEach(nothing, (each: Untyped) => each.run("x", nothing, { as })),
      /^each\[\]\/x: .* is taken/,
    );
  }
  refused(
    "so is a name given to the item",
    (flow) => flow.forEach(nothing, (each: Untyped) => each.run("x", nothing, { as: "line" }), { item: "line" }),
    /^each\[\]\/x: .* is taken/,
  );
  refused(
    "the item cannot be called index",
    (flow) => flow.forEach(nothing, (each: Untyped) => each.run("x", nothing), { item: "index" }),
    /^each: .*must not be "index"/,
  );
  refused(
    "the name of no field",
    (flow) => flow.run("x", nothing, { as: "__proto__" }),
    /^x: "__proto__" cannot be used in `as`/,
  );
  refused("an empty one", (flow) => flow.run("x", nothing, { as: "" }), /^x: "" is no valid name in `as`/);

  test("siblings may keep equal names: they end with their block", () => {
    const branch = (flow: Untyped) => flow.run("x", nothing, kept);
    assert.doesNotThrow(() => graphOf((flow) => flow.parallel({ one: branch, two: branch }).saga(branch, kept)));
  });
});

describe("options", () => {
  refused(
    "an option that nobody knows is refused by its name",
    (flow) => flow.then(reserve, { retries: 3 }),
    /^reserve: it has no option "retries": the options here are input, name, description, as, output, retry, timeout, /,
  );
  refused(
    "also inside retry",
    (flow) => flow.then(reserve, { retry: { attempts: 3 } }),
    /^reserve: in "retry", it has no option "attempts"/,
  );
  refused("run takes no input", (flow) => flow.run("x", nothing, { input: nothing }), /^x: it has no option "input"/);
  refused(
    "if keeps, but patches nothing",
    (flow) => flow.if(nothing, (yes: Untyped) => yes, undefined, { output: nothing }),
    /^if: it has no option "output"/,
  );
  refused(
    "options are an object",
    (flow) => flow.then(reserve, "again"),
    "reserve: its options must be an object, not 'again'.",
  );
  refused("not an array", (flow) => flow.delay(5, []), "delay: its options must be an object, not [].");
  refused(
    "input is a function",
    (flow) => flow.then(reserve, { input: {} }),
    'reserve: its option "input" must be a function, not {}.',
  );
  refused("output is a function", (flow) => flow.then(reserve, { output: 1 }), /"output" must be a function, not 1/);
  refused(
    "description is a text",
    (flow) => flow.then(reserve, { description: 1 }),
    /"description" must be a text, not 1/,
  );
  refused("as is a text", (flow) => flow.then(reserve, { as: true }), /"as" must be a text, not true/);
  refused(
    "onError is one of five",
    (flow) => flow.then(reserve, { onError: "ignore" }),
    `reserve: its option "onError" must be "compensate" or "fail" or "suspend" or "terminate" or "continue", not 'ignore'.`,
  );
  refused(
    "a wait cannot suspend",
    (flow) => flow.waitFor(paid, { key: nothing, onError: "suspend" }),
    /^paid: its option "onError" must be/,
  );
  refused(
    "compensateWith is a step or a function",
    (flow) => flow.then(reserve, { compensateWith: Ship }),
    /^reserve: .* not class Ship\.$/,
  );
  refused(
    "what a failing compensation does is one of three",
    (flow) => flow.then(reserve, { compensateWith: () => 0, onCompensationError: "ignore" }),
    /"onCompensationError" must be "suspend" or "continue" or "fail", not 'ignore'/,
  );
  refused(
    "what a failing compensation does is asked of none",
    (flow) => flow.then(reserve, { onCompensationError: "fail" }),
    /"onCompensationError" is about its compensation, and it has none/,
  );
  refused("inDoubt is skip", (flow) => flow.then(reserve, { inDoubt: false }), /"inDoubt" must be "skip", not false/);
  refused(
    "afterCompensation is one of two",
    (flow) => flow.saga((s: Untyped) => s.then(reserve), { afterCompensation: 1 }),
    /"afterCompensation" must be "fail" or "continue", not 1/,
  );
  for (const concurrency of [0, -1, 1.5, "4", Infinity, NaN]) {
    refused(
      `concurrency is a whole number from 1, not ${typeof concurrency} ${concurrency}`,
      (flow) => flow.forEach(nothing, (each: Untyped) => each.then(reserve), { concurrency }),
      /^each: its option "concurrency" must be a whole number from 1/,
    );
  }

  test("an option that is undefined counts as left out", () => {
    const left = { name: undefined, retry: undefined, timeout: undefined, as: undefined, compensateWith: undefined };
    assert.deepEqual(
      graphOf((flow) => flow.then(reserve, left)),
      graphOf((flow) => flow.then(reserve)),
    );
  });
});

describe("times", () => {
  refused(
    "a delay is a duration",
    (flow) => flow.delay("2 dayz"),
    /^delay: its duration: "2 dayz" has an unknown unit/,
  );
  refused("a delay is not nothing", (flow) => flow.delay(undefined), /^delay: its duration: undefined is no duration/);
  refused("a delay is not negative", (flow) => flow.delay(-1), /^delay: its duration: -1 is negative/);
  refused(
    "a timeout is a duration",
    (flow) => flow.then(reserve, { timeout: "soon" }),
    /^reserve: timeout: "soon" is not written/,
  );
  refused(
    "an attempt needs some time",
    (flow) => flow.then(reserve, { timeout: 0 }),
    /^reserve: its option "timeout" is 0/,
  );
  refused(
    "a retry waits for a duration",
    (flow) => flow.then(reserve, { retry: { initial: "1 sec" } }),
    /^reserve: retry.initial: "1 sec"/,
  );
  refused(
    "attempts are counted",
    (flow) => flow.then(reserve, { retry: { maxAttempts: 0 } }),
    /^reserve: retry.maxAttempts must be a whole number from 1/,
  );
  refused(
    "a wait needs a key",
    (flow) => flow.waitFor(paid),
    /^paid: its option "key" must be a function, not undefined/,
  );
  refused(
    "a wait needs an event",
    (flow) => flow.waitFor("paid", { key: nothing }),
    /^waitFor: waitFor takes an event/,
  );
  refused(
    "onTimeout needs a timeout",
    (flow) => flow.waitFor(paid, { key: nothing, onTimeout: nothing }),
    /^paid: its option "onTimeout" needs a "timeout"/,
  );
});
