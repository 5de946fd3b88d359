import { WorkflowFailedError, WorkflowTerminatedError } from "../models/errors-instance.ts";
import type { Failure } from "../models/failure.ts";
import { isTerminal, type WorkflowStatus } from "../models/instance.ts";
import { type StoredValue, storedFromJson } from "../models/stored-value.ts";
import type { InstanceState } from "../execution/state.ts";
import type { InstanceView } from "../persistence/provider.ts";

/** How a run ended. */
export interface RunEnd {
  readonly status: WorkflowStatus;
  /** What `returns` or `end` said, else the data. */
  readonly value: StoredValue;
  readonly failure: Failure | undefined;
  readonly reason: string | null;
}

/** The end of a run as the store tells it; undefined while it has none. */
export function endOf(view: InstanceView): RunEnd | undefined {
  if (!isTerminal(view.status)) return undefined;
  const value = view.result === undefined ? view.data : view.result;
  return {
    status: view.status,
    value: storedFromJson(value),
    failure: view.failure as Failure | undefined,
    reason: view.reason,
  };
}

/** The end of a run as its owner has it in memory. */
export function endOfState(state: InstanceState): RunEnd {
  const { status, failure, reason } = state;
  return { status, value: state.result ?? state.data, failure, reason: reason ?? null };
}

/** The result, or the error that says how else the run ended. */
export function resultOf(id: string, end: RunEnd): unknown {
  if (end.status === "Complete") return end.value.get();
  if (end.status === "Failed") throw new WorkflowFailedError(id, end.failure ?? unknownFailure);
  throw new WorkflowTerminatedError(id, end.reason);
}

const unknownFailure: Failure = { name: "Error", message: "no failure was recorded", errorClass: "permanent" };
