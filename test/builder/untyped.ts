import assert from "node:assert/strict";
import { defineWorkflow } from "../../src/builder/define-workflow.ts";
import type { DefinitionGraph, Node } from "../../src/models/definition.ts";
import { InvalidDefinitionError } from "../../src/models/errors-definition.ts";
import { definitionOf } from "../../src/models/workflow-definition.ts";

/** The builder as JavaScript sees it: nothing stops a wrong argument but the builder itself. */
export interface Untyped {
  startWith: Verb;
  then: Verb;
  run: Verb;
  waitFor: Verb;
  delay: Verb;
  delayUntil: Verb;
  within: Verb;
  schedule: Verb;
  recur: Verb;
  set: Verb;
  if: Verb;
  forEach: Verb;
  parallel: Verb;
  saga: Verb;
  decide: Verb;
  attempt: Verb;
  cancelWhen: Verb;
  race: Verb;
  while: Verb;
  doWhile: Verb;
  until: Verb;
  block: Verb;
  restart: Verb;
  leave: Verb;
  returns: Verb;
  end: Verb;
}
type Verb = (...given: readonly unknown[]) => Untyped;

const define = defineWorkflow as unknown as (...given: readonly unknown[]) => unknown;

/** The graph of a workflow called "w". */
export const graphOf = (build: (flow: Untyped) => unknown): DefinitionGraph =>
  graphOfDefine({ id: "w", version: 1 }, build);

/** The same for any arguments of `defineWorkflow`. */
export const graphOfDefine = (...given: readonly unknown[]): DefinitionGraph => definitionOf(define(...given)).graph;

/** Every step of the graph of a workflow called "w", containers before what is in them. */
export function nodesOf(build: (flow: Untyped) => unknown): readonly Node[] {
  const found: Node[] = [];
  JSON.stringify(graphOf(build), (_, value: unknown) => {
    if (typeof value === "object" && value !== null && "kind" in value) found.push(value as Node);
    return value;
  });
  return found;
}

/** What a definition is refused with: `path: problem`. */
export const refusalOf = (build: (flow: Untyped) => unknown): string => refusalOfDefine({ id: "w", version: 1 }, build);

/** The same for any arguments of `defineWorkflow`. */
export function refusalOfDefine(...given: readonly unknown[]): string {
  try {
    define(...given);
  } catch (thrown) {
    assert.ok(thrown instanceof InvalidDefinitionError, String(thrown));
    assert.equal(thrown.code, "INVALID_DEFINITION");
    return `${thrown.path}: ${thrown.problem}`;
  }
  return assert.fail("the definition was not refused");
}

/** A body that is not run. */
export const nothing = (): undefined => undefined;
