import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { defineWorkflow } from "../../src/builder/define-workflow.ts";
import { step, transactionalStep } from "../../src/builder/step.ts";
import { InvalidRequestError } from "../../src/models/errors.ts";
import { InvalidDurationError, InvalidNameError } from "../../src/models/errors-values.ts";
import { event } from "../../src/models/event-type.ts";
import { ExecutionResult } from "../../src/models/execution-result.ts";
import { definitionOf } from "../../src/models/workflow-definition.ts";
import { refusalOf } from "./untyped.ts";

type Loose = (...given: readonly unknown[]) => unknown;
const looseStep = step as unknown as Loose;
const looseTransactional = transactionalStep as unknown as Loose;
const looseEvent = event as unknown as Loose;
const body = (): undefined => undefined;

describe("step", () => {
  test("keeps its name and its function, frozen, so that a test can call it", async () => {
    const double = step("double", async (n: number) => n * 2);
    assert.equal(double.name, "double");
    assert.equal(await double.run(4, undefined), 8);
    assert.ok(Object.isFrozen(double));
  });

  test("refuses names that paths cannot hold", () => {
    for (const name of ["", "a/b", "a#2", " a", 5, undefined])
      assert.throws(() => looseStep(name, body), InvalidNameError);
  });

  test("refuses what is no function", () => {
    for (const run of [undefined, {}, "x", class {}]) assert.throws(() => looseStep("x", run), InvalidRequestError);
  });

  const refusals: readonly (readonly [string, Loose, unknown, RegExp])[] = [
    [
      "unknown defaults",
      looseStep,
      { retries: 3 },
      /^step "x" cannot be made: it has no option "retries": the options here are retry, timeout/,
    ],
    ["what belongs to the place of use", looseStep, { onError: "fail" }, /it has no option "onError"/],
    [
      "a wrong policy",
      looseStep,
      { retry: { factor: 0 } },
      /^step "x" cannot be made: retry.factor must be a number from 1/,
    ],
    [
      "a wrong timeout",
      looseStep,
      { timeout: "1 fortnight" },
      /^step "x" cannot be made: timeout: "1 fortnight" has an unknown unit/,
    ],
    [
      "a wrong compensation",
      looseStep,
      { compensateWith: "undo" },
      /"compensateWith" must be a step or a function, not 'undo'/,
    ],
    ["doubt where there is none", looseTransactional, { inDoubt: "skip" }, /it has no option "inDoubt"/],
  ];
  for (const [what, make, defaults, message] of refusals) {
    test(`refuses ${what}`, () => {
      assert.throws(
        () => make("x", body, defaults),
        (thrown) => thrown instanceof InvalidRequestError && message.test(thrown.message),
      );
    });
  }

  test("takes defaults that are inherited or getters", () => {
    class Patience {
      get timeout(): "5 seconds" {
        return "5 seconds";
      }
    }
    const made = defineWorkflow({ id: "w", version: 1 }, (flow) => flow.then(step("x", body, new Patience())));
    assert.match(JSON.stringify(definitionOf(made).graph), /"timeoutMs":5000/);
  });

  test("defaults that are changed afterwards change nothing", () => {
    const defaults = { timeout: 5 };
    const made = step("x", body, defaults);
    defaults.timeout = -1;
    assert.throws(() => refusalOf((flow) => flow.then(made)), /was not refused/);
  });
});

describe("event", () => {
  test("has a name, and a schema if it was given one", () => {
    const schema = z.object({ amount: z.number() });
    assert.deepEqual(event("paid"), { name: "paid" });
    assert.equal(event("paid", schema).schema, schema);
    assert.ok(Object.isFrozen(event("paid")));
  });

  test("refuses an empty name and what is no Standard Schema", () => {
    assert.throws(() => looseEvent(""), InvalidNameError);
    for (const schema of [null, {}, "x", { "~standard": {} }]) {
      assert.throws(() => looseEvent("paid", schema), /the schema of event "paid" must be a Standard Schema/);
    }
  });
});

describe("ExecutionResult", () => {
  test("says what the engine is to do", () => {
    const shown = ({ kind, value, delayMs }: ExecutionResult<unknown>) => ({ kind, value, delayMs });
    assert.deepEqual(shown(ExecutionResult.next()), { kind: "next", value: undefined, delayMs: 0 });
    assert.deepEqual(shown(ExecutionResult.next(5)), { kind: "next", value: 5, delayMs: 0 });
    assert.deepEqual(shown(ExecutionResult.persist({ page: 2 })), { kind: "persist", value: { page: 2 }, delayMs: 0 });
    assert.deepEqual(shown(ExecutionResult.sleep("2 seconds")), { kind: "sleep", value: undefined, delayMs: 2000 });
    assert.deepEqual(shown(ExecutionResult.sleep(7, "kept")), { kind: "sleep", value: "kept", delayMs: 7 });
  });

  test("refuses to sleep for what is no duration", () => {
    assert.throws(() => ExecutionResult.sleep(-1), InvalidDurationError);
  });
});
