import { InvalidRecordError } from "../errors-records.ts";
import type { Failure } from "../failure.ts";
import type { ActivePointer, Frontier } from "../frontier.ts";
import { pointerStatusCodes, type PointerStatus } from "../transition.ts";
import { decodeValue } from "../codec.ts";
import { fieldsOf } from "../known-fields.ts";
import {
  type Absent,
  checkFailure,
  checkFields,
  checkOneOf,
  checkOptionalDate,
  checkPath,
  checkValue,
  checkWhole,
  isAbsent,
} from "./check.ts";

/** `Ready`, `Sleeping` and `Waiting` are states of active pointers, which live in their instance; the others are those of stored rows. */
export type ExecutionPointerStatus = PointerStatus | "Ready" | "Sleeping" | "Waiting";

/** One activation of one step. A stored pointer that has ended is its own history entry. */
export interface ExecutionPointerData {
  readonly workflowId: string;
  /** Its name inside the instance: `reserve`, `each[3]/ship`. */
  readonly path: string;
  readonly status: ExecutionPointerStatus;
  /** Number in order of completion within the instance; 0 while it has not ended. */
  readonly seq: number;
  readonly attempts: number;
  /** When its last attempt began; null if that is not known. */
  readonly startTime: Date | null;
  readonly endTime: Date | null;
  /** When a sleeping or waiting one goes on by itself. */
  readonly dueTime: Date | null;
  /** What a waiting one waits for. */
  readonly event: { readonly name: string; readonly key: string | null } | null;
  readonly input: unknown;
  readonly outcome: unknown;
  readonly failure: Failure | null;
}

/** A pointer to be stored. Stored pointers tell what was; they never make a host run anything. */
export interface NewExecutionPointer {
  readonly path: string;
  /** Default: Started, or Complete if `endTime` is given. */
  readonly status?: PointerStatus | Absent;
  readonly seq?: number | Absent;
  /** Default: 1. */
  readonly attempts?: number | Absent;
  /** Default: when it ended, or now while it has not. */
  readonly startTime?: Date | Absent;
  /** For one that has ended. Default: now. */
  readonly endTime?: Date | Absent;
  readonly input?: unknown;
  readonly outcome?: unknown;
  readonly failure?: unknown;
}

/** What to change of a stored pointer. What is left out stays as it is. */
export type ExecutionPointerChange = NewExecutionPointer;

export const pointerStatuses = Object.keys(pointerStatusCodes) as readonly PointerStatus[];

/** A checked pointer. In a change null leaves what is stored. */
export interface PointerWrite {
  readonly path: string;
  readonly status: PointerStatus | null;
  readonly seq: number | null;
  readonly attempts: number | null;
  /** Milliseconds since the epoch. */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly input: string | null;
  readonly outcome: string | null;
  readonly failure: string | null;
}

const most = 2 ** 31 - 1;

/** Also those of a pointer that was read: what the store alone decides is passed over. */
const newFields = fieldsOf<NewExecutionPointer | ExecutionPointerData>({
  path: true,
  status: true,
  seq: true,
  attempts: true,
  startTime: true,
  endTime: true,
  input: true,
  outcome: true,
  failure: true,
  workflowId: true,
  dueTime: true,
  event: true,
});

/** Throws `InvalidRecordError`, `NotStorableError` and `ValueTooLargeError`. */
export function checkPointer(pointer: NewExecutionPointer, path: string): PointerWrite {
  checkFields(pointer, path, newFields);
  const count = (field: "seq" | "attempts"): number | null =>
    isAbsent(pointer[field]) ? null : checkWhole(pointer[field], `${path}.${field}`, { from: 0, to: most });
  const startedAt = checkOptionalDate(pointer.startTime, `${path}.startTime`);
  const endedAt = checkOptionalDate(pointer.endTime, `${path}.endTime`);
  if (startedAt !== null && endedAt !== null && startedAt > endedAt)
    throw new InvalidRecordError(`${path}.endTime`, "must not be before startTime");
  const status = isAbsent(pointer.status) ? null : checkOneOf(pointer.status, `${path}.status`, pointerStatuses);
  if (status === "Started" && endedAt !== null)
    throw new InvalidRecordError(`${path}.endTime`, "must be left out or null, since the status is Started");
  return {
    path: checkPath(pointer.path, `${path}.path`),
    status,
    seq: count("seq"),
    attempts: count("attempts"),
    startedAt,
    endedAt,
    input: isAbsent(pointer.input) ? null : checkValue(pointer.input, `${path}.input`),
    outcome: isAbsent(pointer.outcome) ? null : checkValue(pointer.outcome, `${path}.outcome`),
    failure: isAbsent(pointer.failure) ? null : checkFailure(pointer.failure, `${path}.failure`),
  };
}

/** A stored pointer as a record. */
export interface StoredPointerFacts {
  readonly path: string;
  readonly status: PointerStatus;
  readonly seq: number;
  readonly attempts: number;
  readonly endedAt: number;
  readonly tookMs: number;
  /** Parsed JSON. */
  readonly input: unknown;
  readonly outcome: unknown;
  readonly failure: unknown;
}

export function pointerRecord(workflowId: string, row: StoredPointerFacts): ExecutionPointerData {
  const hasEnded = row.status !== "Started";
  return {
    workflowId,
    path: row.path,
    status: row.status,
    seq: row.seq,
    attempts: row.attempts,
    startTime: new Date(row.endedAt - row.tookMs),
    endTime: hasEnded ? new Date(row.endedAt) : null,
    dueTime: null,
    event: null,
    input: decodeValue(row.input ?? null),
    outcome: decodeValue(row.outcome ?? null),
    failure: (row.failure ?? null) as Failure | null,
  };
}

/**
 * What is active in an instance: the pointers of its frontier, and stored ones that were started and have not ended.
 * `committedAt`: when the frontier was written, which its newest timers count from.
 */
export function activePointers(
  workflowId: string,
  frontier: unknown,
  started: readonly StoredPointerFacts[],
  committedAt: number,
): readonly ExecutionPointerData[] {
  const active = Object.entries((frontier as Frontier).pointers).map(([path, pointer]) =>
    frontierRecord(workflowId, path, pointer, committedAt),
  );
  const rows = new Map(started.map((row) => [row.path, pointerRecord(workflowId, row)]));
  const merged = active.map((pointer) => {
    const row = rows.get(pointer.path);
    rows.delete(pointer.path);
    return row === undefined ? pointer : { ...pointer, status: "Started" as const, startTime: row.startTime };
  });
  return [...merged, ...rows.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function frontierRecord(
  workflowId: string,
  path: string,
  pointer: ActivePointer,
  committedAt: number,
): ExecutionPointerData {
  const due = pointer.due ?? (pointer.dueIn === undefined ? undefined : committedAt + pointer.dueIn);
  const states = { sleeping: "Sleeping", waiting: "Waiting" } as const;
  return {
    workflowId,
    path,
    status: pointer.state === undefined ? "Ready" : states[pointer.state],
    seq: 0,
    attempts: pointer.attempt ?? 1,
    startTime: null,
    endTime: null,
    dueTime: due === undefined ? null : new Date(due),
    event: pointer.event ?? null,
    input: pointer.input === undefined ? null : decodeValue(pointer.input),
    outcome: null,
    failure: null,
  };
}
