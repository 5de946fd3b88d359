import { inspect } from "node:util";
import type { AnyFunction } from "../models/definition.ts";
import { toMs } from "../models/duration.ts";
import type { WorkflowError } from "../models/errors.ts";
import { unknownField } from "../models/known-fields.ts";
import { shorten } from "../models/text.ts";

/** Makes the error for what is wrong at one place of a definition. */
export type Fault = (problem: string, cause?: unknown) => WorkflowError;

/**
 * Options as an author gave them, read with care: JavaScript has no types that stop a wrong one. An option that is undefined
 * counts as left out; one that is not known is refused, for it would be a wish that nobody hears.
 */
export class Fields {
  readonly #given: Readonly<Record<string, unknown>>;
  readonly #fault: Fault;

  constructor(given: unknown, known: readonly string[], fault: Fault) {
    this.#fault = fault;
    if (given === undefined) {
      this.#given = {};
      return;
    }
    if (typeof given !== "object" || given === null || Array.isArray(given)) {
      throw fault(`its options must be an object, not ${show(given)}`);
    }
    const unknown = unknownField(given, new Set(known));
    if (unknown !== undefined) throw fault(`it has no option ${JSON.stringify(unknown.name)}: ${unknown.choice}`);
    this.#given = given as Readonly<Record<string, unknown>>;
  }

  value(key: string): unknown {
    return this.#given[key];
  }

  text(key: string): string | undefined {
    const value = this.#given[key];
    if (value === undefined || typeof value === "string") return value;
    throw this.#wrong(key, "must be a text", value);
  }

  function(key: string): AnyFunction | undefined {
    const value = this.#given[key];
    if (value === undefined || typeof value === "function") return value as AnyFunction | undefined;
    throw this.#wrong(key, "must be a function", value);
  }

  oneOf<C extends string>(key: string, choices: readonly C[]): C | undefined {
    const value = this.#given[key];
    if (value === undefined) return undefined;
    const choice = choices.find((one) => one === value);
    if (choice !== undefined) return choice;
    throw this.#wrong(key, `must be ${choices.map((one) => JSON.stringify(one)).join(" or ")}`, value);
  }

  wholeNumber(key: string, from = 1): number | undefined {
    const value = this.#given[key];
    if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= from))
      return value as number | undefined;
    throw this.#wrong(key, `must be a whole number from ${from}`, value);
  }

  durationMs(key: string): number | undefined {
    const value = this.#given[key];
    return value === undefined ? undefined : attempt(() => toMs(value, key), this.#fault);
  }

  #wrong(key: string, rule: string, value: unknown): WorkflowError {
    return this.#fault(`its option "${key}" ${rule}, not ${show(value)}`);
  }
}

/** Runs a check of the models; what it throws becomes a fault of this place. */
export function attempt<R>(check: () => R, fault: Fault): R {
  try {
    return check();
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    throw fault(message.replace(/\.$/, ""), thrown);
  }
}

/** A short picture of what was given in place of the right thing. */
export function show(value: unknown): string {
  if (typeof value === "function") return isClass(value) ? `class ${value.name}` : `function ${value.name}`.trim();
  return shorten(inspect(value, { depth: 0, maxStringLength: 60, breakLength: Infinity, customInspect: false }), 80);
}

/** Whether a function is a class; a class compiled to a function is known by its `run`. */
export function isClass(value: unknown): value is abstract new (...args: never) => object {
  if (typeof value !== "function") return false;
  const prototype = value.prototype as { readonly run?: unknown } | undefined;
  return typeof prototype?.run === "function" || /^class\b/.test(Function.prototype.toString.call(value));
}
