import type { FunctionRef } from "../models/definition.ts";
import { toMs } from "../models/duration.ts";
import { encodeValue } from "../models/codec.ts";
import { InvalidRequestError } from "../models/errors.ts";
import { MappingFailedError, type MappingRole } from "../models/errors-definition.ts";
import { describeFailure, type Failure } from "../models/failure.ts";
import { checkName } from "../models/identity.ts";
import type { StoredValue } from "../models/stored-value.ts";
import { hasFields } from "../models/value-class.ts";
import type { Patched } from "./facts.ts";
import { functionOf, type Plan } from "./plan.ts";

/**
 * Author's functions that are not bodies (mappings, conditions, collections, keys) run here: at once, on frozen values. What they
 * throw, a promise, and an answer that cannot be used are all the step failure `MAPPING_FAILED`.
 */
export function mapped(plan: Plan, reference: FunctionRef, args: readonly unknown[]): unknown {
  const fn = functionOf(plan, reference) as (...args: readonly unknown[]) => unknown;
  const answer = fn(...args);
  if (isThenable(answer)) {
    void Promise.resolve(answer).catch(() => undefined); // its rejection is nobody else's
    throw new InvalidRequestError(
      reference.ref,
      "must answer at once: a promise is refused here, do async work in a step",
    );
  }
  return answer;
}

const isThenable = (value: unknown): boolean =>
  typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";

/** The failure that a throwing mapping is. */
export function mappingFailure(path: string, role: MappingRole, thrown: unknown): Failure {
  const { message } = describeFailure(thrown);
  return describeFailure(new MappingFailedError(path, role, `failed: ${message}`, { cause: thrown }), path);
}

/** The data with a patch laid over it. */
export function patchData(data: StoredValue, patch: unknown, what: string): Patched {
  if (!hasFields(patch))
    throw new InvalidRequestError(what, "must answer an object: the fields of the data to be changed");
  const before = data.get() ?? {};
  if (!hasFields(before))
    throw new InvalidRequestError(
      what,
      "has no fields to change: the data is no object, so nothing can be laid over it",
    );
  return { patch: encodeValue(patch, what), data: encodeValue({ ...before, ...patch }, "data") };
}

export function asCondition(answer: unknown, what: string): boolean {
  if (typeof answer !== "boolean") throw new InvalidRequestError(what, "must answer true or false");
  return answer;
}

export function asOutcome(answer: unknown, what: string): string {
  if (typeof answer !== "string") throw new InvalidRequestError(what, "must answer the name of a case");
  return answer;
}

export function asItems(answer: unknown, what: string): { readonly items: StoredValue; readonly count: number } {
  if (!Array.isArray(answer)) throw new InvalidRequestError(what, "must answer an array");
  return { items: encodeValue(answer, what), count: answer.length };
}

export function asKey(answer: unknown, what: string): string {
  return checkName(answer, what);
}

export const asDelayMs = (answer: unknown, what: string): number => toMs(answer, what);
