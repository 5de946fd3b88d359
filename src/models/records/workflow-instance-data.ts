import { InvalidRecordError } from "../errors-records.ts";
import type { Failure } from "../failure.ts";
import { isTerminal, statusCodes, type WorkflowStatus } from "../instance.ts";
import { fieldsOf } from "../known-fields.ts";
import {
  type Absent,
  checkDate,
  checkDescription,
  checkFailure,
  checkFields,
  checkId,
  checkOneOf,
  checkOptionalDate,
  checkOptionalText,
  checkTags,
  checkText,
  checkValue,
  checkWhole,
  isAbsent,
} from "./check.ts";

/** A workflow instance as it is stored. */
export interface WorkflowInstanceData {
  readonly id: string;
  readonly workflowDefinitionId: string;
  readonly version: number;
  readonly description: string | null;
  /** A free label to find it by. */
  readonly reference: string | null;
  readonly status: WorkflowStatus;
  /** The workflow's own data. */
  readonly data: unknown;
  readonly createTime: Date;
  /** When its last transition was committed, or its last record-level write. */
  readonly updateTime: Date;
  /** When it ended. */
  readonly completeTime: Date | null;
  /** When it is due; null while a node runs it, while it waits for something outside, and when it has ended. */
  readonly nextExecution: Date | null;
  /** The node that runs it. */
  readonly nodeId: string | null;
  readonly correlationId: string | null;
  readonly tags: Readonly<Record<string, string>>;
  /** What `returns` or `end` gave. */
  readonly result: unknown;
  /** What made it Failed. */
  readonly failure: Failure | null;
  /** Why it was suspended or terminated. */
  readonly reason: string | null;
  /** Counts its transitions and record-level writes. */
  readonly revision: number;
}

/** A workflow instance to be stored. What is left out or null has its default. */
export interface NewWorkflowInstance {
  /** A UUID. Default: a new one. */
  readonly id?: string | Absent;
  readonly workflowDefinitionId: string;
  /** Default: 1. */
  readonly version?: number | Absent;
  readonly description?: string | Absent;
  readonly reference?: string | Absent;
  /** Default: Runnable: a host that has the definition runs it from its first step. */
  readonly status?: WorkflowStatus | Absent;
  /** Anything that can be stored. Default: null. */
  readonly data?: unknown;
  /** Default: now, by the database's clock; so is a time that is still to come there. */
  readonly createTime?: Date | Absent;
  /** For one that has ended. Default: now. */
  readonly completeTime?: Date | Absent;
  /** For a Runnable one: not before. Default: at once. */
  readonly nextExecution?: Date | Absent;
  /** Must be left out or null: only a node takes an instance. */
  readonly nodeId?: null | undefined;
  readonly correlationId?: string | Absent;
  readonly tags?: Readonly<Record<string, string>> | Absent;
  readonly result?: unknown;
  /** For a Failed one. An error, or its description. */
  readonly failure?: unknown;
  readonly reason?: string | Absent;
}

/** What to change of a stored instance. What is left out stays as it is. */
export interface WorkflowInstanceChange {
  readonly id: string;
  /** The revision that was read: if another one is stored, the change is refused as stale. Left out: whatever is stored is changed. */
  readonly revision?: number | undefined;
  /** An instance that has ended keeps its status, data and result. */
  readonly status?: WorkflowStatus | undefined;
  readonly data?: unknown;
  /** When a Runnable one is due. Null or left out: at once if a node had it or it was not Runnable, else as it stands. */
  readonly nextExecution?: Date | Absent;
  /** When it ended, for one that ends by this. Default: now. */
  readonly completeTime?: Date | Absent;
  readonly result?: unknown;
  readonly failure?: unknown;
  readonly reason?: string | Absent;
  readonly description?: string | Absent;
  readonly reference?: string | Absent;
  readonly correlationId?: string | Absent;
  readonly tags?: Readonly<Record<string, string>> | Absent;
}

export const workflowStatuses = Object.keys(statusCodes) as readonly WorkflowStatus[];

/** How a run ended, and what people call it by; JSON as text. */
export interface EndAndLabels {
  readonly result: string | null;
  readonly failure: string | null;
  readonly reason: string | null;
  readonly description: string | null;
  readonly reference: string | null;
  readonly correlationId: string | null;
  readonly tags: string | null;
}

/** A checked new instance: JSON as text, instants in milliseconds since the epoch. */
export interface InstanceInsert extends EndAndLabels {
  readonly id: string;
  readonly definition: string;
  readonly version: number;
  readonly status: WorkflowStatus;
  readonly data: string;
  readonly createdAt: number | null;
  readonly completedAt: number | null;
  readonly dueAt: number | null;
}

const maxVersion = 2 ** 31 - 1;

/** Of new instances and of changes. Also those of an instance that was read: what the store alone decides is passed over. */
const recordFields = fieldsOf<NewWorkflowInstance | WorkflowInstanceChange | WorkflowInstanceData>({
  id: true,
  workflowDefinitionId: true,
  version: true,
  description: true,
  reference: true,
  status: true,
  data: true,
  createTime: true,
  updateTime: true,
  completeTime: true,
  nextExecution: true,
  nodeId: true,
  correlationId: true,
  tags: true,
  result: true,
  failure: true,
  reason: true,
  revision: true,
});

/** Throws `InvalidRecordError`, `NotStorableError` and `ValueTooLargeError`. `newId` is asked when the record has none. */
export function checkNewInstance(record: NewWorkflowInstance, path: string, newId: () => string): InstanceInsert {
  checkFields(record, path, recordFields);
  const status = isAbsent(record.status) ? "Runnable" : checkOneOf(record.status, `${path}.status`, workflowStatuses);
  if (!isAbsent(record.nodeId))
    throw new InvalidRecordError(`${path}.nodeId`, "must be left out or null: only a node takes an instance");
  return {
    id: isAbsent(record.id) ? newId() : checkId(record.id, `${path}.id`),
    definition: checkText(record.workflowDefinitionId, `${path}.workflowDefinitionId`),
    version: isAbsent(record.version) ? 1 : checkWhole(record.version, `${path}.version`, { from: 1, to: maxVersion }),
    status,
    data: checkValue(record.data, `${path}.data`),
    createdAt: checkOptionalDate(record.createTime, `${path}.createTime`),
    ...timesOf(record, path, status),
    ...endOf(record, path, status),
    reason: checkDescription(record.reason, `${path}.reason`),
    description: checkDescription(record.description, `${path}.description`),
    reference: checkOptionalText(record.reference, `${path}.reference`),
    correlationId: checkOptionalText(record.correlationId, `${path}.correlationId`),
    tags: checkTags(record.tags, `${path}.tags`),
  };
}

function timesOf(record: NewWorkflowInstance, path: string, status: WorkflowStatus) {
  if (!isAbsent(record.completeTime) && !isTerminal(status))
    throw new InvalidRecordError(`${path}.completeTime`, `must be left out or null, since the status is ${status}`);
  if (!isAbsent(record.nextExecution) && status !== "Runnable")
    throw new InvalidRecordError(`${path}.nextExecution`, `must be left out or null, since the status is ${status}`);
  return {
    completedAt: checkOptionalDate(record.completeTime, `${path}.completeTime`),
    dueAt: checkOptionalDate(record.nextExecution, `${path}.nextExecution`),
  };
}

function endOf(record: NewWorkflowInstance, path: string, status: WorkflowStatus) {
  if (!isAbsent(record.failure) && status !== "Failed")
    throw new InvalidRecordError(`${path}.failure`, `must be left out or null, since the status is ${status}`);
  return {
    result: isAbsent(record.result) ? null : checkValue(record.result, `${path}.result`),
    failure: isAbsent(record.failure) ? null : checkFailure(record.failure, `${path}.failure`),
  };
}

/** A checked change; null leaves what is stored, except where `given` says that null was meant. */
export interface InstanceUpdate extends EndAndLabels {
  readonly id: string;
  readonly revision: number | null;
  readonly status: WorkflowStatus | null;
  readonly data: string | null;
  readonly dueAt: number | null;
  readonly completedAt: number | null;
  /** Sum of `givenBits` of the columns that are to be written, also with null. */
  readonly given: number;
}

export const givenBits = {
  description: 1,
  reference: 2,
  correlationId: 4,
  tags: 8,
  reason: 16,
  result: 32,
  failure: 64,
} as const;

/** Throws `InvalidRecordError`, `NotStorableError` and `ValueTooLargeError`. */
export function checkInstanceChange(change: WorkflowInstanceChange, path: string): InstanceUpdate {
  checkFields(change, path, recordFields);
  const { revision, status, data } = change;
  let given = 0;
  for (const [field, bit] of Object.entries(givenBits))
    if (Object.hasOwn(change, field) && change[field as keyof typeof givenBits] !== undefined) given += bit;
  return {
    id: checkId(change.id, `${path}.id`),
    revision:
      revision === undefined
        ? null
        : checkWhole(revision, `${path}.revision`, { from: 0, to: Number.MAX_SAFE_INTEGER }),
    status: status === undefined ? null : checkOneOf(status, `${path}.status`, workflowStatuses),
    data: data === undefined ? null : checkValue(data, `${path}.data`),
    dueAt: checkOptionalDate(change.nextExecution, `${path}.nextExecution`),
    completedAt: checkOptionalDate(change.completeTime, `${path}.completeTime`),
    result: isAbsent(change.result) ? null : checkValue(change.result, `${path}.result`),
    failure: isAbsent(change.failure) ? null : checkFailure(change.failure, `${path}.failure`),
    reason: checkDescription(change.reason, `${path}.reason`),
    description: checkDescription(change.description, `${path}.description`),
    reference: checkOptionalText(change.reference, `${path}.reference`),
    correlationId: checkOptionalText(change.correlationId, `${path}.correlationId`),
    tags: checkTags(change.tags, `${path}.tags`),
    given,
  };
}

/** Which instances a listing shows: those for which all that is given holds. */
export interface WorkflowInstanceFilter {
  readonly workflowDefinitionId?: string | undefined;
  readonly version?: number | undefined;
  readonly status?: WorkflowStatus | readonly WorkflowStatus[] | undefined;
  /** Created at this time or later. */
  readonly createdFrom?: Date | undefined;
  /** Created before this time. */
  readonly createdTo?: Date | undefined;
  readonly updatedFrom?: Date | undefined;
  readonly updatedTo?: Date | undefined;
  /** Run by this node; null: by none. */
  readonly nodeId?: string | null | undefined;
  readonly reference?: string | undefined;
  readonly correlationId?: string | undefined;
  /** Has all of these tags. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

/** A checked filter: what is undefined does not matter. */
export interface CheckedInstanceFilter {
  readonly definition?: string;
  readonly version?: number;
  readonly statuses?: readonly WorkflowStatus[];
  readonly createdFrom?: number;
  readonly createdTo?: number;
  readonly updatedFrom?: number;
  readonly updatedTo?: number;
  readonly owner?: string | null;
  readonly reference?: string;
  readonly correlationId?: string;
  readonly tags?: string;
}

const filterFields = fieldsOf<WorkflowInstanceFilter>({
  workflowDefinitionId: true,
  version: true,
  status: true,
  createdFrom: true,
  createdTo: true,
  updatedFrom: true,
  updatedTo: true,
  nodeId: true,
  reference: true,
  correlationId: true,
  tags: true,
});

/** Throws `InvalidRecordError`. */
export function checkInstanceFilter(filter: WorkflowInstanceFilter = {}): CheckedInstanceFilter {
  checkFields(filter, "filter", filterFields);
  const statuses = (): readonly WorkflowStatus[] =>
    (Array.isArray(filter.status) ? filter.status : [filter.status]).map((status: unknown) =>
      checkOneOf(status, "filter.status", workflowStatuses),
    );
  const has = (field: keyof WorkflowInstanceFilter): boolean => filter[field] !== undefined;
  const date = (field: "createdFrom" | "createdTo" | "updatedFrom" | "updatedTo") =>
    has(field) && { [field]: checkDate(filter[field], `filter.${field}`) };
  const tags = checkTags(filter.tags, "filter.tags");
  return {
    ...(has("workflowDefinitionId") && {
      definition: checkText(filter.workflowDefinitionId, "filter.workflowDefinitionId"),
    }),
    ...(has("version") && { version: checkWhole(filter.version, "filter.version", { from: 1, to: maxVersion }) }),
    ...(has("status") && { statuses: statuses() }),
    ...date("createdFrom"),
    ...date("createdTo"),
    ...date("updatedFrom"),
    ...date("updatedTo"),
    ...(has("nodeId") && { owner: filter.nodeId === null ? null : checkId(filter.nodeId, "filter.nodeId") }),
    ...(has("reference") && { reference: checkText(filter.reference, "filter.reference") }),
    ...(has("correlationId") && { correlationId: checkText(filter.correlationId, "filter.correlationId") }),
    ...(tags !== null && { tags }),
  };
}
