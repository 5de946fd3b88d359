import { InvalidRequestError } from "../models/errors.ts";

/** Lets one of these texts pass, and nothing at all. Throws `InvalidRequestError`, as every check here. */
export function checkChoice(value: unknown, what: string, choices: readonly string[]): void {
  if (value === undefined || choices.some((choice) => choice === value)) return;
  throw new InvalidRequestError(what, `must be ${choices.map((choice) => JSON.stringify(choice)).join(" or ")}`);
}

const kinds = { string: "a text", boolean: "true or false", function: "a function" } as const;

export function checkKind(value: unknown, what: string, kind: keyof typeof kinds): void {
  if (value !== undefined && typeof value !== kind) throw new InvalidRequestError(what, `must be ${kinds[kind]}`);
}

/** A whole number from 1. */
export function checkCount(value: number, what: string): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new InvalidRequestError(what, "must be a whole number from 1");
}
