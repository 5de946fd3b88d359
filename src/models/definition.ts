import type { ResolvedRetryPolicy } from "./retry-policy.ts";
import type { Overlap } from "./schedule.ts";

/**
 * A workflow definition is a frozen tree of steps. The tree is plain data (it prints as canonical JSON); every function
 * that an author gave stands in it as a reference, and lives in the definition's function table.
 */

/** Stands for an author's function: the static path of its step and its role, as in `charge.input`. */
export interface FunctionRef {
  readonly ref: string;
}

export type AnyFunction = (...args: never[]) => unknown;

/** What happens when a step has failed for good (its retries are exhausted, or its error is permanent).
 *  `compensate` (default): the nearest enclosing saga, or else the whole run, is rolled back in reverse order, then the failure
 *  goes on outwards. `fail`: the run fails at once and nothing is undone. `terminate`: the same, ending as Terminated.
 *  `suspend`: the run is parked as Suspended with the step ready to run again on resume. `continue`: the step counts as failed, and
 *  the flow goes on behind it without its value. */
export type ErrorBehavior = "fail" | "suspend" | "terminate" | "compensate" | "continue";

/** What becomes of a run whose time is over. What is active is stopped; then `compensate` undoes what was done, in reverse order, and
 *  the run is Failed; `fail` undoes nothing; `terminate` is the same, ending as Terminated. */
export type RunTimeoutBehavior = Exclude<ErrorBehavior, "suspend" | "continue">;

interface NodeFacts {
  /** Unique within its block; a part of every path below it. */
  readonly name: string;
  /** Static path: as the pointer's path, with `[]` in place of an iteration's index. */
  readonly path: string;
  readonly description?: string;
  /** The name under which the step's value is kept in its scope. */
  readonly as?: string;
  /** (data, result, scope) => patch of the data. */
  readonly output?: FunctionRef;
}

/** Runs an author's body: a step, a step class, or an inline function. */
export interface StepNode extends NodeFacts {
  readonly kind: "step";
  /** The body as given: a `Step` object's function, a class to be made per execution, or an instance with `run`. */
  readonly body: FunctionRef;
  /** How `body` is called: `run(input, context)`; `new Body().run(context)`; `body.run(context)`. */
  readonly call: "function" | "class" | "instance";
  /** Inline functions of `run(name, fn)` also get data and scope in their context. */
  readonly inline: boolean;
  readonly transactional: boolean;
  /** (data, scope) => input. Absent: the step takes its subject (the data, or the item of the innermost forEach). */
  readonly input?: FunctionRef;
  readonly retry: ResolvedRetryPolicy;
  readonly timeoutMs?: number;
  readonly onError: ErrorBehavior;
  /** (done, context) => unknown, run when the step is rolled back. */
  readonly compensation?: FunctionRef;
  /** How the compensation runs; present with it. A step given as compensation brings its own; a function has those of its step. */
  readonly undo?: UndoPolicy;
  /** A step whose outcome is unknown is not compensated. */
  readonly skipInDoubt?: true;
}

/** What happens when a compensation has failed for good. `suspend` (default): the run is parked as Suspended with the compensation ready
 *  to run again on resume. `continue`: the others are undone all the same, and then the rollback has failed. `fail`: nothing more is
 *  undone, and the run fails at once. */
export type CompensationErrorBehavior = "suspend" | "fail" | "continue";

export interface UndoPolicy {
  /** The compensation is a transactional step: it runs in a transaction that commits with its completion. */
  readonly transactional: boolean;
  readonly retry: ResolvedRetryPolicy;
  readonly timeoutMs?: number;
  /** Absent: `suspend`. */
  readonly onError?: Exclude<CompensationErrorBehavior, "suspend">;
}

/** Waits for an event under a key. */
export interface WaitNode extends NodeFacts {
  readonly kind: "wait";
  readonly event: string;
  /** (data, scope) => string. */
  readonly key: FunctionRef;
  readonly timeoutMs?: number;
  /** Runs when the timeout passed first; without it a timeout is the step's failure. */
  readonly late?: Block;
  readonly onError: Exclude<ErrorBehavior, "suspend" | "continue">;
  /** The event's schema, when it was given one: validates at consumption. */
  readonly schema?: FunctionRef;
}

/** Sleeps this branch. */
export interface DelayNode extends NodeFacts {
  readonly kind: "delay";
  readonly durationMs?: number;
  /** (data, scope) => Duration, when it is not a constant. */
  readonly duration?: FunctionRef;
}

/** Sleeps this branch until an instant. */
export interface DelayUntilNode extends NodeFacts {
  readonly kind: "delayUntil";
  /** ISO 8601, in UTC. */
  readonly at?: string;
  /** (data, scope) => Date, when it is not a constant. */
  readonly instant?: FunctionRef;
}

/** A length of time, as a constant or a mapping. */
interface Lasting extends NodeFacts {
  readonly durationMs?: number;
  /** (data, scope) => Duration, when it is not a constant. */
  readonly duration?: FunctionRef;
}

/** Runs a block that has so long for it; when its time is over it is cut off. */
export interface WithinNode extends Lasting {
  readonly kind: "within";
  readonly body: Block;
  /** Runs in its place when the time is over; without it that is the step's failure. */
  readonly late?: Block;
  readonly onError: Exclude<ErrorBehavior, "suspend" | "continue">;
}

/** Runs a block later, while the flow goes on. */
export interface LaterNode extends Lasting {
  readonly kind: "later";
  readonly body: Block;
  /** What becomes of it at the end of the block that it stands in: that one waits for it, or it is cancelled. */
  readonly atEnd: "wait" | "cancel";
}

/** Runs its block at the ticks of a clock, a lap a tick. */
export interface RecurNode extends NodeFacts {
  readonly kind: "recur";
  readonly ticks: { readonly cron: string; readonly timeZone: string } | { readonly everyMs: number };
  readonly overlap: Overlap;
  /** How many laps there are. Default: any number. */
  readonly times?: number;
  /** How many laps' rows are kept. Default: those of all. */
  readonly keepLaps?: number;
  /** (data, scope) => boolean, asked after each lap: whether it was the last. */
  readonly condition?: FunctionRef;
  readonly body: Block;
}

/** Patches the data. */
export interface SetNode extends NodeFacts {
  readonly kind: "set";
  readonly patch: FunctionRef;
}

export interface IfNode extends NodeFacts {
  readonly kind: "if";
  readonly condition: FunctionRef;
  readonly yes: Block;
  readonly no: Block;
}

/** Goes one of several ways, by name. */
export interface DecideNode extends NodeFacts {
  readonly kind: "decide";
  /** (data, scope) => string: the name of the case. */
  readonly outcome: FunctionRef;
  readonly cases: readonly Branch[];
}

/** Runs its block again and again, a lap at a time; a labelled block is a loop that ends with its first lap. */
export interface LoopNode extends NodeFacts {
  readonly kind: "loop";
  /** When the condition is asked: `before` each lap (`while`), `after` it (`doWhile`, `until`), or `never` (`block`). */
  readonly asks: "before" | "after" | "never";
  /** (data, scope) => boolean. Present unless it is never asked. */
  readonly condition?: FunctionRef;
  /** The loop goes on while its condition is false. */
  readonly until?: true;
  /** How many laps there may be; one more is the loop's failure. Default: any number. */
  readonly maxLaps?: number;
  /** How many laps' rows are kept. Default: those of all. */
  readonly keepLaps?: number;
  readonly body: Block;
}

/** Goes to the next lap of a loop around it, or out of that loop; what else is active in the lap is cancelled. */
export interface JumpNode extends NodeFacts {
  readonly kind: "jump";
  readonly to: "restart" | "leave";
  /** Static path of the loop. */
  readonly loop: string;
}

/** When a container of several children goes on, where it does not simply wait for all of them to succeed. */
export interface JoinPolicy {
  /** How many must have succeeded. Absent: all that have not failed. */
  readonly need?: number;
  /** What becomes of the others then: `absorb` lets them run on, `cancel` stops them. Present with `need`. */
  readonly rest?: "absorb" | "cancel";
  /** How many may fail, or which share of them (from 0 to 1). Absent: none. */
  readonly tolerate?: { readonly count: number } | { readonly share: number };
}

export interface ForEachNode extends NodeFacts {
  readonly kind: "forEach";
  /** (data, scope) => array; evaluated and stored once, at entry. */
  readonly items: FunctionRef;
  /** The name of the item in scope. Default: `item`. */
  readonly item: string;
  /** Iterations admitted at a time. Default: 32. */
  readonly concurrency: number;
  readonly policy?: JoinPolicy;
  readonly body: Block;
}

export interface ParallelNode extends NodeFacts {
  readonly kind: "parallel";
  readonly policy?: JoinPolicy;
  readonly branches: readonly Branch[];
}

/** Runs its branches side by side until the first is done; the others are cancelled. */
export interface RaceNode extends NodeFacts {
  readonly kind: "race";
  readonly policy?: Pick<JoinPolicy, "tolerate">;
  readonly branches: readonly Branch[];
}

export interface Branch {
  readonly name: string;
  readonly block: Block;
}

export interface SagaNode extends NodeFacts {
  readonly kind: "saga";
  readonly body: Block;
  /** Where the run goes when the saga has been rolled back: `fail` (default) passes the failure on, `continue` goes on behind it. */
  readonly afterCompensation: "fail" | "continue";
}

/** Runs a block; when something in it has failed, a handler takes its place. */
export interface AttemptNode extends NodeFacts {
  readonly kind: "attempt";
  readonly body: Block;
  /** By error class, and `otherwise` for those that have none of their own. */
  readonly handlers: readonly Branch[];
}

/** Runs a block that an event cancels. */
export interface CancelWhenNode extends NodeFacts {
  readonly kind: "cancelWhen";
  readonly event: string;
  /** (data, scope) => string. */
  readonly key: FunctionRef;
  /** The event's schema, when it was given one: validates at consumption. */
  readonly schema?: FunctionRef;
  readonly body: Block;
  /** Runs when the event has cancelled the block. */
  readonly cleanup: Block;
}

/** Gives its block a value. */
export interface ReturnNode extends NodeFacts {
  readonly kind: "return";
  /** (data, scope) => value. */
  readonly value: FunctionRef;
}

/** Ends the whole run as Complete, from any depth. */
export interface EndNode extends NodeFacts {
  readonly kind: "end";
  /** (data, scope) => result; absent: the data is the result. */
  readonly value?: FunctionRef;
}

export type Node =
  | StepNode
  | WaitNode
  | DelayNode
  | DelayUntilNode
  | WithinNode
  | LaterNode
  | RecurNode
  | SetNode
  | IfNode
  | DecideNode
  | LoopNode
  | JumpNode
  | ForEachNode
  | ParallelNode
  | RaceNode
  | SagaNode
  | AttemptNode
  | CancelWhenNode
  | ReturnNode
  | EndNode;

export type NodeKind = Node["kind"];

/** Steps that run one after the other. */
export interface Block {
  readonly nodes: readonly Node[];
}

/** The graph alone, as canonical JSON shows it. */
export interface DefinitionGraph {
  readonly id: string;
  readonly version: number;
  /** How long a run may take from its start on, unless its start says otherwise. Default: for ever. */
  readonly timeoutMs?: number;
  /** What becomes of a run whose time is over. Default: `compensate`. */
  readonly onTimeout?: RunTimeoutBehavior;
  /** The name of the event that starts a run. Runs do not rely on it, so it may change in place. */
  readonly startOn?: string;
  readonly root: Block;
}

/** What the engine runs: the graph, the author's functions by reference, and the data's schema when there is one. */
export interface Definition {
  readonly graph: DefinitionGraph;
  readonly functions: ReadonlyMap<string, unknown>;
  /** Standard Schema of what starts the workflow. */
  readonly schema?: unknown;
  /** Standard Schema of the event that starts it. */
  readonly eventSchema?: unknown;
}

/** The inner blocks of a node, with the part of the path that each adds below the node's own path. */
export function blocksOf(node: Node): readonly { readonly part: string; readonly block: Block }[] {
  switch (node.kind) {
    case "if":
      return [
        { part: "/yes", block: node.yes },
        { part: "/no", block: node.no },
      ];
    case "within":
      return [
        { part: "/body", block: node.body },
        ...(node.late === undefined ? [] : [{ part: "/late", block: node.late }]),
      ];
    case "later":
      return [{ part: "/body", block: node.body }];
    case "loop":
    case "recur":
      return [{ part: "#", block: node.body }];
    case "decide":
      return node.cases.map(asInner);
    case "forEach":
      return [{ part: "[]", block: node.body }];
    case "parallel":
    case "race":
      return node.branches.map(asInner);
    case "saga":
      return [{ part: "", block: node.body }];
    case "attempt":
      return [{ part: "/try", block: node.body }, ...node.handlers.map(asInner)];
    case "cancelWhen":
      return [
        { part: "/body", block: node.body },
        { part: "/cancelled", block: node.cleanup },
      ];
    case "wait":
      return node.late === undefined ? [] : [{ part: "/late", block: node.late }];
    default:
      return [];
  }
}

const asInner = ({ name, block }: Branch) => ({ part: `/${name}`, block });
