import { toMs, type Duration } from "./duration.ts";

/** What a body asks the engine to do: go on, run again at once, or run again after a while. */
export type ExecutionResultKind = "next" | "persist" | "sleep";

/**
 * What a body may answer instead of a plain value. Returning `x` and returning `ExecutionResult.next(x)` mean the same.
 *
 * ```ts
 * async run({ attempt, persistenceData }: StepContext<Order, Page>) {
 *   const page = await fetchPage(persistenceData?.next);
 *   if (page.isBusy) return ExecutionResult.sleep("1 minute");
 *   if (page.next !== undefined) return ExecutionResult.persist({ next: page.next });
 *   return ExecutionResult.next({ pages: page.number });
 * }
 * ```
 */
export class ExecutionResult<out R> {
  /** Carries the type of the result; there is no such property at run time. */
  declare readonly "~result": R;
  /** What the engine does with it. */
  readonly kind: ExecutionResultKind;
  /** `next`: the step's result. `persist` and `sleep`: what the body finds as `persistenceData` when it runs again. */
  readonly value: unknown;
  /** Milliseconds until the body runs again; 0 unless `kind` is `sleep`. */
  readonly delayMs: number;

  private constructor(kind: ExecutionResultKind, value: unknown, delayMs: number) {
    this.kind = kind;
    this.value = value;
    this.delayMs = delayMs;
    Object.freeze(this);
  }

  /** The step is done, with this result, or without one. */
  static next(): ExecutionResult<void>;
  static next<R>(value: R): ExecutionResult<R>;
  static next(value?: unknown): ExecutionResult<unknown> {
    return new ExecutionResult("next", value, 0);
  }

  /** The step is not done: its body runs again at once, and finds `value` as `persistenceData`, also after a crash. */
  static persist(value: unknown): ExecutionResult<never> {
    return new ExecutionResult<never>("persist", value, 0);
  }

  /**
   * The step is not done: its body runs again after `duration`, and occupies nothing until then. It finds `persistenceData` as it
   * is given here; without it, as it was. Throws `InvalidDurationError`.
   */
  static sleep(duration: Duration, persistenceData?: unknown): ExecutionResult<never> {
    return new ExecutionResult<never>("sleep", persistenceData, toMs(duration, "ExecutionResult.sleep"));
  }
}

/** The result that an answer of a body stands for. */
export type Settled<A> = A extends ExecutionResult<infer R> ? R : A;
