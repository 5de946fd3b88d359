import { defaultPersistence } from "./default-persistence.ts";
import { hostFields, type HostOptions } from "./host/host-options.ts";
import { WorkflowHost } from "./host/workflow-host.ts";
import { checkKnown, pick } from "./models/known-fields.ts";

/** Options of `createHost`. */
export interface CreateHostOptions extends Omit<HostOptions, "persistence"> {
  /**
   * Where workflows are kept. Default: the PostgreSQL that the environment variable `DATABASE_URL` names, else an embedded one
   * (PGlite, `npm i @electric-sql/pglite`) in the directory `.workflow-core`.
   */
  readonly persistence?: HostOptions["persistence"];
}

/** Makes a host; `await host.start()` sets it going. Throws `DuplicateWorkflowError`, and `InvalidRequestError` for bad options. */
export function createHost(options: CreateHostOptions): WorkflowHost {
  const given = (options as CreateHostOptions | null) ?? ({} as CreateHostOptions); // of nothing: it lacks its workflows
  checkKnown(given, "createHost", hostFields);
  const { persistence = defaultPersistence(), ...rest } = pick(given, hostFields);
  return new WorkflowHost({ ...rest, persistence });
}

export type { Joined, Label } from "./builder/block.ts";
export { defineWorkflow } from "./builder/define-workflow.ts";
export type { Flow, WorkflowBuilder } from "./builder/flow.ts";
export { step, transactionalStep } from "./builder/step.ts";
export type { Workflow } from "./builder/workflow.ts";
export type { HostOptions, Persistence } from "./host/host-options.ts";
export type { PublishOptions, Run, StartOptions, TransactionClient, WithTransaction } from "./host/run.ts";
export type { Schedule, ScheduleChanges, ScheduleOptions, TickPolicy } from "./host/schedule.ts";
export type { Schedules } from "./host/schedules.ts";
export { type PublishItem, type StartItem, type StartOutcome, WorkflowHost } from "./host/workflow-host.ts";
export type { ErrorBehavior, RunTimeoutBehavior } from "./models/definition.ts";
export type { Duration } from "./models/duration.ts";
export { consoleLogger, type Logger } from "./models/environment.ts";
export { type ErrorClass, InvalidRequestError, PermanentError, WorkflowError } from "./models/errors.ts";
export * from "./models/errors-definition.ts";
export * from "./models/errors-instance.ts";
export * from "./models/errors-records.ts";
export * from "./models/errors-storage.ts";
export * from "./models/errors-values.ts";
export { event, type EventType } from "./models/event-type.ts";
export { ExecutionResult } from "./models/execution-result.ts";
export type { Failure } from "./models/failure.ts";
export type { WorkflowStatus } from "./models/instance.ts";
export type { Ticking } from "./models/recurrence.ts";
export { Event, type EventFilter, type NewEvent, type StoredEvent } from "./models/records/event.ts";
export {
  EventSubscription,
  type NewSubscription,
  type StoredSubscription,
} from "./models/records/event-subscription.ts";
export type {
  ErrorFilter,
  ExecutionErrorData,
  ExecutionHistoryEntry,
  HistoryFilter,
  NewExecutionError,
  NewHistoryEntry,
} from "./models/records/execution-history-entry.ts";
export type {
  ExecutionPointerChange,
  ExecutionPointerData,
  ExecutionPointerStatus,
  NewExecutionPointer,
} from "./models/records/execution-pointer-data.ts";
export type { Page, PageRequest } from "./models/records/page.ts";
export type {
  NewWorkflowInstance,
  WorkflowInstanceChange,
  WorkflowInstanceData,
  WorkflowInstanceFilter,
} from "./models/records/workflow-instance-data.ts";
export type { CatchUp, Overlap } from "./models/schedule.ts";
export type { RetryPolicy } from "./models/retry-policy.ts";
export {
  type Body,
  type Done,
  type DoneOf,
  type Step,
  StepBody,
  type StepContext,
  type Transaction,
  type TransactionContext,
} from "./models/step.ts";
export type { Span, SpanAttributes, SpanContext, SpanOptions, Tracer } from "./models/tracer.ts";
export type { WorkflowDefinition } from "./models/workflow-definition.ts";
export type {
  Isolation,
  OpenTransaction,
  PersistenceProvider,
  RecordOperations,
  RecordTransaction,
  TransactionalPersistenceProvider,
  TransactionOptions,
} from "./persistence/records.ts";
export type { HealthReport, PurgeBefore, PurgeWorkflows, Upkeep } from "./persistence/records-upkeep.ts";
export type { Notice } from "./telemetry/notices.ts";
export type {
  IndexUsage,
  PerformanceAnalysis,
  PerformanceOptions,
  PoolFigures,
  SlowQuery,
  TablePerformance,
  Unavailable,
} from "./persistence/performance-analysis.ts";
export type {
  Estimate,
  Statistics,
  StepFigures,
  StepStatistics,
  StepStatsOptions,
  StorageStatistics,
  TableStorage,
  WorkflowCounts,
  WorkflowStatistics,
  WorkflowStatsOptions,
} from "./persistence/statistics.ts";
