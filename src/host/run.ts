import type { Duration } from "../models/duration.ts";
import type { WorkflowStatus } from "../models/instance.ts";
import { fieldsOf } from "../models/known-fields.ts";

/** A handle of one workflow instance. A reason that is no text, or takes more than 4,096 bytes, is an `InvalidRequestError`. */
export interface Run<R> {
  /** The instance's UUID. Not a credential: knowing it gives no right. */
  readonly id: string;
  /**
   * The run's result, once it is Complete: what `returns` or `end` gave, else its data. Waits as long as it takes, on whichever node
   * the run goes on. Throws `WorkflowFailedError`, `WorkflowTerminatedError`, `InstanceNotFoundError`, and `HostStoppedError` when
   * this host stops first (the run itself goes on).
   */
  result(): Promise<R>;
  /** Throws `InstanceNotFoundError`. */
  status(): Promise<WorkflowStatus>;
  /**
   * Stops the run after the bodies that are running, whose signals abort; `resume` goes on from there. Resolves when the request is
   * stored: it is never lost and never "busy". Answers false if the run was over.
   */
  suspend(reason?: string): Promise<boolean>;
  /** Goes on with a suspended run. Answers false if it was over. */
  resume(): Promise<boolean>;
  /** Ends the run as Terminated; nothing is compensated. Answers false if it was over. */
  terminate(reason?: string): Promise<boolean>;
  /**
   * Undoes the run, whatever it is doing, also if it is suspended: bodies that are running are stopped (their signals abort), all that
   * has a compensation and was done is undone, the last one first, steps in doubt before, with `outcome: "unknown"`. Then the run is
   * Terminated, its reason "compensated", with what was given here behind it. A rollback of the whole run that is under way goes on, if
   * it was suspended too, and ends as it would have. Carried out by a host that has the workflow's definition. Answers false if the run
   * was over.
   */
  compensate(reason?: string): Promise<boolean>;
}

/** What holds an open transaction: a `pg` client after BEGIN, PGlite's transaction, or the `tx` of a transactional step. */
export interface TransactionClient {
  /** Runs one SQL statement in the transaction. */
  query(text: string, values?: unknown[]): Promise<{ readonly rows: unknown[] }>;
}

/** Options of a write that may ride in a caller's transaction. */
export interface WithTransaction {
  /** The write commits or vanishes with this transaction: nothing of it is seen before. The run begins after the commit. */
  readonly tx?: TransactionClient;
}

/** Options of a start. Labels are 1 to 512 bytes; others throw `InvalidNameError`. */
export interface StartOptions {
  /** Makes the start idempotent: within a workflow id one key starts one run, however often it is sent. The same key with other data
   *  is a `KeyConflictError`. 1 to 512 bytes. */
  readonly key?: string;
  /** How long the run may take from now on, in place of what its workflow says. */
  readonly timeout?: Duration;
  /** A free label to find the run by. */
  readonly reference?: string;
  /** A sentence for people. */
  readonly description?: string;
  /** What ties this run to others, as the caller names it. */
  readonly correlationId?: string;
  /** At most 100 free labels by name. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** Options of a publication. */
export interface PublishOptions {
  /** Makes the publish idempotent: under one key (per event name and key) one event is stored, however often it is sent. */
  readonly idempotencyKey?: string;
}

const startFields = {
  key: true,
  timeout: true,
  reference: true,
  description: true,
  correlationId: true,
  tags: true,
} as const;
const publishFields = { idempotencyKey: true } as const;

/** The options that calls of a host know. */
export const known: Readonly<
  Record<"transaction" | "start" | "startItem" | "publish" | "publishItem", ReadonlySet<string>>
> = {
  transaction: fieldsOf<WithTransaction>({ tx: true }),
  start: fieldsOf<StartOptions & WithTransaction>({ ...startFields, tx: true }),
  startItem: fieldsOf<StartOptions & { data: unknown }>({ data: true, ...startFields }),
  publish: fieldsOf<PublishOptions & WithTransaction>({ ...publishFields, tx: true }),
  publishItem: fieldsOf<PublishOptions & { key: unknown; data: unknown }>({ key: true, data: true, ...publishFields }),
};
