import { inspect, types } from "node:util";
import { WorkflowError, isErrorClass, type ErrorClass } from "./errors.ts";
import { maxNameBytes } from "./limits.ts";
import { cutMark, storableText, utf8Bytes } from "./text.ts";

/** What is kept of something thrown: plain JSON that PostgreSQL can store, of at most 64 KiB. */
export interface Failure {
  /** The name of the error's class. */
  readonly name: string;
  /** Cut, and says so, if it is longer than 16 KiB. */
  readonly message: string;
  /** The error's own code, if it had one; numbers as text. */
  readonly code?: string;
  /** `transient` for a plain error; see `ErrorClass`. */
  readonly errorClass: ErrorClass;
  /** Where it was thrown, as far as the error told. */
  readonly stack?: string;
  /** Path of the step that failed. */
  readonly path?: string;
  /** What lay behind it; a chain ends after five. */
  readonly cause?: Failure;
}

/** How many failures a chain of causes keeps, the first one included. */
const maxChain = 5;

/** How many errors of an AggregateError are told. */
const toldErrors = 5;

/** Bytes of JSON for each text; together, over a whole chain, they stay below `maxErrorBytes`. */
const outermostBytes = 16 * 1024;
const causeBytes = 3 * 1024;
const labelBytes = 256;

/** Says of an error what it means to whoever must go on, or nothing, to leave that to the engine. */
export type Classify = (error: unknown) => ErrorClass | undefined;

/**
 * Describes anything that can be thrown, and never throws itself. Long texts are cut, which they say; chains of causes end after
 * five. The class is a `WorkflowError`'s own; else `permanent` for what has `retryable: false`, `timeout` for an AbortError or
 * TimeoutError, and otherwise `transient`. What `classify` says goes before all of these.
 */
export function describeFailure(thrown: unknown, path?: string, classify?: Classify): Failure {
  const failure = describe(thrown, [], outermostBytes);
  const errorClass = classify && classified(classify, thrown);
  return {
    ...failure,
    ...(errorClass !== undefined && { errorClass }),
    ...(path !== undefined && { path: cut(path, maxNameBytes) }),
  };
}

/** A classification that throws, or says what is no class (a promise of one, too), says nothing. */
function classified(classify: Classify, thrown: unknown): ErrorClass | undefined {
  try {
    const answer: unknown = classify(thrown);
    if (types.isPromise(answer)) answer.catch(() => undefined); // unhandled, it would end the process
    return isErrorClass(answer) ? answer : undefined;
  } catch {
    return undefined;
  }
}

function describe(thrown: unknown, outer: readonly unknown[], bytes: number): Failure {
  if (!isObject(thrown)) {
    const message = typeof thrown === "string" ? thrown : `${show(thrown)} was thrown`;
    return { name: "Error", message: cut(message, bytes), errorClass: "transient" };
  }
  const name = nameOf(thrown);
  const message = messageOf(thrown);
  const code = codeOf(thrown);
  const stack = read(thrown, "stack");
  const chain = [...outer, thrown];
  const cause = read(thrown, "cause");
  const isTold =
    cause !== undefined && cause !== null && cause !== unreadable && chain.length < maxChain && !chain.includes(cause);
  return {
    name,
    message: cut(message + listErrors(thrown), bytes),
    ...(code !== undefined && { code }),
    errorClass: classOf(thrown, name),
    ...(typeof stack === "string" && { stack: cutStack(stack, message, bytes) }),
    ...(isTold && { cause: describe(cause, chain, causeBytes) }),
  };
}

function classOf(thrown: object, name: string): ErrorClass {
  const own = isWorkflowError(thrown) ? read(thrown, "errorClass") : undefined;
  if (isErrorClass(own)) return own;
  if (read(thrown, "retryable") === false) return "permanent";
  return name === "AbortError" || name === "TimeoutError" ? "timeout" : "transient";
}

function nameOf(thrown: object): string {
  const name = read(thrown, "name");
  return typeof name === "string" && name !== "" && typeof thrown !== "function" ? cut(name, labelBytes) : "Error";
}

function messageOf(thrown: object): string {
  if (typeof thrown === "function") return `${show(thrown)} was thrown`;
  const message = read(thrown, "message");
  if (typeof message === "string") return message;
  if (message === unreadable) return "(its message cannot be read)";
  if (message !== undefined && message !== null) return show(message);
  return types.isNativeError(thrown) ? "" : `${show(thrown)} was thrown`;
}

function codeOf(thrown: object): string | undefined {
  const code = read(thrown, "code");
  return typeof code === "string" || typeof code === "number" ? cut(String(code), labelBytes) : undefined;
}

/** The first errors of an AggregateError, a line each. */
function listErrors(thrown: object): string {
  const errors = read(thrown, "errors");
  if (!types.isNativeError(thrown) || !isObject(errors)) return "";
  const count = read(errors, "length");
  if (typeof count !== "number" || !(count > 0)) return "";
  let lines = "";
  for (let i = 0; i < Math.min(count, toldErrors); i++) {
    const error = read(errors, i);
    lines += `\n- ${isObject(error) ? `${nameOf(error)}: ${cut(messageOf(error), labelBytes)}` : cut(show(error), labelBytes)}`;
  }
  return count > toldErrors ? `${lines}\n- and ${count - toldErrors} more` : lines;
}

/** A stack begins with the message: a long one is cut there, so that the frames behind it are kept. */
function cutStack(stack: string, message: string, bytes: number): string {
  const at = message.length > labelBytes ? stack.indexOf(message) : -1;
  if (at === -1) return cut(stack, bytes);
  return cut(stack.slice(0, at) + cut(message, labelBytes) + stack.slice(at + message.length), bytes);
}

/** The text, storable, cut so that its JSON takes at most `bytes`. */
function cut(text: string, bytes: number): string {
  const head = storableText(text.slice(0, bytes));
  if (text.length <= bytes && jsonBytes(head) <= bytes) return head;
  const room = bytes - utf8Bytes(cutMark);
  let fits = 0;
  let tooLong = head.length + 1;
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (jsonBytes(head.slice(0, middle)) <= room) fits = middle;
    else tooLong = middle;
  }
  return storableText(head.slice(0, fits)) + cutMark;
}

const jsonBytes = (text: string): number => utf8Bytes(JSON.stringify(text)) - 2;

/** Stands for a property whose getter or trap threw. */
const unreadable = Symbol("unreadable");

function read(from: object, key: string | number): unknown {
  try {
    return (from as Readonly<Record<string | number, unknown>>)[key];
  } catch {
    return unreadable;
  }
}

function isWorkflowError(thrown: object): boolean {
  try {
    return thrown instanceof WorkflowError;
  } catch {
    return false; // a proxy whose traps throw
  }
}

const isObject = (value: unknown): value is object =>
  (typeof value === "object" && value !== null) || typeof value === "function";

/** A short picture of a value. No code of the value's author runs: getters and custom inspection are left alone. */
function show(value: unknown): string {
  try {
    if (types.isProxy(value)) return "a proxy";
    if (isObject(value) && Object.keys(value).length > 100) return "an object with more than a hundred fields";
    return inspect(value, {
      customInspect: false,
      depth: 1,
      maxArrayLength: 10,
      maxStringLength: 1000,
      breakLength: Infinity,
    }).slice(0, 4000);
  } catch {
    return `something of type ${typeof value}`;
  }
}
