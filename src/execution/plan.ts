import {
  type AnyFunction,
  type Block,
  blocksOf,
  type Definition,
  type FunctionRef,
  type Node,
} from "../models/definition.ts";
import { CorruptStateError } from "../models/errors-values.ts";
import { emptyFrontier, type Frontier, limitedTo } from "../models/frontier.ts";
import { blockOf, childOf, forEachOf, loopOf, staticPath } from "../models/path.ts";

/** A definition made ready to run: every step by its static path, with where it stands. */
export interface Plan {
  readonly definition: Definition;
  readonly id: string;
  readonly version: number;
  readonly root: Block;
  /** What an instance is born with: its first pointer, if that is a step whose body can run at once. */
  readonly birth: Frontier;
  readonly birthJson: string;
  readonly places: ReadonlyMap<string, Place>;
  /** Blocks by their static path, with the container that they belong to. */
  readonly blocks: ReadonlyMap<string, BlockPlace>;
  /** Stands for a definition that this host does not have: only requests that need none of its code can be carried out. */
  readonly isUnknown?: true;
}

/** Where a step stands. */
export interface Place {
  readonly node: Node;
  readonly block: BlockPlace;
  /** The step behind it in its block. */
  readonly next: Node | undefined;
  /** Somebody reads its value: it is kept, put into an output, or gives its block's value to someone who does. */
  readonly valued: boolean;
}

export interface BlockPlace {
  readonly nodes: readonly Node[];
  /** The container; undefined for the root block. */
  readonly container: Place | undefined;
  /** Other pointers may be active beside one in this block. */
  readonly concurrent: boolean;
  /** A forEach is around it: the subject of its steps is the item, not the data. */
  readonly iterates: boolean;
  /** Somebody reads the value of this block. */
  readonly valued: boolean;
}

export function planOf(definition: Definition): Plan {
  const places = new Map<string, Place>();
  const blocks = new Map<string, BlockPlace>();
  const { id, version, root } = definition.graph;
  index("", { nodes: root.nodes, container: undefined, concurrent: false, iterates: false, valued: false });
  const birth = limitedTo(birthOf(root), definition.graph.timeoutMs);
  return { definition, id, version, root, birth, birthJson: JSON.stringify(birth), places, blocks };

  function index(path: string, given: BlockPlace): void {
    const block = given.nodes.some(absorbs) ? { ...given, concurrent: true } : given;
    blocks.set(path, block);
    block.nodes.forEach((node, n) => {
      const next = block.nodes[n + 1];
      const valued = node.as !== undefined || node.output !== undefined || (next === undefined && block.valued);
      const place: Place = { node, block, next, valued };
      const own = childOf(path, node.name);
      places.set(own, place);
      const concurrent =
        block.concurrent || crowds.has(node.kind) || (node.kind === "recur" && node.overlap === "allow");
      const iterates = block.iterates || node.kind === "forEach";
      for (const inner of blocksOf(node)) {
        const { nodes } = inner.block;
        index(own + inner.part, {
          nodes,
          container: place,
          concurrent,
          iterates,
          valued: isRead(node, valued),
        });
      }
    });
  }
}

/** Kinds whose children have others beside them, or may be cut off while their input must still be known. */
const crowds: ReadonlySet<Node["kind"]> = new Set(["forEach", "parallel", "race", "cancelWhen", "within"]);

/** Whether children of a node may still run beside what follows it. */
const absorbs = (node: Node): boolean =>
  node.kind === "later" || ("policy" in node && node.kind !== "race" && node.policy?.rest === "absorb");

/** Whether somebody reads the value of a node's inner blocks. */
function isRead(node: Node, valued: boolean): boolean {
  switch (node.kind) {
    case "wait":
    case "later":
    case "recur":
      return false;
    case "loop":
      return valued || node.asks === "after";
    default:
      return valued;
  }
}

/** The path of the container that a block path belongs to. */
export function containerOf(block: string, container: Node): string {
  switch (container.kind) {
    case "forEach":
      return forEachOf(block);
    case "loop":
    case "recur":
      return loopOf(block);
    case "saga":
      return block;
    default:
      return blockOf(block);
  }
}

function birthOf({ nodes: [first] }: Block): Frontier {
  return first?.kind === "step" ? { format: 1, pointers: { [first.name]: {} } } : emptyFrontier;
}

/** Whether nothing of an instance was decided yet. */
export const isUnbegun = ({ pointers, scopes, seq }: Frontier): boolean =>
  seq === undefined && scopes === undefined && Object.keys(pointers).length === 0;

/** The place of a pointer, by its path at run time. */
export function placeOf(plan: Plan, path: string): Place {
  const place = plan.places.get(staticPath(path));
  if (place === undefined)
    throw new CorruptStateError("frontier", `"${plan.id}" version ${plan.version} has no step "${path}"`);
  return place;
}

/** The author's function behind a reference. */
export function functionOf(plan: Plan, reference: FunctionRef): AnyFunction {
  return plan.definition.functions.get(reference.ref) as AnyFunction;
}

/** Whether a path is that of a compensation: no step stands there, but one above it. */
export const isUndoPath = (plan: Plan, path: string): boolean =>
  path.endsWith("/undo") && !plan.places.has(staticPath(path));
