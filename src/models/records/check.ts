import { encodeValue } from "../codec.ts";
import { InvalidRecordError } from "../errors-records.ts";
import { describeFailure, type Failure } from "../failure.ts";
import { isUuid } from "../identity.ts";
import { unknownField } from "../known-fields.ts";
import { maxDescriptionBytes, maxNameBytes, maxPathBytes, maxTags } from "../limits.ts";
import { isStorableText, shownValue, utf8Bytes } from "../text.ts";

/** What may stand for "not given" in a record. */
export type Absent = null | undefined;

/** How many records one call may carry. */
export const maxBatch = 10_000;

/** Lets an object pass. Throws `InvalidRecordError`, as every check here. */
export function checkObject(value: unknown, path: string): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) refuse(path, value, "must be an object");
}

/** Lets an object pass that has no other fields than these: in a filter, a mistyped one would let everything through. */
export function checkFields(value: object, path: string, known: ReadonlySet<string>): void {
  checkObject(value, path);
  const unknown = unknownField(value, known, "fields");
  if (unknown !== undefined) throw new InvalidRecordError(`${path}.${unknown.name}`, `is not known: ${unknown.choice}`);
}

/** The records of one call, each with its path. */
export function checkBatch<T>(values: readonly T[], path: string): readonly T[] {
  const given: unknown = values;
  if (!Array.isArray(given)) refuse(path, given, "must be an array");
  if (values.length > maxBatch)
    throw new InvalidRecordError(path, `holds ${values.length} records; ${maxBatch} are allowed in one call`);
  return values;
}

/** The id in lower case. */
export function checkId(value: unknown, path: string): string {
  return isUuid(value) ? value.toLowerCase() : refuse(path, value, "must be a UUID");
}

/** A text of 1 to 512 bytes, without white space at its ends. */
export function checkText(value: unknown, path: string): string {
  if (typeof value !== "string") return refuse(path, value, "must be a text");
  if (value === "") return refuse(path, value, "must not be empty");
  if (value.trim() !== value) return refuse(path, value, "must not begin or end with white space");
  if (utf8Bytes(value) > maxNameBytes) return refuse(path, value, `must not take more than ${maxNameBytes} bytes`);
  if (!isStorableText(value)) return refuse(path, value, "must not hold a NUL or half of a surrogate pair");
  return value;
}

export const checkOptionalText = (value: unknown, path: string): string | null =>
  isAbsent(value) ? null : checkText(value, path);

/** Free text for people, up to 4,096 bytes; absent is null. */
export function checkDescription(value: unknown, path: string): string | null {
  if (isAbsent(value)) return null;
  if (typeof value !== "string") return refuse(path, value, "must be a text");
  if (utf8Bytes(value) > maxDescriptionBytes)
    return refuse(path, value, `must not take more than ${maxDescriptionBytes} bytes`);
  return isStorableText(value) ? value : refuse(path, value, "must not hold a NUL or half of a surrogate pair");
}

/** The path of a pointer inside its instance. */
export function checkPath(value: unknown, path: string): string {
  const text = checkText(value, path);
  return utf8Bytes(text) <= maxPathBytes ? text : refuse(path, value, `must not take more than ${maxPathBytes} bytes`);
}

export function checkWhole(
  value: unknown,
  path: string,
  range: { readonly from: number; readonly to: number },
): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= range.from && value <= range.to) return value;
  return refuse(path, value, `must be a whole number from ${range.from} to ${range.to}`);
}

export function checkOneOf<T extends string>(value: unknown, path: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  return found ?? refuse(path, value, `must be one of ${allowed.join(", ")}`);
}

export function checkFlag(value: unknown, path: string): boolean | undefined {
  return value === undefined || typeof value === "boolean" ? value : refuse(path, value, "must be true or false");
}

/** Years that PostgreSQL and a Date have in common, four digits long. */
const [earliestMs, latestMs] = [Date.UTC(1970, 0, 1), Date.UTC(9999, 11, 31)];

/** Milliseconds since the epoch. */
export function checkDate(value: unknown, path: string): number {
  const ms = value instanceof Date ? value.getTime() : Number.NaN;
  if (ms >= earliestMs && ms <= latestMs) return ms;
  return refuse(path, value, "must be a Date from 1970 to 9999");
}

export const checkOptionalDate = (value: unknown, path: string): number | null =>
  isAbsent(value) ? null : checkDate(value, path);

/** JSON of an object of texts, null if absent or empty. */
export function checkTags(value: unknown, path: string): string | null {
  if (isAbsent(value)) return null;
  checkObject(value, path);
  const entries = Object.entries(value as Record<string, unknown>);
  if (entries.length > maxTags) return refuse(path, value, `must not hold more than ${maxTags} tags`);
  const tags: Record<string, string> = {};
  for (const [name, text] of entries) {
    checkText(name, `the name of a tag in ${path}`);
    // Not by assignment: `__proto__` would be swallowed.
    Object.defineProperty(tags, name, { value: checkText(text, `${path}.${name}`), enumerable: true });
  }
  return entries.length === 0 ? null : JSON.stringify(tags);
}

/** Canonical JSON of a value. Throws `NotStorableError` and `ValueTooLargeError`, which name where in it. */
export const checkValue = (value: unknown, path: string): string => encodeValue(value ?? null, path).json;

/** JSON of a failure: an error, or what `describeFailure` made of one. */
export function checkFailure(value: unknown, path: string): string {
  if (isAbsent(value)) return refuse(path, value, "must be an error");
  return encodeValue(isFailure(value) ? value : describeFailure(value), path).json;
}

const isFailure = (value: unknown): value is Failure =>
  typeof value === "object" &&
  value !== null &&
  !(value instanceof Error) &&
  "errorClass" in value &&
  "message" in value &&
  "name" in value;

export const isAbsent = (value: unknown): value is Absent => value === null || value === undefined;

/** Throws `InvalidRecordError` that shows the value, shortened. */
function refuse(path: string, value: unknown, problem: string): never {
  throw new InvalidRecordError(path, `is ${shownValue(value)}, and ${problem}`);
}
