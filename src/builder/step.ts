import { InvalidRequestError } from "../models/errors.ts";
import type { Settled } from "../models/execution-result.ts";
import { checkStepName } from "../models/identity.ts";
import { pick } from "../models/known-fields.ts";
import {
  type Doubt,
  type OutcomeUnder,
  type Step,
  type StepContext,
  type StepDefaults,
  stepFacts,
  type TransactionContext,
} from "../models/step.ts";
import { shorten } from "../models/text.ts";
import { type Fault, Fields, isClass, show } from "./fields.ts";
import { policyOptions, readPolicy } from "./policy.ts";

/**
 * A step, to be used in any number of workflows. Its body runs at least once per attempt, and more than once only if its node dies,
 * or loses its connection or its ownership, while in it. `defaults` hold wherever it is used, unless the place of use overrides them.
 * Throws `InvalidNameError` for the name and `InvalidRequestError` for the rest.
 *
 * ```ts
 * const reserve = step("reserve", async (order: Order) => ({ reservation: await stock.reserve(order.items) }), {
 *   retry: { maxAttempts: 10 },
 *   compensateWith: ({ result }) => result && stock.release(result.reservation),
 * });
 * ```
 */
export function step<I = unknown, A = void, S extends "skip" = never, P = unknown>(
  name: string,
  run: (input: I, context: StepContext<NoInfer<I>, P>) => A | Promise<A>,
  defaults?: StepDefaults<NoInfer<I>, Settled<NoInfer<A>>, OutcomeUnder<S>> & Doubt<S>,
): Step<I, A, OutcomeUnder<S>> {
  return makeStep({ name, run, defaults, transactional: false });
}

/**
 * A step whose body writes to the engine's database through `context.tx`: its effects there happen exactly once, because they
 * commit together with the step's completion. Its attempts are never in doubt; so with a compensation its body may not answer
 * `ExecutionResult.sleep` or `persist`, which would keep what was done without its being done (`InvalidRequestError`, the step fails).
 * Throws as `step` does.
 *
 * ```ts
 * const charge = transactionalStep("charge", async (order: Order, { tx }) => {
 *   await tx.query("insert into ledger (order_id, amount) values ($1, $2)", [order.id, order.total]);
 *   return { amount: order.total };
 * });
 * ```
 */
export function transactionalStep<I = unknown, A = void, P = unknown>(
  name: string,
  run: (input: I, context: TransactionContext<NoInfer<I>, P>) => A | Promise<A>,
  defaults?: StepDefaults<NoInfer<I>, Settled<NoInfer<A>>, "completed">,
): Step<I, A, "completed"> {
  return makeStep({ name, run, defaults, transactional: true });
}

interface Given<Run> {
  readonly name: string;
  readonly run: Run;
  readonly defaults: object | undefined;
  readonly transactional: boolean;
}

interface Made<Run> {
  readonly name: string;
  readonly run: Run;
  readonly [stepFacts]: { readonly transactional: boolean; readonly defaults: Readonly<Record<string, unknown>> };
}

function makeStep<Run>({ name, run, defaults = {}, transactional }: Given<Run>): Made<Run> {
  checkStepName(name);
  const fault: Fault = (problem, cause) =>
    new InvalidRequestError(`step "${shorten(name, 60)}"`, `cannot be made: ${problem}`, { cause });
  if (typeof run !== "function" || isClass(run)) {
    throw fault(`it needs a function to run, not ${show(run)}`);
  }
  const known = transactional ? policyOptions.filter((option) => option !== "inDoubt") : policyOptions;
  readPolicy(new Fields(defaults, known, fault), fault);
  const facts = Object.freeze({
    transactional,
    defaults: Object.freeze(pick(defaults as Readonly<Record<string, unknown>>, new Set(known))),
  });
  return Object.freeze({ name, run, [stepFacts]: facts });
}
