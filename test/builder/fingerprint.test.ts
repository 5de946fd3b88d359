import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import { definitionOf, fingerprintOf } from "../../src/models/workflow-definition.ts";
import { fulfilOrder } from "../types/order.ts";
import { nothing, type Untyped } from "./untyped.ts";
import { defineWorkflow } from "../../src/builder/define-workflow.ts";

const define = defineWorkflow as unknown as (options: unknown, build: unknown) => unknown;
const fingerprint = (build: (flow: Untyped) => unknown, version = 1): string =>
  fingerprintOf(definitionOf(define({ id: "w", version }, build)));

describe("the fingerprint of a definition", () => {
  test("is the same in another process", () => {
    const order = new URL("../types/order.js", import.meta.url).href;
    const model = new URL("../../src/models/workflow-definition.js", import.meta.url).href;
    const script = `
      const [{ fulfilOrder }, { definitionOf, fingerprintOf }] = [await import(${JSON.stringify(order)}), await import(${JSON.stringify(model)})];
      process.stdout.write(fingerprintOf(definitionOf(fulfilOrder)));`;
    const other = execFileSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
    assert.match(other, /^[0-9a-f]{64}$/);
    assert.equal(other, fingerprintOf(definitionOf(fulfilOrder)));
  });

  test("does not depend on the order in which options are written", () => {
    assert.equal(
      fingerprint((flow) => flow.run("x", nothing, { as: "a", retry: { maxAttempts: 2, initial: 5 }, timeout: 7 })),
      fingerprint((flow) => flow.run("x", nothing, { timeout: 7, retry: { initial: 5, maxAttempts: 2 }, as: "a" })),
    );
  });

  test("does not depend on source text, descriptions or the way a duration is written", () => {
    assert.equal(
      fingerprint((flow) => flow.run("x", () => 1, { timeout: "1 second" }).delay("2 days")),
      fingerprint((flow) => flow.run("x", () => 2, { timeout: 1000, description: "two" }).delay("48 hours")),
    );
  });

  test("does not depend on the event that starts it, on which no run relies", () => {
    const build = (flow: Untyped): Untyped => flow.run("x", nothing);
    const started = definitionOf(define({ id: "w", version: 1, startOn: { name: "paid" } }, build));
    assert.equal(fingerprintOf(started), fingerprint(build));
    assert.equal(started.graph.startOn, "paid");
  });

  const x = (flow: Untyped): Untyped => flow.run("x", nothing);
  const changes: Readonly<Record<string, (flow: Untyped) => unknown>> = {
    "another name": (flow) => flow.run("y", nothing),
    "one more step": (flow) => x(flow).delay(1),
    "a kept result": (flow) => flow.run("x", nothing, { as: "x" }),
    "a mapping more": (flow) => flow.run("x", nothing, { output: nothing }),
    "another policy": (flow) => flow.run("x", nothing, { retry: { maxAttempts: 6 } }),
    "a compensation": (flow) => flow.run("x", nothing, { compensateWith: nothing }),
    "a container around it": (flow) => flow.saga(x),
  };
  for (const [change, build] of Object.entries(changes)) {
    test(`changes with ${change}`, () => assert.notEqual(fingerprint(build), fingerprint(x)));
  }

  test("changes with the order of branches, which is that of their admission, and with the version", () => {
    assert.notEqual(
      fingerprint((flow) => flow.parallel({ a: x, b: x })),
      fingerprint((flow) => flow.parallel({ b: x, a: x })),
    );
    assert.notEqual(fingerprint(x, 1), fingerprint(x, 2));
  });
});
