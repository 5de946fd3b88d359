import type { StandardSchemaV1 } from "@standard-schema/spec";
import { InvalidRequestError } from "./errors.ts";
import { checkName } from "./identity.ts";

declare const carries: unique symbol;

/** Something that happens outside, by its name, with the type of what it tells. Made by `event`. */
export interface EventType<T> {
  /** What waiting steps and publishers meet at, together with a key. */
  readonly name: string;
  /** Validates what is told, at publication and when a waiting step takes it. */
  readonly schema?: StandardSchemaV1<unknown, T>;
  /** Carries the type `T`; there is no such property at run time. */
  readonly [carries]?: (value: T) => T;
}

/** An event whose payload fits `S`, so that it can start what `S` starts. */
export interface EventFor<S> {
  readonly name: string;
  readonly [carries]?: (value: never) => S;
}

/**
 * An event that workflows wait for and that is published from outside. Write it down once, and waiting and publishing cannot
 * disagree. Without a type it tells nothing but that it happened; with a schema (any Standard Schema library) it is validated.
 * Throws `InvalidNameError`, and `InvalidRequestError` for what is no Standard Schema.
 *
 * ```ts
 * const paymentConfirmed = event<{ amount: number }>("payment-confirmed");
 * ```
 */
export function event<T = void>(name: string): EventType<T>;
export function event<T>(name: string, schema: StandardSchemaV1<unknown, T>): EventType<T>;
export function event<T>(name: string, schema?: StandardSchemaV1<unknown, T>): EventType<T> {
  checkName(name, "event name");
  if (schema === undefined) return Object.freeze({ name });
  return Object.freeze({ name, schema: checkSchema(schema, `the schema of event "${name}"`) });
}

/** Lets a Standard Schema pass; `what` names it in the error. Throws `InvalidRequestError`. */
export function checkSchema<S>(schema: S, what: string): S {
  const standard: unknown = isHolder(schema) ? schema["~standard"] : undefined;
  if (typeof standard === "object" && standard !== null && "validate" in standard) return schema;
  throw new InvalidRequestError(what, "must be a Standard Schema, as zod, valibot and arktype make them");
}

/** Schemas of some libraries are functions. */
const isHolder = (schema: unknown): schema is { readonly "~standard"?: unknown } =>
  (typeof schema === "object" && schema !== null) || typeof schema === "function";
