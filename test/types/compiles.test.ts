import assert from "node:assert/strict";
import { test } from "node:test";
import { blocksOf, type Block } from "../../src/models/definition.ts";
import { definitionOf } from "../../src/models/workflow-definition.ts";
import * as flows from "./flow-inference.ts";
import { undoing } from "./doubt.ts";
import * as inference from "./inference.ts";
import { fulfilOrder } from "./order.ts";
import * as schemas from "./schemas.ts";
import { startedByEvents } from "./started-by-event.ts";

/** What only has to compile is also built here: the types promise nothing that the builder refuses. */

const pathsOf = (workflow: unknown): string[] => {
  const paths = (block: Block): string[] =>
    block.nodes.flatMap((node) => [node.path, ...blocksOf(node).flatMap((inner) => paths(inner.block))]);
  return paths(definitionOf(workflow).graph.root);
};

test("the order workflow is built as it is written", () => {
  assert.deepEqual(pathsOf(fulfilOrder), [
    "saga",
    "saga/reserve",
    "saga/charge",
    "saga/payment-confirmed",
    "saga/payment-confirmed/late/end",
    "saga/return",
    "if",
    "if/yes/delay",
    "if/yes/approve",
    "if/no/auto-approve",
    "each",
    "each[]/pack",
    "each[]/Ship",
    "parallel",
    "parallel/invoice/render",
    "parallel/mail/mail",
    "return",
  ]);
});

test("so are pieces, wrappers, classes and nested loops", () => {
  assert.deepEqual(pathsOf(inference.pieces), [
    "reserve",
    "saga",
    "saga/return",
    "saga-2",
    "saga-2/each",
    "saga-2/each[]/pack",
    "saga-2/each[]/Ship",
    "saga-3",
    "saga-3/ship-plainly",
    "return",
  ]);
  assert.deepEqual(pathsOf(inference.wrapping), ["saga", "saga/reserve", "after"]);
  assert.deepEqual(pathsOf(inference.hello), ["greet", "return"]);
  assert.deepEqual(pathsOf(inference.nested), ["each", "each[]/each", "each[]/each[]/weigh", "return"]);
});

test("loops and jumps are built as they are written", () => {
  assert.deepEqual(pathsOf(flows.looping), [
    "while",
    "while#/poll",
    "do",
    "do#/poll",
    "until",
    "until#/page",
    "block",
    "block#/if",
    "block#/if/yes/restart",
    "block#/while",
    "block#/while#/leave",
    "look",
  ]);
});

test("so are decisions", () => {
  assert.deepEqual(pathsOf(flows.deciding), [
    "decide",
    "decide/large/inspect",
    "decide/small/pay",
    "decide/none/end",
    "look",
  ]);
});

test("so are races and joins", () => {
  assert.deepEqual(pathsOf(flows.joining), [
    "race",
    "race/paid/payment-confirmed",
    "race/late/delay",
    "parallel",
    "parallel/a/a",
    "parallel/b/b",
    "parallel-2",
    "parallel-2/a/a",
    "parallel-2/b/b",
    "each",
    "each[]/pack",
    "each-2",
    "each-2[]/maybe",
    "each-3",
    "each-3[]/nothing",
    "each-4",
    "each-4[]/pack",
    "look",
  ]);
});

test("so are handlers and blocks that an event cancels", () => {
  assert.deepEqual(pathsOf(flows.handling), [
    "attempt",
    "attempt/try/work",
    "attempt/timeout/late",
    "attempt/permanent/end",
    "cancel-when",
    "cancel-when/body/remind",
    "cancel-when-2",
    "cancel-when-2/body/remind",
    "cancel-when-2/cancelled/thank",
    "look",
  ]);
});

test("so are steps that the flow goes on without", () => {
  assert.deepEqual(pathsOf(flows.goingOn), ["reserve", "guess", "sure", "look"]);
});

test("a step that opts out of doubt says so in its graph, a transactional one need not", () => {
  const skips = definitionOf(undoing).graph.root.nodes.flatMap((node) =>
    node.kind === "step" && node.skipInDoubt ? [node.name] : [],
  );
  assert.deepEqual(skips, ["pay-2", "pay-sure", "pay-sure-2", "lift-2", "say-2"]);
});

test("the event that starts a workflow reaches the engine, and so does its schema", () => {
  const named = startedByEvents.map((workflow) => definitionOf(workflow).graph.startOn);
  assert.deepEqual(named, ["placed", "priced", "placed", "placed", "ticked", "placed"]);
  const withSchema = startedByEvents.filter((workflow) => definitionOf(workflow).eventSchema !== undefined);
  assert.deepEqual(
    withSchema.map(({ id }) => id),
    ["of-schema"],
  );
});

test("the schema of the data reaches the engine", () => {
  for (const workflow of [schemas.withZod, schemas.withValibot, schemas.withEvents]) {
    assert.ok(definitionOf(workflow).schema);
  }
});
