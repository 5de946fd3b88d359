import { WorkflowError } from "./errors.ts";
import type { Failure } from "./failure.ts";
import { sentence, shorten } from "./text.ts";

/** The key was used before, to start the same workflow with other data. */
export class KeyConflictError extends WorkflowError {
  override readonly name = "KeyConflictError";
  readonly code = "KEY_CONFLICT";
  readonly errorClass = "invalid";
  readonly key: string;
  readonly workflow: string;
  /** The instance that has the key. */
  readonly instanceId: string;

  constructor(key: string, workflow: string, instanceId: string) {
    super(
      `Key "${key}" has started workflow "${workflow}" with other data: instance ${instanceId}. ` +
        `Use another key, or ask for that instance's result.`,
    );
    this.key = key;
    this.workflow = workflow;
    this.instanceId = instanceId;
  }
}

/** There is no such instance: it never was, or it has been deleted by retention. */
export class InstanceNotFoundError extends WorkflowError {
  override readonly name = "InstanceNotFoundError";
  readonly code = "INSTANCE_NOT_FOUND";
  readonly errorClass = "invalid";
  readonly instanceId: string;

  constructor(instanceId: string) {
    super(`There is no workflow instance ${instanceId}. It may have been deleted; check the id and the schema.`);
    this.instanceId = instanceId;
  }
}

/** The run ended as Failed: what `result()` throws. */
export class WorkflowFailedError extends WorkflowError {
  override readonly name = "WorkflowFailedError";
  readonly code = "WORKFLOW_FAILED";
  readonly errorClass = "permanent";
  readonly instanceId: string;
  /** What failed first, with the path of its step. */
  readonly failure: Failure;

  constructor(instanceId: string, failure: Failure) {
    const where = failure.path === undefined ? "" : ` in step "${failure.path}"`;
    super(`Workflow instance ${instanceId} failed${where}: ${failure.name}: ${shorten(failure.message, 1000)}`);
    this.instanceId = instanceId;
    this.failure = failure;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), failure: this.failure };
  }
}

/** The run was ended by request: what `result()` throws. */
export class WorkflowTerminatedError extends WorkflowError {
  override readonly name = "WorkflowTerminatedError";
  readonly code = "WORKFLOW_TERMINATED";
  readonly errorClass = "permanent";
  readonly instanceId: string;
  readonly reason: string | null;

  constructor(instanceId: string, reason: string | null) {
    const because = reason === null || reason === "" ? "" : `: ${reason}`;
    super(sentence(`Workflow instance ${instanceId} was terminated${because}`));
    this.instanceId = instanceId;
    this.reason = reason;
  }
}

/** A schedule of this id is there already. */
export class ScheduleExistsError extends WorkflowError {
  override readonly name = "ScheduleExistsError";
  readonly code = "SCHEDULE_EXISTS";
  readonly errorClass = "invalid";
  readonly scheduleId: string;

  constructor(scheduleId: string) {
    super(`There is a schedule "${scheduleId}" already. Use another id, update it, or pass \`ifExists: "update"\`.`);
    this.scheduleId = scheduleId;
  }
}

/** There is no such schedule: it never was, or it has been deleted. */
export class ScheduleNotFoundError extends WorkflowError {
  override readonly name = "ScheduleNotFoundError";
  readonly code = "SCHEDULE_NOT_FOUND";
  readonly errorClass = "invalid";
  readonly scheduleId: string;

  constructor(scheduleId: string) {
    super(`There is no schedule "${scheduleId}". It may have been deleted; check the id and the schema.`);
    this.scheduleId = scheduleId;
  }
}

/** Another node acts on this instance now; what this node was about to write must be dropped. */
export class OwnershipLostError extends WorkflowError {
  override readonly name = "OwnershipLostError";
  readonly code = "OWNERSHIP_LOST";
  readonly errorClass = "ownership-lost";
  readonly instanceId: string;

  constructor(instanceId: string) {
    super(
      `This node no longer owns workflow instance ${instanceId}. Whoever owns it carries on; nothing is to be done here.`,
    );
    this.instanceId = instanceId;
  }
}

/** A call to the host, or to the records of its store, was made inside a transactional step beside its transaction: each would wait for the other. */
export class WouldDeadlockError extends WorkflowError {
  override readonly name = "WouldDeadlockError";
  readonly code = "WOULD_DEADLOCK";
  readonly errorClass = "invalid";
  /** The call at fault: "startWorkflow". */
  readonly call: string;

  constructor(call: string) {
    super(
      `${call} was called inside a transactional step without its transaction, and would wait for it. Pass \`{ tx }\` if it takes one, else call it from a plain step.`,
    );
    this.call = call;
  }
}

/** The host is stopping, has stopped, or was never started. */
export class HostStoppedError extends WorkflowError {
  override readonly name = "HostStoppedError";
  readonly code = "HOST_STOPPED";
  readonly errorClass = "transient";
  /** The call at fault: "startWorkflow". */
  readonly call: string;

  constructor(call: string) {
    super(
      `${call}: this host is not running: it is still starting, or has been stopped. One that was stopped is not started again: ` +
        "make another with createHost, or use another process.",
    );
    this.call = call;
  }
}
