import { types } from "node:util";
import type { Block as GraphBlock } from "../models/definition.ts";
import { BlockDraft, Handle } from "./construction.ts";
import { type Fault, show } from "./fields.ts";
import type { Site } from "./site.ts";

/** A block inside a container. */
export interface Nested {
  /** What its path adds to the container's. */
  readonly part: string;
  readonly callback: unknown;
  /** What it is called in errors: "the branch \"mail\"". */
  readonly what: string;
  /** Names that only this block can read. */
  readonly names?: readonly string[];
  readonly mayBeEmpty?: boolean;
  /** What its callback gets beside the flow. */
  readonly beside?: readonly unknown[];
}

/** Builds a block inside a container by calling its author's callback. */
export function nestedBlock(site: Site, nested: Nested): GraphBlock {
  const { part, what, names = [], mayBeEmpty = false } = nested;
  const callback = site.functionOf(nested.callback, what);
  const outer = site.block;
  const block = new BlockDraft(outer.construction, site.path + part, [...outer.scope, ...names]);
  outer.busy = site.path;
  try {
    const { beside = [] } = nested;
    const build = (flow: never): unknown => (callback as (...args: readonly unknown[]) => unknown)(flow, ...beside);
    const built = finishedBlock(block, build, what, site.fault);
    if (built.nodes.length === 0 && !mayBeEmpty) throw site.fault(`${what} has no steps`);
    return built;
  } finally {
    outer.busy = undefined;
  }
}

/** Calls a callback with the flow of a block, and checks that it returns the latest flow of that very block. */
export function finishedBlock(
  block: BlockDraft,
  callback: (...args: never[]) => unknown,
  what: string,
  fault: Fault,
): GraphBlock {
  const returned = (callback as (flow: Handle) => unknown)(block.construction.open(block));
  if (Handle.isOn(returned, block)) {
    const lost = returned.overtakenBy;
    if (lost === undefined) return block.finish();
    throw block.construction.fault(
      lost,
      `it would be lost: ${what} returned the flow from before it; return the last flow`,
    );
  }
  if (returned instanceof Handle)
    throw fault(`${what} returned the flow of another block; return the flow that it was given`);
  if (types.isPromise(returned)) {
    returned.catch(() => undefined); // a flow is thenable, and refuses to be awaited
    throw fault(`${what} must not be async: it describes the work, and steps do it`);
  }
  if (returned === undefined) {
    throw fault(`${what} returned nothing; return the last flow (in braces, an arrow function needs \`return\`)`);
  }
  throw fault(`${what} returned ${show(returned)}; return the last flow`);
}
