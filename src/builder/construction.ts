import {
  blocksOf,
  type Block as GraphBlock,
  type FunctionRef,
  type Node,
  type ParallelNode,
} from "../models/definition.ts";
import { InvalidDefinitionError } from "../models/errors-definition.ts";
import { maxSteps } from "../models/limits.ts";
import { childOf } from "../models/path.ts";

/** What stands in the function table: an author's function, class, instance or schema, by what it is to its step. */
export type Role =
  | "body"
  | "input"
  | "output"
  | "condition"
  | "outcome"
  | "items"
  | "key"
  | "patch"
  | "value"
  | "duration"
  | "instant"
  | "compensation"
  | "schema";

/** One definition being built: what all its blocks share. */
export class Construction {
  /** The workflow's id, for errors. */
  readonly workflow: string;
  readonly functions: Map<string, unknown> = new Map();
  /** Makes the flow that a callback is given. Handed in, because flows know the verbs and the verbs open blocks. */
  readonly open: (block: BlockDraft) => Handle;
  #steps = 0;

  constructor(workflow: string, open: (block: BlockDraft) => Handle) {
    this.workflow = workflow;
    this.open = open;
  }

  fault(path: string, problem: string, cause?: unknown): InvalidDefinitionError {
    return new InvalidDefinitionError(this.workflow, path, `${problem}.`, cause === undefined ? undefined : { cause });
  }

  register(path: string, role: Role, value: unknown): FunctionRef {
    const ref = `${path}.${role}`;
    this.functions.set(ref, value);
    return { ref };
  }

  countStep(path: string): void {
    this.#steps += 1;
    if (this.#steps > maxSteps) throw this.fault(path, `a definition may have at most ${maxSteps} steps`);
  }
}

/** A block being built. Its flows are handles on it, of which only the latest may be used. */
export class BlockDraft {
  readonly construction: Construction;
  /** The path that its steps' names are appended to; `""` for the outermost block. */
  readonly path: string;
  /** Names that mappings in this block can read. */
  readonly scope: Set<string>;
  readonly nodes: Node[] = [];
  readonly #names = new Set<string>();
  /** By verb, the number below which all its names are taken. */
  readonly #counts = new Map<string, number>();
  /** The container whose callback runs right now, or null once the block is finished. */
  busy: string | null | undefined;

  constructor(construction: Construction, path: string, scope: Iterable<string>) {
    this.construction = construction;
    this.path = path;
    this.scope = new Set(scope);
  }

  hasName(name: string): boolean {
    return this.#names.has(name);
  }

  takeName(name: string): void {
    this.#names.add(name);
  }

  /** The verb, or `verb-2`, `verb-3`, …: the first that is free. */
  freeName(verb: string): string {
    let n = this.#counts.get(verb) ?? 1;
    while (this.#names.has(numbered(verb, n))) n += 1;
    this.#counts.set(verb, n);
    return numbered(verb, n);
  }

  /** The path of the nth step. */
  pathAt(n: number): string {
    return this.nodes[n]?.path ?? this.path;
  }

  /** The error for a step of this block that has no place yet. */
  fault(name: string, problem: string, cause?: unknown): InvalidDefinitionError {
    return this.construction.fault(childOf(this.path, name), problem, cause);
  }

  /** The name of the step behind which nothing is reached. */
  get endedBy(): string | undefined {
    const last = this.nodes.at(-1);
    return last !== undefined && (last.kind === "return" || endsRun(last)) ? last.name : undefined;
  }

  finish(): GraphBlock {
    this.busy = null;
    return { nodes: this.nodes };
  }
}

const numbered = (verb: string, n: number): string => (n === 1 ? verb : `${verb}-${n}`);

/** Whether a run that comes to this step never goes on behind it. (Of loops it is not said: their laps may be left.) */
function endsRun(node: Node): boolean {
  switch (node.kind) {
    case "end":
    case "jump":
      return true;
    case "if":
    case "decide":
    case "race":
      return blocksOf(node).every(({ block }) => blockEndsRun(block));
    case "parallel":
      return !mayJoin(node);
    case "saga":
      return node.afterCompensation === "fail" && blockEndsRun(node.body);
    default:
      return false;
  }
}

/** Whether enough branches may be done. What is borne may be all that fails before it ends the run. */
function mayJoin({ policy, branches }: ParallelNode): boolean {
  const done = branches.filter(({ block }) => !blockEndsRun(block)).length;
  return policy?.tolerate !== undefined || done >= (policy?.need ?? branches.length);
}

function blockEndsRun(block: GraphBlock): boolean {
  const last = block.nodes.at(-1);
  return last !== undefined && endsRun(last);
}

/** A place in a block behind which the next step is put. Flows are handles. */
export class Handle {
  readonly #block: BlockDraft;
  readonly #length: number;

  protected constructor(block: BlockDraft) {
    this.#block = block;
    this.#length = block.nodes.length;
  }

  /** Whether this is a handle on the block, the latest or not. */
  static isOn(value: unknown, block: BlockDraft): value is Handle {
    return value instanceof Handle && value.#block === block;
  }

  /** The path of the step that was added behind this handle through another use of it. */
  get overtakenBy(): string | undefined {
    return this.#length < this.#block.nodes.length ? this.#block.pathAt(this.#length) : undefined;
  }

  /** The block, if a step may be put behind this handle now. */
  protected take(verb: string): BlockDraft {
    const block = this.#block;
    if (block.busy === null) {
      throw block.fault(verb, `${verb} was called on the flow of a block that is finished`);
    }
    if (block.busy !== undefined) {
      const problem = `inside its callback, ${verb} was called on the flow outside; use the flow that the callback is given`;
      throw block.construction.fault(block.busy, problem);
    }
    const overtaking = this.overtakenBy;
    if (overtaking !== undefined) {
      const problem = `after it, ${verb} was called on the flow from before it; every verb returns the flow to go on with`;
      throw block.construction.fault(overtaking, problem);
    }
    return block;
  }
}
