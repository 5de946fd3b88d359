/**
 * What an error means to whoever must go on after it:
 * - `transient`: it may pass by itself; try again.
 * - `permanent`: it will be the same next time; do not try again.
 * - `timeout`: an answer did not come in time; nothing is known of it. Try again.
 * - `conflict`: somebody else was quicker; look again, then try again.
 * - `ownership-lost`: another node acts on this instance now; drop what you were doing.
 * - `invalid`: the caller's request is wrong and must be changed first.
 */
export type ErrorClass = "transient" | "permanent" | "timeout" | "conflict" | "ownership-lost" | "invalid";

const suggestedDelayMs: { readonly [C in ErrorClass]: number } = {
  transient: 500,
  timeout: 1000,
  conflict: 50,
  permanent: 0,
  "ownership-lost": 0,
  invalid: 0,
};

/** All error classes. */
export const errorClasses: readonly string[] = Object.keys(suggestedDelayMs);

/** Whether this is the name of an error class. */
export const isErrorClass = (value: unknown): value is ErrorClass =>
  typeof value === "string" && Object.hasOwn(suggestedDelayMs, value);

/** Options of errors that wrap another one. */
export interface Because {
  readonly cause?: unknown;
}

/**
 * What the engine throws: an error with a class, a stable code, the ids at hand as fields, and a sentence that says what to do.
 * Match on `code` or on the class; never on the message.
 */
export abstract class WorkflowError extends Error {
  /** Stable, in capitals: `KEY_CONFLICT`. */
  abstract readonly code: string;
  /** What it means to whoever must go on after it. */
  abstract readonly errorClass: ErrorClass;

  protected constructor(message: string, because?: Because) {
    super(message, because);
  }

  /** Whether the very same call may succeed later: for the classes transient, timeout and conflict. */
  shouldRetry(): boolean {
    return isRetryable(this.errorClass);
  }

  /** Milliseconds that are sensible to wait before a retry: a suggestion; 0 if there is nothing to retry. */
  retryDelay(): number {
    return suggestedDelayMs[this.errorClass];
  }

  /** A bounded, JSON-safe description, without the stack: name, code, class, message, the ids, and the cause's name and message. */
  toJSON(): Record<string, unknown> {
    const json: Record<string, unknown> = {
      name: this.name,
      code: this.code,
      errorClass: this.errorClass,
      message: this.message,
    };
    for (const [field, value] of Object.entries(this)) {
      if (field === "__proto__" || field in json) continue;
      if (value === null || typeof value === "string" || typeof value === "boolean" || typeof value === "number") {
        json[field] = value;
      }
    }
    if (this.cause instanceof Error) json["cause"] = causeOf(this.cause);
    return json;
  }
}

/** Whether errors of this class may pass when the same thing is tried again. */
export const isRetryable = (errorClass: ErrorClass): boolean =>
  errorClass === "transient" || errorClass === "timeout" || errorClass === "conflict";

/**
 * Thrown by the author of a step to say "do not retry": the step fails at once, whatever its retry policy says. May be
 * extended; `code` is yours.
 *
 * ```ts
 * throw new PermanentError("The card was declined.", { code: "CARD_DECLINED" });
 * ```
 */
export class PermanentError extends WorkflowError {
  override readonly name: string = "PermanentError";
  readonly code: string;
  readonly errorClass: ErrorClass = "permanent";

  /** `code`: a stable name of your own. Default: `PERMANENT`. */
  constructor(message: string, options?: Because & { readonly code?: string }) {
    super(message, options);
    this.code = options?.code ?? "PERMANENT";
  }
}

/** The caller asked for something that makes no sense: a wrong argument, or the wrong moment. */
export class InvalidRequestError extends WorkflowError {
  override readonly name = "InvalidRequestError";
  readonly code = "INVALID_REQUEST";
  readonly errorClass = "invalid";
  /** The argument, option or call at fault. */
  readonly what: string;

  /** `problem` continues the sentence that `what` begins: ("options.concurrency", "must be a whole number from 1"). */
  constructor(what: string, problem: string, because?: Because) {
    super(`${what} ${problem}.`, because);
    this.what = what;
  }
}

function causeOf(cause: Error): Record<string, unknown> | undefined {
  try {
    return { name: String(cause.name), message: String(cause.message) };
  } catch {
    return undefined; // a getter of somebody else's error threw
  }
}
