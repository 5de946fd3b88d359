import type { CompensationErrorBehavior } from "../models/definition.ts";
import { type ResolvedRetryPolicy, type RetryPolicy, resolveRetryPolicy } from "../models/retry-policy.ts";
import { stepFacts } from "../models/step.ts";
import { type AnyStep, isStep } from "./body.ts";
import { attempt, type Fault, Fields, isClass, show } from "./fields.ts";

/** Options that a step may bring along, and that its place of use may override. */
export const policyOptions: readonly string[] = [
  "retry",
  "timeout",
  "compensateWith",
  "onCompensationError",
  "inDoubt",
];

/** The policy of a step, checked. */
export interface Policy {
  readonly retry: ResolvedRetryPolicy | undefined;
  readonly timeoutMs: number | undefined;
  readonly compensateWith: AnyStep | ((...args: never[]) => unknown) | undefined;
  readonly onCompensationError: CompensationErrorBehavior | undefined;
  readonly skipInDoubt: boolean;
}

const retryOptions = ["maxAttempts", "initial", "factor", "max", "jitter", "maxElapsed", "nonRetryable"];

/** Reads a step's policy from its options or its defaults. */
export function readPolicy(options: Fields, fault: Fault): Policy {
  return {
    retry: readRetry(options.value("retry"), fault),
    timeoutMs: readTimeout(options, fault),
    compensateWith: readCompensation(options.value("compensateWith"), fault),
    onCompensationError: options.oneOf("onCompensationError", ["suspend", "continue", "fail"]),
    skipInDoubt: options.oneOf("inDoubt", ["skip"]) !== undefined,
  };
}

function readRetry(given: unknown, fault: Fault): ResolvedRetryPolicy | undefined {
  if (given === undefined) return undefined;
  new Fields(given, retryOptions, (problem, cause) => fault(`in "retry", ${problem}`, cause));
  return attempt(() => resolveRetryPolicy(given as RetryPolicy), fault);
}

function readTimeout(options: Fields, fault: Fault): number | undefined {
  const timeoutMs = options.durationMs("timeout");
  if (timeoutMs === 0) throw fault(`its option "timeout" is 0, in which no attempt can end`);
  return timeoutMs;
}

function readCompensation(given: unknown, fault: Fault): Policy["compensateWith"] {
  if (given === undefined || isStep(given)) return given;
  if (typeof given === "function" && !isClass(given)) return given as (...args: never[]) => unknown;
  throw fault(`its option "compensateWith" must be a step or a function, not ${show(given)}`);
}

/** The policy that a step brings along. */
export const policyOf = (step: AnyStep, fault: Fault): Policy =>
  readPolicy(new Fields(step[stepFacts].defaults, policyOptions, fault), fault);
