import { CorruptStateError } from "./errors-values.ts";
import type { Failure } from "./failure.ts";
import { isRecord } from "./value-class.ts";

/**
 * The live part of an instance, as it is stored in its row: what is active, what containers are open, and where kept results
 * lie. What has finished is in pointer rows, and forward execution of an instance in memory never reads those. Fields that hold
 * their default are left out, so the frontier of a run in sequence is some forty bytes.
 *
 * Everything in it is JSON as it stands; payloads in it (`input`, `persistence`) are encoded trees of the value codec.
 */
export interface Frontier {
  readonly format: 1;
  /** How many pointers have finished; numbers them in order of completion. */
  readonly seq?: number;
  /** How many compensable steps and waits became ready beside others; numbers them in that order, which JSON objects do not keep. */
  readonly readied?: number;
  /** Active pointers by path. */
  readonly pointers: Readonly<Record<string, ActivePointer>>;
  /** Open containers by the path of their pointer. */
  readonly scopes?: Readonly<Record<string, OpenScope>>;
  /** Kept results: name to the path of the pointer that holds the value, per scope path (`""` is the root). */
  readonly kept?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Compensable steps that have finished, newest first, outside of any saga. */
  readonly undo?: StackHead;
  /** The run as a whole is being rolled back. */
  readonly rollback?: Rollback;
  /** When the run's own time is over. */
  readonly deadline?: Deadline;
  /** Up to which number events were given to the instance, by topic: of the last few topics that it took an event of. */
  readonly heard?: Readonly<Record<string, number>>;
  /** An event started the run, and its data has not met the definition's schemas yet. */
  readonly unchecked?: true;
}

/** As the timer of a pointer. */
export type Deadline = Pick<ActivePointer, "dueIn" | "due">;

/** One activation that has not finished.
 *  - `ready` (default): its body may run.
 *  - `sleeping`: waits for `due`: a delay, a retry, or `ExecutionResult.sleep`.
 *  - `waiting`: waits for an event, until `due` if it has one. */
export interface ActivePointer {
  readonly state?: "sleeping" | "waiting";
  /** The attempt that is to come or under way, from 1 (default). */
  readonly attempt?: number;
  /** Number in the order of becoming ready, of what may have others beside it: a step that can be undone, a wait. */
  readonly ready?: number;
  /** Milliseconds that earlier attempts and the waits between them took, where the step's policy limits them. */
  readonly elapsedMs?: number;
  /** Milliseconds from the commit of the transition that wrote this (in the process that decided it: from the decision); becomes `due` in
   *  the next one. */
  readonly dueIn?: number;
  /** Database clock, milliseconds since the epoch. */
  readonly due?: number;
  /** Encoded input, stored when siblings or a retry exist; otherwise it is evaluated when the body starts. */
  readonly input?: unknown;
  /** It rests since no input could be made for it: its body has not begun. */
  readonly noInput?: true;
  /** Encoded value that the body gave to `persist` or `sleep`. */
  readonly persistence?: unknown;
  /** What a waiting pointer waits for. */
  readonly event?: { readonly name: string; readonly key: string | null };
  /** Its row was written before it finished: a long step, or one of a suspect instance. */
  readonly started?: true;
  /** For a compensation: the outcome of the step that it undoes is not known. */
  readonly inDoubt?: true;
  /** For a compensation in doubt: the encoded input of the step that it undoes, which has no finished pointer to read it from. */
  readonly undoes?: unknown;
}

/** A container that has been entered and has not finished. */
export interface OpenScope {
  /** `if`, `decide`, `attempt`, `cancelWhen`: the branch taken. */
  readonly branch?: string;
  /** `forEach`, `parallel`: children admitted and unfinished. `recur`: laps. */
  readonly open?: number;
  /** `forEach`, `parallel`: index of the next child to admit. */
  readonly next?: number;
  /** `forEach`, `parallel`: how many children there are. */
  readonly count?: number;
  /** Where a join policy counts: children that have succeeded, and that have failed. */
  readonly done?: number;
  readonly failed?: number;
  /** `race`: the block of the branch that was first. */
  readonly winner?: string;
  /** Enough children are done; their values are being collected. `recur`: no lap is to begin any more. */
  readonly joined?: true;
  /** The flow has gone on behind the container; what is still open in it is absorbed. */
  readonly left?: true;
  /** What waits for those that are absorbed: the block around them is to `close`, or the step at this path is to be entered. */
  readonly holds?: string;
  /** `loop`, `recur`: the lap under way, or the last one that was. */
  readonly lap?: number;
  /** `loop`: no lap is under way; whether there is another is still to be decided. */
  readonly between?: true;
  /** `loop`: the pointer that holds the value of the last finished lap. */
  readonly last?: string;
  /** A loop that keeps its last laps only: how many pointers had finished when the lap began. */
  readonly since?: number;
  /** A loop that keeps its last laps only: the last lap in which the stack around it has grown. */
  readonly stacked?: number;
  /** `recur`: the tick that its timer is set for, or that the lap under way is about; absent while it learns what time it is. */
  readonly tick?: number;
  /** `recur`: when it was entered, by the database's clock: what intervals are counted from. */
  readonly anchor?: number;
  /** Its row was written when it was entered: the items of a `forEach` lie there. */
  readonly started?: true;
  /** `saga`: its own stack of compensable steps, newest first. */
  readonly undo?: StackHead;
  /** `saga`: it is being rolled back. */
  readonly rollback?: Rollback;
}

/** The newest compensable pointer of a stack; each pointer row names the one below it. */
export interface StackHead {
  readonly path: string;
  readonly seq: number;
  /** It was cancelled or failed outside of a rollback, and may have had its effect. */
  readonly inDoubt?: true;
  /** In doubt: the encoded input, if the pointer's row does not hold it. */
  readonly input?: unknown;
  /** A row of its compensation was written already. */
  readonly started?: true;
  /** What its compensation had persisted when it was cut off. */
  readonly persistence?: unknown;
}

/** What the row of a compensable pointer tells of its stack. */
export interface Below {
  /** The next older pointer of the same stack. */
  readonly below?: StackHead;
  /** Stacks that it has taken over: a finished saga's own, or those of a saga that was cut off. */
  readonly inner?: StackHead;
  readonly others?: readonly StackHead[];
  /** What a rollback that was cut off there had failed to undo. */
  readonly left?: Left;
}

/** A rollback under way: what caused it, and what is still to be undone: first the steps in doubt, the last one that
 *  became ready first, then always the newest head of the stacks. */
export interface Rollback {
  /** Absent: somebody asked for it. */
  readonly failure?: Failure;
  /** Why it was asked for, as far as that was said. */
  readonly reason?: string;
  readonly heads: readonly StackHead[];
  /** Steps whose answer was not committed when the rollback began, in the order in which they became ready. */
  readonly inDoubt?: readonly DoubtfulStep[];
  /** The step whose compensation is active. */
  readonly current?: StackHead | DoubtfulStep;
  /** What could not be undone. */
  readonly left?: Left;
  /** Nothing more is undone: what is left is gathered, to be named. */
  readonly gaveUp?: true;
}

/** Steps that were to be undone and are not. */
export interface Left {
  readonly count: number;
  /** The first of them. */
  readonly paths: readonly string[];
  /** What the first compensation that failed said, in short. */
  readonly because?: string;
}

/** A compensable step that may or may not have had its effect. */
export interface DoubtfulStep {
  readonly path: string;
  readonly inDoubt: true;
  /** As its pointer had it. */
  readonly ready?: number;
  /** Encoded input; absent if it was the item of its iteration. */
  readonly input?: unknown;
  /** A row of its compensation was written already. */
  readonly started?: true;
  /** What its compensation had persisted when it was cut off. */
  readonly persistence?: unknown;
}

/** Whether a body of it runs or may start. */
export function hasReady({ pointers }: Frontier): boolean {
  for (const { state } of Object.values(pointers)) if (state === undefined) return true;
  return false;
}

/** Throws `CorruptStateError` for what was not written as a frontier of a format that this engine knows. */
export function readFrontier(stored: unknown): Frontier {
  if (!isRecord(stored) || !isRecord(stored["pointers"])) throw new CorruptStateError("frontier", "it has no pointers");
  if (stored["format"] !== 1)
    throw new CorruptStateError("frontier", `its format, ${String(stored["format"])}, is none of this engine's`);
  if (!Object.values(stored["pointers"]).every(isRecord))
    throw new CorruptStateError("frontier", "a pointer in it is none");
  return stored as unknown as Frontier;
}

export const emptyFrontier: Frontier = { format: 1, pointers: {} };

/** What a run is born with that an event starts: whoever takes it has the definition, and checks the data. */
export const uncheckedFrontier: Frontier = { ...emptyFrontier, unchecked: true };

/** A frontier of a run that has so long from now on; undefined: for ever. */
export const limitedTo = (frontier: Frontier, timeoutMs: number | undefined): Frontier =>
  timeoutMs === undefined ? frontier : { ...frontier, deadline: { dueIn: timeoutMs } };
