import type {
  ErrorFilter,
  ExecutionErrorData,
  ExecutionHistoryEntry,
  HistoryFilter,
  NewExecutionError,
  NewHistoryEntry,
} from "../models/records/execution-history-entry.ts";
import type { Page, PageRequest } from "../models/records/page.ts";

/** What happened in the life of an instance. Writing history changes nothing in how it goes on. */
export interface HistoryRecords {
  /** One entry or many, all or none. Throws `InstanceNotFoundError`, `InvalidRecordError`, `NotStorableError`, `ValueTooLargeError`. */
  createExecutionHistory(entries: NewHistoryEntry | readonly NewHistoryEntry[]): Promise<readonly string[]>;
  /** Pointers that have ended and entries, oldest first. */
  getExecutionHistory(
    instanceId: string,
    filter?: HistoryFilter,
    page?: PageRequest,
  ): Promise<Page<ExecutionHistoryEntry>>;
}

/** Errors of an instance: of attempts and steps that failed, and those that were recorded. */
export interface ErrorRecords {
  /** Answers the error's id. One that was read is recorded as another one, which nobody has resolved yet. Throws
   *  `InstanceNotFoundError` and `InvalidRecordError`. */
  recordError(error: NewExecutionError | ExecutionErrorData): Promise<string>;
  /** Oldest first. */
  getErrors(instanceId: string, filter?: ErrorFilter, page?: PageRequest): Promise<Page<ExecutionErrorData>>;
  /** Notes that an error is dealt with. False: there is none. */
  resolveError(id: string): Promise<boolean>;
}
