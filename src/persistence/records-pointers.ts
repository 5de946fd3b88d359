import type {
  ExecutionPointerChange,
  ExecutionPointerData,
  NewExecutionPointer,
} from "../models/records/execution-pointer-data.ts";
import type { Page, PageRequest } from "../models/records/page.ts";

/**
 * Execution pointers: what the steps of an instance did. Stored pointers never make a host run anything; what is active lives in the
 * instance itself. A write takes the instance from the node that runs it. All throw `InvalidRecordError`, `NotStorableError` and
 * `ValueTooLargeError`, and `InstanceNotFoundError`.
 */
export interface PointerRecords {
  /** Throws `DuplicateRecordError`. */
  createExecutionPointer(instanceId: string, pointer: NewExecutionPointer): Promise<void>;
  /** All or none. */
  createExecutionPointers(instanceId: string, pointers: readonly NewExecutionPointer[]): Promise<void>;
  /** Changes what is named. Throws `RecordNotFoundError`, and `InstanceEndedError` if the instance has ended. */
  updateExecutionPointer(instanceId: string, change: ExecutionPointerChange): Promise<void>;
  /** All or none. */
  updateExecutionPointers(instanceId: string, changes: readonly ExecutionPointerChange[]): Promise<void>;
  /** A stored pointer. Null: there is none. */
  getExecutionPointer(instanceId: string, path: string): Promise<ExecutionPointerData | null>;
  /** The stored pointers of an instance, by path: those that have ended, and those that have run for long. */
  getExecutionPointersByInstance(instanceId: string, page?: PageRequest): Promise<Page<ExecutionPointerData>>;
  /** What an instance is at: pointers that are ready, running, sleeping or waiting. */
  getActiveExecutionPointers(instanceId: string): Promise<readonly ExecutionPointerData[]>;
}
