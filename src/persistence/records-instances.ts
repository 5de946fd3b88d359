import type { Page, PageRequest } from "../models/records/page.ts";
import type {
  NewWorkflowInstance,
  WorkflowInstanceChange,
  WorkflowInstanceData,
  WorkflowInstanceFilter,
} from "../models/records/workflow-instance-data.ts";

/**
 * Workflow instances, one by one or many in one statement: of many, all are stored or none.
 *
 * A change takes an instance from the node that runs it: what that node was about to commit is refused, and the next claim goes on
 * from what is stored now. All throw `InvalidRecordError`, `NotStorableError` and `ValueTooLargeError` for what cannot be stored.
 */
export interface InstanceRecords {
  /** Stores an instance. A Runnable one is run from its first step by a host that has its definition. Throws `DuplicateRecordError`. */
  createWorkflowInstance(instance: NewWorkflowInstance): Promise<WorkflowInstanceData>;
  createWorkflowInstances(instances: readonly NewWorkflowInstance[]): Promise<readonly WorkflowInstanceData[]>;
  /** Changes what is named. Throws `InstanceNotFoundError`, `InstanceEndedError`, and `StaleRecordError` if `revision` is given. */
  updateWorkflowInstance(change: WorkflowInstanceChange): Promise<WorkflowInstanceData>;
  updateWorkflowInstances(changes: readonly WorkflowInstanceChange[]): Promise<readonly WorkflowInstanceData[]>;
  /** Writes back an instance that was read, with all that can be changed of it. Throws `StaleRecordError` if it moved meanwhile. */
  persistWorkflow(instance: WorkflowInstanceData): Promise<WorkflowInstanceData>;
  /** Null: there is none. */
  getWorkflowInstance(id: string): Promise<WorkflowInstanceData | null>;
  /** Newest first. */
  getWorkflowInstances(filter?: WorkflowInstanceFilter, page?: PageRequest): Promise<Page<WorkflowInstanceData>>;
  /** Deletes an instance, running or not, with its pointers, history, errors, inbox and subscriptions. False: there was none. */
  deleteWorkflowInstance(id: string): Promise<boolean>;
  /** Instances that a node could take now: Runnable, due and not owned; the longest due first. */
  getRunnableInstances(limit: number): Promise<readonly WorkflowInstanceData[]>;
}
