/** Workflows as plain data: what the engine's workflow and the interpreter's run are both made from. Imports nothing. */

/** A block of steps; `last` is what may stand only at its end. */
export interface Block {
  readonly steps: readonly PlanNode[];
  readonly last?: Last;
}

export type Last =
  | { readonly kind: "returns" }
  | { readonly kind: "end"; readonly withValue: boolean }
  /** To the loop with this id. */
  | { readonly kind: "restart" | "leave"; readonly to: number };

/** Holds when what is seen, modulo `of`, is `is`. */
export interface Condition {
  readonly of: number;
  readonly is: number;
}

interface Common {
  readonly id: number;
  /** Its value is kept under `k<id>`. */
  readonly as: boolean;
}

/** What is done with a value: the field of the data that it changes. */
interface WithOutput {
  readonly output?: Field;
}

export type Field = "a" | "b" | "c";
export type Data = { readonly [F in Field]: number };

/** How bodies of a step fail: where `when` holds, in the attempts up to this one. `hang` never answers, and runs into the timeout. */
export interface Trouble {
  readonly when: Condition;
  readonly attempts: number;
  readonly kind: "permanent" | "transient" | "hang";
  readonly code?: string;
}

export interface StepPlan extends Common, WithOutput {
  readonly kind: "step";
  readonly via: "then" | "run";
  readonly trouble?: Trouble;
  readonly retry: { readonly maxAttempts: number; readonly initial: number; readonly factor: number };
  readonly onError?: "compensate" | "fail" | "terminate" | "suspend" | "continue";
  /** Undone by a compensation that fails so many times, of two attempts. */
  readonly undo?: { readonly failures: 0 | 1 | 2; readonly onError?: "continue" | "fail" };
  readonly skipInDoubt: boolean;
  /** The input mapping throws where this holds. */
  readonly badInput?: Condition;
  readonly isVoid: boolean;
  /** Takes no time, and writes into the ledger in the engine's own transaction. */
  readonly isTransactional: boolean;
  /** Each attempt sleeps first, until an instant after the beginning of the run, with nothing but the clock to tell it that it has. */
  readonly naps: boolean;
}
export interface SetPlan extends Common {
  readonly kind: "set";
  readonly field: Field;
  /** The mapping throws where this holds. */
  readonly bad?: Condition;
}
export interface DelayPlan extends Common {
  readonly kind: "delay";
  /** Until an instant after the beginning of the run, instead of for a while. */
  readonly until: boolean;
}
export interface WaitPlan extends Common, WithOutput {
  readonly kind: "wait";
  /** When events for it are published, in milliseconds after the beginning. */
  readonly events: readonly number[];
  readonly timeout: boolean;
  readonly late?: Block;
  readonly onError?: "compensate" | "fail" | "terminate";
  /** The output mapping throws where this holds of the event. */
  readonly badOutput?: Condition;
}
export interface IfPlan extends Common {
  readonly kind: "if";
  readonly when: Condition;
  readonly yes: Block;
  readonly no?: Block;
}
export interface DecidePlan extends Common {
  readonly kind: "decide";
  readonly cases: readonly Block[];
  /** How many outcomes there are; those beyond the cases are unknown. */
  readonly of: number;
}
export interface LoopPlan extends Common {
  readonly kind: "while" | "doWhile" | "until" | "block";
  readonly when: Condition;
  /** The condition stops the loop at the latest behind this lap. */
  readonly laps: number;
  readonly maxLaps?: number;
  readonly keepLaps?: number;
  readonly body: Block;
}
export interface JoinPlan {
  readonly atLeast?: number;
  readonly rest?: "cancel" | "absorb";
  readonly tolerate?: { readonly count: number } | { readonly share: number };
}
export interface ForEachPlan extends Common, WithOutput {
  readonly kind: "forEach";
  readonly count: number;
  /** The number of items depends on what is seen. */
  readonly varies: boolean;
  readonly concurrency?: number;
  readonly join: JoinPlan;
  readonly body: Block;
}
export interface ParallelPlan extends Common, WithOutput {
  readonly kind: "parallel";
  readonly join: JoinPlan;
  readonly branches: readonly Block[];
}
export interface RacePlan extends Common, WithOutput {
  readonly kind: "race";
  readonly tolerate?: { readonly count: number };
  readonly branches: readonly Block[];
}
export interface SagaPlan extends Common {
  readonly kind: "saga";
  readonly goesOn: boolean;
  readonly body: Block;
}
export interface AttemptPlan extends Common {
  readonly kind: "attempt";
  readonly body: Block;
  readonly handlers: { readonly [C in HandledClass]?: Block };
}
export type HandledClass = "permanent" | "transient" | "timeout" | "otherwise";
export interface CancelPlan extends Common {
  readonly kind: "cancelWhen";
  readonly events: readonly number[];
  readonly body: Block;
  readonly onCancel?: Block;
}

export interface WithinPlan extends Common {
  readonly kind: "within";
  /** Its time is told when the workflow is defined, instead of by a mapping. */
  readonly isFixed: boolean;
  readonly body: Block;
  readonly late?: Block;
  readonly onError?: "compensate" | "fail" | "terminate";
}
export interface LaterPlan extends Common {
  readonly kind: "schedule";
  readonly isFixed: boolean;
  readonly atEnd: "wait" | "cancel";
  readonly body: Block;
}
export interface RecurPlan extends Common {
  readonly kind: "recur";
  /** Seconds from one tick to the next: counted from the entry, or those of the clock that it divides. */
  readonly every: number;
  readonly byClock: boolean;
  readonly overlap: "skip" | "queue" | "allow";
  /** Without a number of laps it goes on until something around it ends. */
  readonly times?: number;
  readonly until?: Condition;
  readonly keepLaps?: number;
  readonly body: Block;
}

export type PlanNode =
  | StepPlan
  | SetPlan
  | DelayPlan
  | WaitPlan
  | IfPlan
  | DecidePlan
  | LoopPlan
  | ForEachPlan
  | ParallelPlan
  | RacePlan
  | SagaPlan
  | AttemptPlan
  | CancelPlan
  | WithinPlan
  | LaterPlan
  | RecurPlan;

/** One case: a workflow, what starts it, and what comes from outside. */
export interface Plan {
  readonly salt: number;
  readonly start: Data;
  readonly root: Block;
  /** When the run is terminated from outside. */
  readonly terminateAt?: number;
  /** When somebody wants it undone. */
  readonly compensateAt?: number;
  /** When it is suspended from outside, and for how long. */
  readonly rest?: Rest;
  /** How long the whole run may take, and what happens then. */
  readonly timeout?: { readonly ms: number; readonly then: "compensate" | "fail" | "terminate" };
}

export interface Rest {
  readonly at: number;
  readonly ms: number;
}

/** An item of a `forEach`: `n` tells it from all other items of the run. */
export interface Item {
  readonly n: number;
  readonly v: number;
}

/** What a failure must say alike on both sides. */
export interface PlainFailure {
  readonly code: string;
  readonly errorClass: string;
}

export const mostItems = 3;
export const itemsOf = (parent: number, count: number): Item[] =>
  Array.from({ length: count }, (_, i) => ({ n: parent * (mostItems + 1) + i + 1, v: (parent + i * 7) % 10 }));

// ── what the author's functions do ───────────────────────────────────────────────────────────────────────────────────────

export const holds = ({ of, is }: Condition, seen: number): boolean => seen % of === is;

/** Whether a loop has another lap, asked with what is seen. */
export const hasAnother = ({ laps, when }: LoopPlan, lap: number, seen: number): boolean =>
  lap < laps && !holds(when, seen);

export const troubles = (node: StepPlan, seen: number, attempt: number): boolean =>
  node.trouble !== undefined && attempt <= node.trouble.attempts && holds(node.trouble.when, seen);

export const patchOf = (field: Field, data: Data, value: unknown): Partial<Record<Field, number>> => ({
  [field]: digest([data[field], value]) % 1000,
});

/** How long a body takes, or a timer lasts: different for each step, item and attempt, so that no two end together by chance. */
export const takes = (salt: number, ...what: readonly unknown[]): number => 100 + (digest([salt, what]) % 20_000);

/** Until when bodies of a step sleep, counted from the beginning of the run. */
export const napsUntil = (salt: number, id: number, n: number): number => 2 * takes(salt, id, n, "nap");

/** Bodies with a timeout take no time, or for ever. */
export const timeoutMs = 2;

export interface Publication {
  readonly key: string;
  readonly at: number;
  readonly data: number;
}

export const keyOf = (id: number, n: number): string => `${id}.${n}`;

/** All events that are published for a workflow, whether somebody waits for them or not. */
export function publicationsOf({ root, salt }: Plan): Publication[] {
  const all: Publication[] = [];
  const visit = (block: Block, items: readonly number[]): void => {
    for (const node of block.steps) {
      if (node.kind === "wait" || node.kind === "cancelWhen")
        for (const n of items)
          node.events.forEach((at, i) =>
            all.push({
              key: keyOf(node.id, n),
              at: at + (digest([salt, node.id, n, i]) % 3_000),
              data: digest([node.id, n, i]) % 1000,
            }),
          );
      const inside =
        node.kind === "forEach" ? items.flatMap((n) => itemsOf(n, mostItems).map((item) => item.n)) : items;
      for (const inner of blocksOf(node)) visit(inner, inside);
    }
  };
  visit(root, [0]);
  return all.sort((one, other) => one.at - other.at);
}

/** The blocks inside of a step. */
export function blocksOf(node: PlanNode): readonly Block[] {
  switch (node.kind) {
    case "wait":
      return node.late === undefined ? [] : [node.late];
    case "if":
      return node.no === undefined ? [node.yes] : [node.yes, node.no];
    case "decide":
      return node.cases;
    case "parallel":
    case "race":
      return node.branches;
    case "attempt":
      return [node.body, ...Object.values(node.handlers)];
    case "cancelWhen":
      return node.onCancel === undefined ? [node.body] : [node.body, node.onCancel];
    case "within":
      return node.late === undefined ? [node.body] : [node.body, node.late];
    case "schedule":
    case "recur":
    case "while":
    case "doWhile":
    case "until":
    case "block":
    case "forEach":
    case "saga":
      return [node.body];
    default:
      return [];
  }
}

// ── what is seen ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a function sees: the data, and every name of the scope. */
export const sight = (data: unknown, scope: Readonly<Record<string, unknown>>, names: readonly string[]): number =>
  digest([data, [...names].sort().map((name) => scope[name])]);

/** A value as both sides must tell it: fields in order, without undefined ones; of failures their code and class. */
export function plain(value: unknown): unknown {
  if (value === undefined) return "(undefined)";
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if ("errorClass" in value) return plainFailure(value as { code?: string; errorClass: string });
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(fields.map(([name, field]) => [name, plain(field)]));
}

export const plainFailure = (failure: { readonly code?: string; readonly errorClass: string }): PlainFailure => ({
  code: failure.code ?? "none",
  errorClass: failure.errorClass,
});

/** A number from 0 to 2^32 that stands for a value (FNV-1a, with its bits mixed once more). */
export function digest(value: unknown): number {
  const text = JSON.stringify(plain(value));
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
