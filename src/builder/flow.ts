import type { ErrorBehavior } from "../models/definition.ts";
import type { Duration } from "../models/duration.ts";
import type { ErrorClass } from "../models/errors.ts";
import type { EventType } from "../models/event-type.ts";
import type { Settled } from "../models/execution-result.ts";
import type { Failure } from "../models/failure.ts";
import type { Body, Outcome, StepContext } from "../models/step.ts";
import type {
  AnyBlock,
  Block,
  Ended,
  EndOf,
  Ends,
  Inside,
  ItemValues,
  JoinedValues,
  Keep,
  Label,
  LastOf,
  Late,
  Nothing,
  Returned,
  Values,
  Winner,
} from "./block.ts";
import type {
  As,
  CancelOptions,
  Common,
  Continued,
  ForEachOptions,
  Join,
  LoopOptions,
  Mapping,
  NoStrangers,
  Options,
  ParallelOptions,
  RaceOptions,
  RunOptions,
  SagaOptions,
  Tolerance,
  WaitOptions,
} from "./options.ts";
import type { LaterOptions, RecurOptions, WithinOptions } from "./time-options.ts";

/** Named branches. */
export type Branches<D, K, T> = { readonly [name: string]: (branch: Flow<D, K, T>) => AnyBlock };

/** A case for every outcome. */
export type Cases<O extends string, D, K, T> = { readonly [Name in O]: (way: Flow<D, K, T>) => AnyBlock };

/** Handlers by error class; each reads the `failure` in its scope. */
export type Handlers<D, K, T> = {
  readonly [C in ErrorClass | "otherwise"]?: (handler: Flow<D, Inside<K, { failure: Failure }>, T>) => AnyBlock;
};

/** The context of an inline function: a step's, with the data and the scope. */
export type InlineContext<D, K, T, M = unknown> = StepContext<T, M> & { readonly data: Readonly<D>; readonly scope: K };

/**
 * A block of steps under construction. Each verb adds a step and returns the flow to go on with; the callback that was given the
 * flow returns the last one. Mistakes that types cannot see throw `InvalidDefinitionError`, which names the step at fault.
 *
 * `D` is the data; `K` the names that this scope can read; `T` what a step takes without `input` (the data, in `forEach` the item);
 * `L` the value of the last step; `E` the results of early ends.
 */
export interface Flow<D, K = Nothing, T = D, L = undefined, E = never> extends Block<L, E> {
  /** The first step; the same as `then`. */
  startWith: Flow<D, K, T, L, E>["then"];

  /**
   * Runs a step: made by `step` or `transactionalStep`, a class with `run`, or an instance of one. Its value is the body's result.
   * Without `input` it takes the data, in `forEach` the item. Give an inline function to `run` instead.
   */
  then<
    I,
    A,
    N extends string = never,
    P extends Partial<D> = Nothing,
    O extends Outcome = Outcome,
    S extends "skip" = never,
    X extends ErrorBehavior = "compensate",
  >(
    body: Body<I, A, O>,
    ...optionsWithInput: Options<D, K, T, I, Settled<A>, N, P, O, S, X>
  ): Flow<D, Keep<K, N, Continued<Settled<A>, X>>, T, Continued<Settled<A>, X>, E>;

  /** Runs an inline function as a step of this name. It takes the data (in `forEach` the item), and its context holds data and scope. */
  run<
    A,
    N extends string = never,
    P extends Partial<D> = Nothing,
    S extends "skip" = never,
    M = unknown,
    X extends ErrorBehavior = "compensate",
  >(
    name: string,
    body: (subject: T, context: InlineContext<D, K, T, M>) => A | Promise<A>,
    options?: RunOptions<D, K, T, Settled<A>, N, P, S, X>,
  ): Flow<D, Keep<K, N, Continued<Settled<A>, X>>, T, Continued<Settled<A>, X>, E>;

  /** Waits for an event under a key, published since the instance was created. Its value is what the event tells. */
  waitFor<R, N extends string = never, P extends Partial<D> = Nothing, B extends AnyBlock = Ended<never>>(
    event: EventType<R>,
    options: WaitOptions<D, K, R, N, P, Flow<D, K, T>, B>,
  ): Flow<D, Keep<K, N, R | Late<B>>, T, R | Late<B>, E | EndOf<B>>;

  /** Sleeps; costs nothing meanwhile. */
  delay(duration: Duration | Mapping<D, K, Duration>, options?: Common): Flow<D, K, T, undefined, E>;

  /** Sleeps until an instant, by the database's clock: never shorter. One that has passed holds nothing up. */
  delayUntil(instant: Date | Mapping<D, K, Date>, options?: Common): Flow<D, K, T, undefined, E>;

  /**
   * A block that has so long to come to its end. When its time is over, all that is active in it is stopped, and `onTimeout` runs in its
   * place; without that it fails with code SCOPE_TIMEOUT, and `onError` says what then. What was done in the block is not undone now, but
   * with the saga around it. Its value is that of its body, or of `onTimeout`.
   */
  within<L1, E1, N extends string = never, B extends AnyBlock = Ended<never>>(
    duration: Duration | Mapping<D, K, Duration>,
    body: (body: Flow<D, K, T>) => Block<L1, E1>,
    options?: WithinOptions<K, N, Flow<D, K, T>, B>,
  ): Flow<D, Keep<K, N, L1 | LastOf<B>>, T, L1 | LastOf<B>, E | E1 | EndOf<B>>;

  /**
   * A block that runs later, while the flow goes on at once. It belongs to the block that it stands in: that one does not come to its end
   * (nor does the run reach its `returns`) before it is done, unless it says `atEnd: "cancel"`.
   */
  schedule<E1>(
    delay: Duration | Mapping<D, K, Duration>,
    body: (later: Flow<D, K, T>) => Block<unknown, E1>,
    options?: LaterOptions,
  ): Flow<D, K, T, undefined, E | E1>;

  /**
   * Runs a block again and again, at the times of a cron expression or every so often, counted from the entry; each time is a lap. The
   * flow goes on behind it after `times` laps, or the first lap after which `until` is true; without either, never.
   */
  recur<E1>(
    ticks: RecurOptions<D, Inside<K, { lap: number }>>,
    body: (lap: Flow<D, Inside<K, { lap: number }>, T>) => Block<unknown, E1>,
  ): Flow<D, K, T, undefined, E | E1>;

  /** Changes fields of the data. */
  set<P extends Partial<D>>(patch: Mapping<D, K, P & NoStrangers<P, D>>, options?: Common): Flow<D, K, T, undefined, E>;

  /** Goes one of two ways. Its value is that of the way taken; undefined for a way without steps. */
  if<L1, E1, L2 = undefined, E2 = never, N extends string = never>(
    condition: Mapping<D, K, boolean>,
    yes: (yes: Flow<D, K, T>) => Block<L1, E1>,
    no?: (no: Flow<D, K, T>) => Block<L2, E2>,
    options?: Common & As<K, N>,
  ): Flow<D, Keep<K, N, L1 | L2>, T, L1 | L2, E | E1 | E2>;

  /**
   * Goes one of several ways: the one that the outcome names. There is a case for every outcome; one that its type did not tell is
   * a failure with code UNKNOWN_OUTCOME. Its value is that of the way taken.
   */
  decide<const O extends string, C extends Cases<O, D, K, T>, N extends string = never>(
    outcome: Mapping<D, K, O>,
    cases: C & Cases<O, D, K, T>,
    options?: Common & As<K, N>,
  ): Flow<D, Keep<K, N, Values<C>[keyof C]>, T, Values<C>[keyof C], E | Ends<C>>;

  /**
   * Runs its body as long as the condition is true, which is asked before each lap. `lap` in scope counts from 1. The value of a
   * loop is that of its last finished lap; undefined without one. `here` names the loop: `restart(here)` goes to the next lap,
   * `leave(here)` out of the loop.
   */
  while<L1, E1, N extends string = never>(
    condition: Mapping<D, Inside<K, { lap: number }>, boolean>,
    body: (lap: Flow<D, Inside<K, { lap: number }>, T>, here: Label) => Block<L1, E1>,
    options?: LoopOptions<K, N>,
  ): Flow<D, Keep<K, N, L1 | undefined>, T, L1 | undefined, E | E1>;

  /** The same, with the condition asked after each lap; it also reads `last`, the value of the last finished lap. */
  doWhile<L1, E1, N extends string = never>(
    body: (lap: Flow<D, Inside<K, { lap: number }>, T>, here: Label) => Block<L1, E1>,
    condition: Mapping<D, Inside<K, { lap: number; last: L1 | undefined }>, boolean>,
    options?: LoopOptions<K, N>,
  ): Flow<D, Keep<K, N, L1 | undefined>, T, L1 | undefined, E | E1>;

  /** The same, until the condition is true. */
  until<L1, E1, N extends string = never>(
    body: (lap: Flow<D, Inside<K, { lap: number }>, T>, here: Label) => Block<L1, E1>,
    condition: Mapping<D, Inside<K, { lap: number; last: L1 | undefined }>, boolean>,
    options?: LoopOptions<K, N>,
  ): Flow<D, Keep<K, N, L1 | undefined>, T, L1 | undefined, E | E1>;

  /**
   * A block with a name to jump by: `restart(here)` begins it again from its first step, `leave(here)` goes on behind it. A jump
   * cancels what else is active in the block. Its value is that of its last step; undefined if it was left.
   */
  block<L1, E1, N extends string = never>(
    body: (block: Flow<D, Inside<K, { lap: number }>, T>, here: Label) => Block<L1, E1>,
    options?: LoopOptions<K, N>,
  ): Flow<D, Keep<K, N, L1 | undefined>, T, L1 | undefined, E | E1>;

  /**
   * Begins the next lap of a loop around it (if its condition allows one), or a block around it anew. What else is active in the
   * present lap is cancelled; nothing is undone now, but what can be undone still is when the saga around the loop is rolled back.
   */
  restart(label: Label): Ended<E>;

  /** Goes on behind a loop or a block around it. What else is active in it is cancelled, as by `restart`. */
  leave(label: Label): Ended<E>;

  /** Does the same for each item, several at a time. Its value is an array of the block's values, in the order of the items;
   *  `null` stands there for `undefined`. */
  forEach<
    Item,
    L1,
    E1,
    N extends string = never,
    P extends Partial<D> = Nothing,
    V extends string = "item",
    J extends Join = "all",
    X extends Tolerance = never,
  >(
    items: Mapping<D, K, readonly Item[]>,
    body: (each: Flow<D, Inside<K, { [Name in V]: Item } & { index: number }>, Item>) => Block<L1, E1>,
    options?: ForEachOptions<D, K, ItemValues<L1, J, X>, N, P, V, J, X>,
  ): Flow<D, Keep<K, N, ItemValues<L1, J, X>>, T, ItemValues<L1, J, X>, E | E1>;

  /** Does different things at the same time. Its value is an object with the value of each branch. */
  parallel<
    B extends Branches<D, K, T>,
    N extends string = never,
    P extends Partial<D> = Nothing,
    J extends Join = "all",
    X extends Tolerance = never,
  >(
    branches: B,
    options?: ParallelOptions<D, K, JoinedValues<Values<B>, J, X>, N, P, J, X>,
  ): Flow<D, Keep<K, N, JoinedValues<Values<B>, J, X>>, T, JoinedValues<Values<B>, J, X>, E | Ends<B>>;

  /**
   * Does different things at the same time until the first of them is done: that one wins. Bodies of the others get their signal,
   * and their timers and waits are taken back. What the losers had done is not undone now, since the race has not failed: steps with
   * a compensation (those in doubt included) are undone in their turn when the saga around the race is rolled back. A branch that
   * fails fails the race, unless `tolerate` bears it.
   */
  race<B extends Branches<D, K, T>, N extends string = never, P extends Partial<D> = Nothing>(
    branches: B,
    options?: RaceOptions<D, K, Winner<Values<B>>, N, P>,
  ): Flow<D, Keep<K, N, Winner<Values<B>>>, T, Winner<Values<B>>, E | Ends<B>>;

  /**
   * A block that is undone as a whole: if a step in it fails, the compensations of those that were done run in reverse order. Its
   * value is that of its last step, or undefined if it was rolled back and says `afterCompensation: "continue"`.
   */
  saga<L1, E1, N extends string = never, C extends "fail" | "continue" = "fail">(
    body: (saga: Flow<D, K, T>) => Block<L1, E1>,
    options?: SagaOptions<K, N, C>,
  ): Flow<D, Keep<K, N, SagaValue<L1, C>>, T, SagaValue<L1, C>, E | E1>;

  /**
   * A block whose failures are dealt with. When a step in it has failed for good, what else is active in it is cancelled, and the
   * handler for the failure's class runs in its place, or `otherwise`; a failure without a handler goes on outwards. What was done in
   * the block stays done (wrap it in a `saga` to have it undone before the handler runs), and is undone in its turn when the saga
   * around the attempt is rolled back. Its value is that of its body, or of the handler.
   */
  attempt<L1, E1, H extends Handlers<D, K, T>, N extends string = never>(
    body: (body: Flow<D, K, T>) => Block<L1, E1>,
    handlers: H & Handlers<D, K, T>,
    options?: Common & As<K, N>,
  ): Flow<D, Keep<K, N, L1 | Values<H>[keyof H]>, T, L1 | Values<H>[keyof H], E | E1 | Ends<H>>;

  /**
   * A block that an event cancels: when one arrives before the block is done, all that is active in it is stopped, `onCancel` runs,
   * and the flow goes on behind. As in a race, what was done in the block is not undone now. Its value is that of its body, or of
   * `onCancel`.
   */
  cancelWhen<R, L1, E1, N extends string = never, B extends AnyBlock = Block<undefined, never>>(
    event: EventType<R>,
    body: (body: Flow<D, K, T>) => Block<L1, E1>,
    options: CancelOptions<D, K, N, Flow<D, Inside<K, { cancelledBy: R }>, T>, B>,
  ): Flow<D, Keep<K, N, L1 | LastOf<B>>, T, L1 | LastOf<B>, E | E1 | EndOf<B>>;

  /** Gives this block its value; in a workflow's outermost block, the result of the run. */
  returns<const R>(value: Mapping<D, K, R>): Returned<R, E>;

  /** Ends the whole run as Complete, from any depth. Its result is the value, or else the data. */
  end(): Ended<D | E>;
  /** The same, with this value as the result. */
  end<const R>(value: Mapping<D, K, R>): Ended<R | E>;
}

/** The value of a saga: it may be missing if the run goes on behind a rollback. */
export type SagaValue<L, C> = [C] extends ["fail"] ? L : L | undefined;

/** The seed's name for `Flow`. */
export type WorkflowBuilder<D, K = Nothing, T = D, L = undefined, E = never> = Flow<D, K, T, L, E>;
