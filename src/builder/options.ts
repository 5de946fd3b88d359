import type { ErrorBehavior } from "../models/definition.ts";
import type { Duration } from "../models/duration.ts";
import type { Doubt, Outcome, OutcomeUnder, StepDefaults } from "../models/step.ts";
import type { AnyBlock } from "./block.ts";

/** A pure, synchronous function of the data and of what the scope has kept. It is evaluated once; its answer is recorded. */
export type Mapping<D, K, R> = (data: Readonly<D>, scope: K) => R;

/** Options of every verb. */
export interface Common {
  /**
   * The step's name, unique in its block, without `/ [ ] #`. It is part of every stored path: a renamed step is another step.
   * Default: the name of the step, event or class; the verb for containers (`if`, then `if-2`).
   */
  readonly name?: string;
  /** For people. It changes nothing. */
  readonly description?: string;
}

type Fresh<N extends string, K> = N extends keyof K ? `"${N}" is already kept in this scope` : N;

/** Keeps a result. */
export interface As<K, N extends string> {
  /** Keeps the result under this name, for the mappings of later steps in this scope and in the scopes inside it. */
  readonly as?: Fresh<N, K>;
}

declare const notData: unique symbol;

/** Stands in an error for a field that the data does not have. */
export interface NotAFieldOfTheData<F> {
  readonly [notData]: F;
}

/** A patch whose fields are all fields of the data. */
export type NoStrangers<P, D> = { readonly [F in keyof P]: F extends keyof D ? D[F] : NotAFieldOfTheData<F> };

/** What is done with a result. */
export interface Kept<D, K, R, N extends string, P> extends As<K, N> {
  /** Answers the fields of the data that the result changes; applied to the latest data, one output after the other. */
  readonly output?: (data: Readonly<D>, result: R, scope: K) => P & NoStrangers<P, D>;
}

/** What is done when a step fails, and when it is to be undone. Overrides the step's own defaults. */
export interface Guarded<I, R, O extends Outcome, S extends "skip", X extends ErrorBehavior>
  extends StepDefaults<I, R, OutcomeUnder<S, O>>, Doubt<S> {
  /**
   * What happens when the retries are exhausted, or at once for a permanent error. With `"continue"` the step's value may be missing,
   * and `output` is left out then. Default: `"compensate"`.
   */
  readonly onError?: X;
}

/** The value of a step: it may be missing if the flow goes on when it has failed. */
export type Continued<R, X> = "continue" extends X ? R | undefined : R;

/** Options of `then` for a step that can take what the block is about: the data, or the item. */
export interface StepOptions<
  D,
  K,
  I,
  R,
  N extends string,
  P,
  O extends Outcome,
  S extends "skip",
  X extends ErrorBehavior,
>
  extends Common, Kept<D, K, R, N, P>, Guarded<I, R, O, S, X> {
  /** What the step is given. Default: the data; inside `forEach` the item. */
  readonly input?: Mapping<D, K, I>;
}

/** Options of `then` for a step that needs to be told its input. */
export interface MappedStepOptions<
  D,
  K,
  I,
  R,
  N extends string,
  P,
  O extends Outcome,
  S extends "skip",
  X extends ErrorBehavior,
>
  extends Common, Kept<D, K, R, N, P>, Guarded<I, R, O, S, X> {
  /** What the step is given: it cannot take the data (or the item) as it is. */
  readonly input: Mapping<D, K, I>;
}

/** The options of `then`, which may be left out if the step takes what the block is about. */
export type Options<
  D,
  K,
  T,
  I,
  R,
  N extends string,
  P,
  O extends Outcome,
  S extends "skip",
  X extends ErrorBehavior,
> = [I] extends [void]
  ? [options?: StepOptions<D, K, I, R, N, P, O, S, X>]
  : [T] extends [I]
    ? [options?: StepOptions<D, K, I, R, N, P, O, S, X>]
    : [optionsWithInputMapping: MappedStepOptions<D, K, I, R, N, P, O, S, X>];

/** Options of `run`. */
export interface RunOptions<D, K, T, R, N extends string, P, S extends "skip", X extends ErrorBehavior>
  extends Pick<Common, "description">, Kept<D, K, R, N, P>, Guarded<T, R, Outcome, S, X> {}

/** Options of `waitFor`; `F` is the flow of its late branch. */
export interface WaitOptions<D, K, R, N extends string, P, F, B extends AnyBlock> extends Common, Kept<D, K, R, N, P> {
  /** Which of the events with this name: the one that was published under this key. */
  readonly key: Mapping<D, K, string>;
  /** How long to wait. Default: for ever. */
  readonly timeout?: Duration;
  /** What happens when the time is over; needs `timeout`. Default: the step fails with code WAIT_TIMEOUT. */
  readonly onTimeout?: (late: F) => B;
  /** What happens when the time is over and there is no `onTimeout`. Default: `"compensate"`. */
  readonly onError?: Exclude<ErrorBehavior, "suspend" | "continue">;
}

/** How many children must succeed before the flow goes on. */
export type Join = "all" | "first" | { readonly atLeast: number };

/** How many children may fail: so many, or a share of them from 0 to 1. */
export type Tolerance = { readonly count: number } | { readonly share: number };

/** What may go wrong in a container of several children before it has failed itself. */
export interface Tolerating<X extends Tolerance> {
  /**
   * How many children may fail without failing the whole. A failed child is stopped; what was done in it is not undone now (wrap it
   * in a `saga` for that), but is when the saga around the whole is rolled back. Default: none may.
   */
  readonly tolerate?: X;
}

/** When a container of several children goes on. */
export interface Joining<J extends Join, X extends Tolerance> extends Tolerating<X> {
  /** How many must have succeeded. With anything but `"all"` the value tells how each child ended. Default: `"all"`. */
  readonly join?: J;
  /**
   * What becomes of the others then. `"cancel"` stops them as a race does. `"absorb"` lets them run on beside what follows: their
   * values and failures are nobody's, and the block around is done when they are. Default: `"cancel"`.
   */
  readonly rest?: "cancel" | "absorb";
}

/** Options of `parallel`. */
export interface ParallelOptions<D, K, R, N extends string, P, J extends Join, X extends Tolerance>
  extends Common, Kept<D, K, R, N, P>, Joining<J, X> {}

/** Options of `race`. */
export interface RaceOptions<D, K, R, N extends string, P> extends Common, Kept<D, K, R, N, P>, Tolerating<Tolerance> {}

/** Options of `forEach`. */
export interface ForEachOptions<D, K, R, N extends string, P, V extends string, J extends Join, X extends Tolerance>
  extends Common, Kept<D, K, R, N, P>, Joining<J, X> {
  /** What the item is called in the scope. Default: `"item"`. */
  readonly item?: V;
  /** How many items are worked on at a time: a whole number from 1. Default: 32. */
  readonly concurrency?: number;
}

/** How much is kept of what has been gone round. */
export interface KeepingLaps {
  /**
   * How many laps' steps stay in the history: a whole number from 1. Rows of older laps are deleted as the loop goes on, except those of
   * steps that a rollback may have to undo, and what their compensations are given. Default: all stay.
   */
  readonly keepLaps?: number;
}

/** Options of `while`, `doWhile`, `until` and `block`. */
export interface LoopOptions<K, N extends string> extends Common, As<K, N>, KeepingLaps {
  /**
   * How many laps there may be at most: a whole number from 1. One more fails the loop with code TOO_MANY_LAPS. Default: any number;
   * a lap costs the same however many there were.
   */
  readonly maxLaps?: number;
}

/** Options of `cancelWhen`; `F` is the flow of its cleanup. */
export interface CancelOptions<D, K, N extends string, F, B extends AnyBlock> extends Common, As<K, N> {
  /** Which of the events with this name: the one that is published under this key. */
  readonly key: Mapping<D, K, string>;
  /** What is still to be done when the event has cancelled the block; `cancelledBy` in scope is what the event tells. */
  readonly onCancel?: (cleanup: F) => B;
}

/** Options of `saga`. */
export interface SagaOptions<K, N extends string, C extends "fail" | "continue"> extends Common, As<K, N> {
  /** Where the run goes when the saga has been rolled back: `"fail"` (default) passes the failure on, `"continue"` goes on behind. */
  readonly afterCompensation?: C;
}
