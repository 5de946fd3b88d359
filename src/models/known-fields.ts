import { InvalidRequestError } from "./errors.ts";
import { shorten } from "./text.ts";

/** The names of all fields that `T` has. The compiler refuses a list that lacks one, or has one too many. */
export const fieldsOf = <T>(fields: Readonly<Record<FieldOf<T>, true>>): ReadonlySet<string> =>
  new Set(Object.keys(fields));

/** Of a union, the fields of each of its members. */
type FieldOf<T> = T extends unknown ? keyof T : never;

export interface UnknownField {
  /** Shortened and printable. */
  readonly name: string;
  /** What it may have been meant to be: "the options here are key, timeout". */
  readonly choice: string;
}

/** The first field that is none of those that are known: a wish that nobody would hear. Also when its value is undefined. */
export function unknownField(
  given: object,
  known: ReadonlySet<string>,
  what: "options" | "fields" = "options",
): UnknownField | undefined {
  for (const name of Object.keys(given)) {
    if (known.has(name)) continue;
    const choice = known.size === 0 ? "there are none here" : `the ${what} here are ${[...known].join(", ")}`;
    return { name: shorten(name, 60), choice };
  }
  return undefined;
}

/** What is given of the fields that are known, inherited ones and getters too: a spread loses them. Undefined counts as left out. */
export function pick<T extends object>(given: T, known: ReadonlySet<string>): T {
  const picked: Record<string, unknown> = {};
  for (const name of known) {
    const value = given[name as keyof T];
    if (value !== undefined) picked[name] = value;
  }
  return picked as T;
}

/** Lets the options of a call pass. Throws `InvalidRequestError` for what is no object, and for an option that is not known. */
export function checkKnown(given: unknown, call: string, known: ReadonlySet<string>): void {
  if (!isObject(given)) throw new InvalidRequestError(`${call}: options`, "must be an object");
  refuseUnknown(given, call, known);
}

/** Lets one of many items pass, which `what` names. Throws `InvalidRequestError`. */
export function checkItem(item: unknown, what: string, known: ReadonlySet<string>): void {
  if (!isObject(item)) throw new InvalidRequestError(what, "must be an object");
  refuseUnknown(item, what, known);
}

const isObject = (given: unknown): given is object =>
  typeof given === "object" && given !== null && !Array.isArray(given);

function refuseUnknown(given: object, where: string, known: ReadonlySet<string>): void {
  const unknown = unknownField(given, known);
  if (unknown !== undefined)
    throw new InvalidRequestError(`${where}: ${unknown.name}`, `is not known: ${unknown.choice}`);
}
