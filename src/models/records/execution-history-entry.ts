import { InvalidRecordError } from "../errors-records.ts";
import type { Failure } from "../failure.ts";
import { isUuid } from "../identity.ts";
import { fieldsOf } from "../known-fields.ts";
import {
  type Absent,
  checkDate,
  checkFailure,
  checkFlag,
  checkId,
  checkFields,
  checkOptionalDate,
  checkPath,
  checkText,
  checkValue,
  isAbsent,
} from "./check.ts";

/** Something that happened in the life of an instance: a step that has ended, or what is not a step (a retry, an operator's act). */
export interface ExecutionHistoryEntry {
  readonly id: string;
  readonly workflowId: string;
  /** `step` for a pointer that has ended; else `retry`, `error`, `suspend`, `resume`, `terminate`, … or a name of your own. */
  readonly type: string;
  /** Path of the pointer that it is about; null: the instance as a whole. */
  readonly path: string | null;
  readonly time: Date;
  /** For a step: its status, attempts, input, outcome and failure. Else what was stored with it. */
  readonly detail: unknown;
}

/** An entry to be stored. */
export interface NewHistoryEntry {
  readonly workflowId: string;
  /** A name; `step` is kept for pointers. */
  readonly type: string;
  readonly path?: string | Absent;
  /** Default: now, by the database's clock. */
  readonly time?: Date | Absent;
  readonly detail?: unknown;
}

/** Which entries a listing shows: those for which all that is given holds. */
export interface HistoryFilter {
  /** The step's path in the definition, whatever lap or item: `each[]/ship`, or with an index that one alone. */
  readonly step?: string | undefined;
  readonly type?: string | readonly string[] | undefined;
  /** At this time or later. */
  readonly from?: Date | undefined;
  /** Before this time. */
  readonly to?: Date | undefined;
}

/** An error in the life of an instance: of a failed attempt or step, or one that was recorded. */
export interface ExecutionErrorData {
  readonly id: string;
  readonly workflowId: string;
  readonly path: string | null;
  readonly time: Date;
  readonly failure: Failure;
  /** When somebody said that it is dealt with. */
  readonly resolvedTime: Date | null;
}

/** An error to be recorded. It changes nothing in how the instance goes on. */
export interface NewExecutionError {
  readonly workflowId: string;
  readonly path?: string | Absent;
  /** Default: now, by the database's clock. */
  readonly time?: Date | Absent;
  /** An error, or anything that was thrown. */
  readonly error: unknown;
}

export interface ErrorFilter {
  /** Only those that are dealt with, or only those that are not. */
  readonly isResolved?: boolean | undefined;
}

const errorFilterFields = fieldsOf<ErrorFilter>({ isResolved: true });

/** Whether only errors that are dealt with are wanted, or only others; undefined: all. Throws `InvalidRecordError`. */
export function checkErrorFilter(filter: ErrorFilter = {}): boolean | undefined {
  checkFields(filter, "filter", errorFilterFields);
  return checkFlag(filter.isResolved, "filter.isResolved");
}

/** What a row of history is found by: a number pair unique within the instance. */
export interface HistoryKey {
  /** A bigint, as digits. Of the engine's own rows: the revision that wrote them; of others: below zero. */
  readonly revision: string;
  readonly n: number;
}

export interface HistoryInsert extends HistoryKey {
  readonly instance: string;
  readonly kind: string;
  readonly path: string | null;
  readonly at: number | null;
  readonly detail: string | null;
}

/** Also those of an entry that was read: what the store alone decides is passed over. */
const newFields = fieldsOf<NewHistoryEntry | ExecutionHistoryEntry>({
  workflowId: true,
  type: true,
  path: true,
  time: true,
  detail: true,
  id: true,
});

/** Throws `InvalidRecordError`, `NotStorableError` and `ValueTooLargeError`. */
export function checkHistoryEntry(entry: NewHistoryEntry, path: string, newId: () => string): HistoryInsert {
  checkFields(entry, path, newFields);
  const type = checkText(entry.type, `${path}.type`);
  if (type === "step") throw new InvalidRecordError(`${path}.type`, 'must not be "step": pointers that ended are that');
  return {
    ...historyKeyOf(newId()),
    instance: checkId(entry.workflowId, `${path}.workflowId`),
    kind: type,
    path: isAbsent(entry.path) ? null : checkPath(entry.path, `${path}.path`),
    at: checkOptionalDate(entry.time, `${path}.time`),
    detail: isAbsent(entry.detail) ? null : checkValue(entry.detail, `${path}.detail`),
  };
}

/** Also those of an error that was read: what the store alone decides is passed over. */
const newErrorFields = fieldsOf<NewExecutionError | ExecutionErrorData>({
  workflowId: true,
  path: true,
  time: true,
  error: true,
  failure: true,
  id: true,
  resolvedTime: true,
});

/** Throws `InvalidRecordError`. */
export function checkError(
  error: NewExecutionError | ExecutionErrorData,
  path: string,
  newId: () => string,
): HistoryInsert {
  checkFields(error, path, newErrorFields);
  const { error: thrown, failure }: { readonly error?: unknown; readonly failure?: unknown } = error;
  if (thrown !== undefined && failure !== undefined)
    throw new InvalidRecordError(path, "has both `error` and `failure`; one of them says what went wrong");
  return {
    ...historyKeyOf(newId()),
    instance: checkId(error.workflowId, `${path}.workflowId`),
    kind: "error",
    path: isAbsent(error.path) ? null : checkPath(error.path, `${path}.path`),
    at: checkOptionalDate(error.time, `${path}.time`),
    detail: failure === undefined ? checkFailure(thrown, `${path}.error`) : checkFailure(failure, `${path}.failure`),
  };
}

/** From a UUIDv7: its time and counter (60 bits) below zero, where no revision of the engine is, and 31 of its random bits. */
function historyKeyOf(id: string): HistoryKey {
  const digits = id.replaceAll("-", "");
  const time = BigInt(`0x${digits.slice(0, 12)}${digits.slice(13, 16)}`);
  return { revision: `${-1n - time}`, n: Number.parseInt(digits.slice(-8), 16) >>> 1 };
}

export interface CheckedHistoryFilter {
  readonly step?: string;
  readonly types?: readonly string[];
  readonly from?: number;
  readonly to?: number;
}

const filterFields = fieldsOf<HistoryFilter>({ step: true, type: true, from: true, to: true });

/** Throws `InvalidRecordError`. */
export function checkHistoryFilter(filter: HistoryFilter = {}): CheckedHistoryFilter {
  checkFields(filter, "filter", filterFields);
  const { step, type, from, to } = filter;
  const types = (): readonly string[] =>
    (Array.isArray(type) ? type : [type]).map((one: unknown) => checkText(one, "filter.type"));
  return {
    ...(step !== undefined && { step: checkPath(step, "filter.step") }),
    ...(type !== undefined && { types: types() }),
    ...(from !== undefined && { from: checkDate(from, "filter.from") }),
    ...(to !== undefined && { to: checkDate(to, "filter.to") }),
  };
}

/** Where a history entry lies: a pointer, or a row of history. */
export type HistoryPlace = { readonly instance: string } & ({ readonly path: string } | HistoryKey);

export const historyId = (place: HistoryPlace): string =>
  "path" in place ? `${place.instance}/step/${place.path}` : `${place.instance}/${place.revision}/${place.n}`;

/** Throws `InvalidRecordError` for what is no entry's id. */
export function readHistoryId(id: unknown): HistoryPlace {
  const [instance, second, ...rest] = typeof id === "string" ? id.split("/") : [];
  if (isUuid(instance) && second === "step" && rest.length > 0)
    return { instance: instance.toLowerCase(), path: checkPath(rest.join("/"), "id") };
  const [n = "", ...more] = rest;
  if (isUuid(instance) && isInt(second ?? "", 64) && isInt(n, 32) && more.length === 0)
    return { instance: instance.toLowerCase(), revision: second ?? "", n: Number(n) };
  throw new InvalidRecordError("id", "is no id that an entry of an instance's history has");
}

const isInt = (digits: string, bits: number): boolean =>
  /^-?\d{1,19}$/.test(digits) && BigInt.asIntN(bits, BigInt(digits)) === BigInt(digits);
