import { toMs, type Duration } from "./duration.ts";
import { type ErrorClass, InvalidRequestError } from "./errors.ts";
import type { Failure } from "./failure.ts";

/** How often a failed step is tried again, and how long the engine waits in between. */
export interface RetryPolicy {
  /** Attempts in all, the first one included: a whole number from 1 to 2^31 - 1. Default: 5. */
  readonly maxAttempts?: number;
  /** The wait after the first failure. Default: 1 second. */
  readonly initial?: Duration;
  /** By what each wait is longer than the one before, at least 1. Default: 2. */
  readonly factor?: number;
  /** The longest wait. Default: 1 minute, or `initial` if that is longer. */
  readonly max?: Duration;
  /** Draw each wait between its half and its whole, so that what failed together does not come back together. Default: true. */
  readonly jitter?: boolean;
  /**
   * How long attempts and the waits between them may take together: an attempt that would begin later is not made. Counted is what
   * they took, not how long the process was down or busy. Default: no limit.
   */
  readonly maxElapsed?: Duration;
  /** Failures that are not tried again: error classes (`"timeout"`), codes (`"CARD_DECLINED"`) or names (`"TypeError"`) of errors. */
  readonly nonRetryable?: readonly (ErrorClass | (string & {}))[];
}

/** A policy with nothing left open, as a definition holds it. */
export interface ResolvedRetryPolicy {
  readonly maxAttempts: number;
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
  readonly jitter: boolean;
  readonly maxElapsedMs?: number;
  readonly nonRetryable?: readonly string[];
}

/** What a step has that says nothing about retries. */
export const defaultRetryPolicy: ResolvedRetryPolicy = Object.freeze({
  maxAttempts: 5,
  initialMs: 1000,
  factor: 2,
  maxMs: 60_000,
  jitter: true,
});

const mostAttempts = 2 ** 31 - 1;

/** Fills in the defaults. Throws `InvalidRequestError` or `InvalidDurationError` for what makes no sense. */
export function resolveRetryPolicy(policy: RetryPolicy | undefined): ResolvedRetryPolicy {
  if (policy === undefined) return defaultRetryPolicy;
  if (policy === null || typeof policy !== "object") throw new InvalidRequestError("retry", "must be an object");
  const maxAttempts = policy.maxAttempts ?? defaultRetryPolicy.maxAttempts;
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1 || maxAttempts > mostAttempts) {
    throw new InvalidRequestError("retry.maxAttempts", "must be a whole number from 1 to 2^31 - 1");
  }
  const factor = policy.factor ?? defaultRetryPolicy.factor;
  if (!Number.isFinite(factor) || factor < 1) throw new InvalidRequestError("retry.factor", "must be a number from 1");
  const jitter = policy.jitter ?? defaultRetryPolicy.jitter;
  if (typeof jitter !== "boolean") throw new InvalidRequestError("retry.jitter", "must be true or false");
  const initialMs = policy.initial === undefined ? defaultRetryPolicy.initialMs : toMs(policy.initial, "retry.initial");
  const maxMs =
    policy.max === undefined ? Math.max(defaultRetryPolicy.maxMs, initialMs) : toMs(policy.max, "retry.max");
  if (policy.max !== undefined && policy.initial !== undefined && maxMs < initialMs) {
    throw new InvalidRequestError("retry.max", "must not be shorter than retry.initial");
  }
  return Object.freeze({
    maxAttempts,
    initialMs: Math.min(initialMs, maxMs),
    factor,
    maxMs,
    jitter,
    ...limitsOf(policy),
  });
}

function limitsOf({
  maxElapsed,
  nonRetryable,
}: RetryPolicy): Pick<ResolvedRetryPolicy, "maxElapsedMs" | "nonRetryable"> {
  const names: unknown = nonRetryable;
  if (
    names !== undefined &&
    !(Array.isArray(names) && names.every((name) => typeof name === "string" && name !== ""))
  ) {
    throw new InvalidRequestError("retry.nonRetryable", "must be a list of error classes, codes or names");
  }
  return {
    ...(maxElapsed !== undefined && { maxElapsedMs: toMs(maxElapsed, "retry.maxElapsed") }),
    ...(nonRetryable !== undefined && { nonRetryable: Object.freeze([...nonRetryable]) }),
  };
}

/** Whether a failure is tried again after so many attempts, which have taken `elapsedMs`, and after a wait of `delayMs`. */
export function mayRetry(
  policy: ResolvedRetryPolicy,
  failure: Pick<Failure, "name" | "code" | "errorClass">,
  spent: { readonly attempts: number; readonly elapsedMs: number; readonly delayMs: number },
): boolean {
  const { maxAttempts, maxElapsedMs = Infinity, nonRetryable = [] } = policy;
  if (spent.attempts >= maxAttempts || spent.elapsedMs + spent.delayMs > maxElapsedMs) return false;
  return !nonRetryable.some((one) => one === failure.errorClass || one === failure.code || one === failure.name);
}

/**
 * Whole milliseconds to wait after attempt number `attempt` (from 1) has failed; never above `maxMs`, whatever the attempt.
 * `random` is from 0 to 1 and counts only under `jitter`, which draws between half of the wait and the whole.
 */
export function retryDelayMs(policy: ResolvedRetryPolicy, attempt: number, random: number): number {
  if (policy.initialMs === 0) return 0; // 0 x Infinity would be NaN
  const grown = policy.initialMs * policy.factor ** Math.max(attempt - 1, 0);
  const whole = Math.ceil(Math.min(grown, policy.maxMs));
  return policy.jitter ? Math.ceil(whole / 2 + (whole / 2) * random) : whole;
}
