import { WorkflowError, type Because } from "./errors.ts";
import { sentence, shorten, shownValue } from "./text.ts";

/** One thing that a schema found wrong. */
export interface ValidationIssue {
  /** Where: `items[2].price`; empty for the whole value. */
  readonly path: string;
  /** What the schema says of it. */
  readonly message: string;
}

const shownIssues = 3;

/** A value does not satisfy the Standard Schema that its workflow or event declares. */
export class ValidationError extends WorkflowError {
  override readonly name = "ValidationError";
  readonly code = "VALIDATION_FAILED";
  readonly errorClass = "invalid";
  /** What was validated: "start data", "event". */
  readonly what: string;
  readonly issues: readonly ValidationIssue[];

  constructor(what: string, issues: readonly ValidationIssue[]) {
    const shown = issues
      .slice(0, shownIssues)
      .map((issue) => `${issue.path === "" ? "" : `${issue.path}: `}${issue.message}`);
    const more = issues.length > shownIssues ? `; and ${issues.length - shownIssues} more (see .issues)` : "";
    super(`The ${what} does not match its schema: ${shorten(shown.join("; "), 1000)}${more}.`);
    this.what = what;
    this.issues = issues;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), issues: this.issues };
  }
}

/** A value holds something that would not come back from the database as it went in. */
export class NotStorableError extends WorkflowError {
  override readonly name = "NotStorableError";
  readonly code = "NOT_STORABLE";
  readonly errorClass = "invalid";
  /** Where in the value: `$.items[3].price`. */
  readonly path: string;
  /** What stands there, and what to do instead. */
  readonly reason: string;

  constructor(what: string, path: string, reason: string, because?: Because) {
    super(`The ${what} cannot be stored: ${path} is ${reason}.`, because);
    this.path = path;
    this.reason = reason;
  }
}

/** A value, an error or a transition takes more bytes than the limit. */
export class ValueTooLargeError extends WorkflowError {
  override readonly name = "ValueTooLargeError";
  readonly code = "VALUE_TOO_LARGE";
  readonly errorClass = "invalid";
  readonly what: string;
  /** Bytes counted until the limit was passed: the whole may be larger. */
  readonly bytes: number;
  readonly limit: number;

  constructor(what: string, bytes: number, limit: number) {
    super(`The ${what} takes at least ${bytes} bytes; ${limit} are allowed. Store it elsewhere and keep a reference.`);
    this.what = what;
    this.bytes = bytes;
    this.limit = limit;
  }
}

/** A name, key or label is empty, too long, or holds what a name must not hold. */
export class InvalidNameError extends WorkflowError {
  override readonly name = "InvalidNameError";
  readonly code = "INVALID_NAME";
  readonly errorClass = "invalid";
  /** What it names: "schema", "key", "event name". */
  readonly what: string;
  /** The value, shortened and printable. */
  readonly value: string;

  /** `problem` continues "…": ("key", "", "must not be empty"). */
  constructor(what: string, value: unknown, problem: string) {
    const shown = shownValue(value);
    super(`${shown} is no valid ${what}: it ${problem}.`);
    this.what = what;
    this.value = shown;
  }
}

/** A duration is negative, not finite, too long, or not written as in `"5 minutes"`. */
export class InvalidDurationError extends WorkflowError {
  override readonly name = "InvalidDurationError";
  readonly code = "INVALID_DURATION";
  readonly errorClass = "invalid";
  readonly what: string;
  /** The value, shortened and printable. */
  readonly value: string;

  constructor(what: string, value: unknown, problem: string) {
    const shown = shownValue(value);
    super(
      `${what}: ${shown} ${problem}. Give milliseconds, or a text as in "5 minutes" (ms, second, minute, hour, day).`,
    );
    this.what = what;
    this.value = shown;
  }
}

/** An instant is no Date, an invalid one, or one outside of the years 1 to 9999. */
export class InvalidInstantError extends WorkflowError {
  override readonly name = "InvalidInstantError";
  readonly code = "INVALID_INSTANT";
  readonly errorClass = "invalid";
  readonly what: string;
  /** The value, shortened and printable. */
  readonly value: string;

  constructor(what: string, value: unknown, problem: string) {
    const shown = shownValue(value);
    super(`${what}: ${shown} ${problem}. Give a Date.`);
    this.what = what;
    this.value = shown;
  }
}

/** A cron expression, a time zone or an interval that says when something recurs cannot be used. */
export class InvalidRecurrenceError extends WorkflowError {
  override readonly name = "InvalidRecurrenceError";
  readonly code = "INVALID_RECURRENCE";
  readonly errorClass = "invalid";
  /** Which setting: "cron", "timeZone", "every". */
  readonly what: string;
  /** The value, shortened and printable. */
  readonly value: string;

  constructor(what: string, value: unknown, problem: string, because?: Because) {
    const shown = shownValue(value);
    super(sentence(`${what}: ${shown} ${problem}`), because);
    this.what = what;
    this.value = shown;
  }
}

/** What the database holds is not what this engine wrote: a row changed by hand, a newer format, or damage. */
export class CorruptStateError extends WorkflowError {
  override readonly name = "CorruptStateError";
  readonly code: "CORRUPT_STATE" | "UNKNOWN_TAG";
  readonly errorClass = "permanent";
  /** What was read: "value", "frontier". */
  readonly what: string;

  constructor(what: string, problem: string, code: "CORRUPT_STATE" | "UNKNOWN_TAG" = "CORRUPT_STATE") {
    super(`The stored ${what} cannot be read: ${problem}.`);
    this.code = code;
    this.what = what;
  }
}
