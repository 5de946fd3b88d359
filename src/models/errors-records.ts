import type { WorkflowStatus } from "./instance.ts";
import { type Because, WorkflowError } from "./errors.ts";
import { withArticle } from "./text.ts";

/** A record, a filter or a page that the caller gave cannot be used as it is. Nothing of the call was carried out. */
export class InvalidRecordError extends WorkflowError {
  override readonly name = "InvalidRecordError";
  readonly code = "INVALID_RECORD";
  readonly errorClass = "invalid";
  /** The part at fault: `instances[3].status`, `filter.createdFrom`, `page.limit`. */
  readonly path: string;

  /** `problem` continues the sentence that `path` begins: ("page.limit", "must be a whole number from 1"). */
  constructor(path: string, problem: string, because?: Because) {
    super(`${path} ${problem}.`, because);
    this.path = path;
  }
}

/** A record with this id is there already; the stored one was left as it is. */
export class DuplicateRecordError extends WorkflowError {
  override readonly name = "DuplicateRecordError";
  readonly code = "DUPLICATE_RECORD";
  readonly errorClass = "invalid";
  /** What it is: "workflow instance", "execution pointer". */
  readonly what: string;
  readonly id: string;

  constructor(what: string, id: string, because?: Because) {
    super(
      `There is ${withArticle(what)} ${id} already, and it was left as it is. Nothing of this call was stored.`,
      because,
    );
    this.what = what;
    this.id = id;
  }
}

/** There is no such record: it never was, or it has been deleted. (For instances: `InstanceNotFoundError`.) */
export class RecordNotFoundError extends WorkflowError {
  override readonly name = "RecordNotFoundError";
  readonly code = "RECORD_NOT_FOUND";
  readonly errorClass = "invalid";
  readonly what: string;
  readonly id: string;

  constructor(what: string, id: string) {
    super(`There is no ${what} ${id}. Nothing of this call was stored.`);
    this.what = what;
    this.id = id;
  }
}

/** The instance has ended, and what has ended never changes: only its labels may. */
export class InstanceEndedError extends WorkflowError {
  override readonly name = "InstanceEndedError";
  readonly code = "INSTANCE_ENDED";
  readonly errorClass = "invalid";
  readonly instanceId: string;
  readonly status: WorkflowStatus;

  constructor(instanceId: string, status: WorkflowStatus) {
    super(
      `Workflow instance ${instanceId} has ended (${status}) and never changes again. ` +
        `Description, reference, correlation id and tags alone may be changed. Start another instance instead.`,
    );
    this.instanceId = instanceId;
    this.status = status;
  }
}

/** The record was changed since it was read. Read it again, and decide anew. */
export class StaleRecordError extends WorkflowError {
  override readonly name = "StaleRecordError";
  readonly code = "STALE_RECORD";
  readonly errorClass = "conflict";
  readonly instanceId: string;
  /** The revision that the caller had read. */
  readonly read: number;
  /** The revision that is stored. */
  readonly stored: number;

  constructor(instanceId: string, read: number, stored: number) {
    super(
      `Workflow instance ${instanceId} is at revision ${stored}, and was read at ${read}. ` +
        `Read it again; or leave \`revision\` out to overwrite whatever is there.`,
    );
    this.instanceId = instanceId;
    this.read = read;
    this.stored = stored;
  }
}

/** A transaction was begun, or the provider itself was used, inside a transaction of the same provider. */
export class NestedTransactionError extends WorkflowError {
  override readonly name = "NestedTransactionError";
  readonly code = "NESTED_TRANSACTION";
  readonly errorClass = "invalid";
  /** The call at fault: "executeTransaction". */
  readonly call: string;

  constructor(call: string) {
    super(
      `${call} was called inside executeTransaction: transactions do not nest, and the provider itself works outside of them. ` +
        `Call the methods of \`tx\`; a savepoint is made with \`tx.query("savepoint …")\`.`,
    );
    this.call = call;
  }
}

/** The transaction was committed or rolled back before this call. */
export class TransactionOverError extends WorkflowError {
  override readonly name = "TransactionOverError";
  readonly code = "TRANSACTION_OVER";
  readonly errorClass = "invalid";

  constructor() {
    super(
      "This transaction is over, and nothing more can be done in it. Await every call before the transaction ends.",
    );
  }
}
