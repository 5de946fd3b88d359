import type { CompensationErrorBehavior } from "./definition.ts";
import type { Duration } from "./duration.ts";
import type { Logger } from "./environment.ts";
import type { Settled } from "./execution-result.ts";
import type { RetryPolicy } from "./retry-policy.ts";

/** What a body is told beside its input. */
export interface StepContext<out I = unknown, out P = unknown> {
  /** What the step was given: a frozen copy, exactly as a reload from the database would give it. */
  readonly input: I;
  /** What an earlier run of this body kept with `ExecutionResult.persist` or `sleep`; else undefined. */
  readonly persistenceData: P | undefined;
  /** 1 for the first attempt; each failed one adds 1, `persist` and `sleep` do not. */
  readonly attempt: number;
  /** The same in every attempt of this activation and nowhere else: hand it to services that take idempotency keys. */
  readonly idempotencyKey: string;
  /** Aborts when the answer is no longer wanted: timeout, cancellation, shutdown, loss of ownership. */
  readonly signal: AbortSignal;
  /** The workflow instance that this runs in. */
  readonly instanceId: string;
  /** The step's path in its instance: `each[3]/ship`. */
  readonly path: string;
  /** The host's logger. */
  readonly logger: Logger;
}

/** The open transaction that a transactional step runs in; it commits together with the step's completion. */
export interface Transaction {
  /** Runs one SQL statement. BEGIN, COMMIT and their like are refused, and what would stay with
   *  the session, which other steps use after this one: SET LOCAL ends with the step, SET does not. */
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<{ readonly rows: Row[] }>;
}

/** What the body of a transactional step is told. */
export interface TransactionContext<out I = unknown, out P = unknown> extends StepContext<I, P> {
  /** The step's transaction. Hand it to `startWorkflow` and `publishEvent` for what is to happen with the step or not at all. */
  readonly tx: Transaction;
}

/** How a step that is to be compensated had ended: `unknown` if its node died or was stopped before its answer was committed. */
export type Outcome = "completed" | "unknown";

/**
 * What a compensation is given of the step that it undoes. A plain step may be in doubt: its effect may have happened or not, so
 * `result` may be missing. A transactional step is never in doubt, nor is one that says `inDoubt: "skip"`.
 */
export type Done<I, R, O extends Outcome = Outcome> = {
  readonly completed: { readonly input: I; readonly outcome: "completed"; readonly result: R };
  readonly unknown: { readonly input: I; readonly outcome: "unknown"; readonly result?: undefined };
}[O];

/** What the compensation of this step is given: `step("release", ({ input, result }: DoneOf<typeof reserve>) => …)`. */
export type DoneOf<B> =
  B extends Step<infer I, infer A, infer O>
    ? Done<I, Settled<A>, O>
    : B extends Body<infer I, infer A>
      ? Done<I, Settled<A>>
      : never;

/** Undoes a step: a step of its own (made by `step` or `transactionalStep`), or a function. */
export type Compensation<I, R, O extends Outcome = Outcome> =
  Step<Done<I, R, O>, unknown> | ((done: Done<I, R, O>, context: StepContext) => unknown);

/** The outcomes that a compensation may meet, by the step's `inDoubt`. */
export type OutcomeUnder<S, O extends Outcome = Outcome> = [S] extends [never] ? O : "completed";

/** What holds for a step wherever it is used, unless the place of use says otherwise. */
export interface StepDefaults<I, R, O extends Outcome = Outcome> {
  /** How often a failed attempt is repeated. Default: 5 attempts in all, waits of 1 second doubling up to 1 minute, with jitter. */
  readonly retry?: RetryPolicy;
  /** How long one attempt may take before it counts as failed, its signal aborted. Default: no limit. */
  readonly timeout?: Duration;
  /** Undoes the step when the saga around it, or else the whole run, is rolled back. Default: nothing is undone. */
  readonly compensateWith?: Compensation<I, R, O>;
  /**
   * What happens when the compensation has failed for good: its retries are exhausted, or its error is permanent. `"suspend"` parks the
   * run, and resume tries the compensation again. `"continue"` undoes the others all the same; then the failure goes on outwards (or the
   * run is Failed) with code COMPENSATION_FAILED, which names what is not undone; `afterCompensation` has no say then. `"fail"` undoes
   * nothing more, and the run is Failed at once, in the same way. Default: `"suspend"`.
   */
  readonly onCompensationError?: CompensationErrorBehavior;
}

/** Opts out of compensating a step whose outcome is unknown. */
export interface Doubt<S extends "skip"> {
  /** `"skip"`: a step whose outcome is unknown is not compensated. Default: it is, with `outcome: "unknown"`. */
  readonly inDoubt?: S;
}

/** Marks what `step` and `transactionalStep` make. */
export const stepFacts: unique symbol = Symbol.for("workflow-core.step");

/** What the engine reads of a step. */
export interface StepFacts<out O extends Outcome = Outcome> {
  readonly transactional: boolean;
  /** The defaults as given: retry, timeout, compensateWith, onCompensationError, inDoubt. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** Carries the type `O`; there is no such property at run time. */
  readonly outcomes?: () => O;
}

/** A named piece of work, to be used in any number of workflows. Made by `step` and `transactionalStep`. */
export interface Step<in I, out A, out O extends Outcome = Outcome> {
  /** The default name of the steps that run it. */
  readonly name: string;
  /** The function, as given. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a plain step's context and a transactional one's; `never` could not be called in a test
  readonly run: (input: NoInfer<I>, context: any) => NoInfer<A> | Promise<NoInfer<A>>; // inferring here would mistake an instance's run for it
  /** For the engine. */
  readonly [stepFacts]: StepFacts<O>;
}

/** Something with a `run`: an instance of a step class. */
export interface RunsWith<in I, out A> {
  /** A property on purpose: parameters of methods are compared both ways, and a missing field of the input would pass. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- only the class itself knows what it keeps as persistenceData
  readonly run: (context: StepContext<I, any>) => A | Promise<A>;
}

/** What a workflow can be given to run: a step, a class without constructor arguments, or an instance. */
export type Body<I, A, O extends Outcome = Outcome> = Step<I, A, O> | (new () => RunsWith<I, A>) | RunsWith<I, A>;

/**
 * A step as a class: a new instance is made for each execution. Write the type of the context in `run`; the result is inferred.
 * Its name is `static stepName`, else the name of the class (which a minifier changes).
 *
 * ```ts
 * class Ship extends StepBody {
 *   static readonly stepName = "ship";
 *   async run({ input }: StepContext<{ sku: string }>) {
 *     return { tracking: await carrier.ship(input.sku) };
 *   }
 * }
 * ```
 */
export abstract class StepBody<I = unknown, A = unknown> {
  /** Does the work; answers the result, or an `ExecutionResult`. What it throws fails the attempt. */
  abstract run(context: StepContext<I>): A | Promise<A>;
}
