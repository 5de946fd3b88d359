import { PersistenceError } from "../../models/errors-storage.ts";
import { WorkflowError } from "../../models/errors.ts";
import type { Transition } from "../../models/transition.ts";
import type { Database, Session, Statement } from "../database.ts";
import type { TransactionSession } from "../provider.ts";
import type { CommitAnswer } from "./commit-statement.ts";
import { sqlStateOf } from "./sql-state.ts";
import { StepSession } from "./transaction-session.ts";

export interface Fence {
  readonly owner: string | null;
  readonly epoch: number;
  readonly revision: number;
}

export interface TransactParts {
  readonly database: Database;
  readonly commitBatch: (batch: readonly Transition[]) => Statement;
  /** Where the instance stands once no transaction holds its row. */
  readonly settle: (transition: Transition) => Promise<Fence | undefined>;
}

export interface Outcome {
  readonly held: boolean;
  readonly now: number;
}

/** Rolls the transaction back from inside. */
class RefusedByFence extends Error {
  readonly now: number;
  constructor(now: number) {
    super("refused by the fence");
    this.now = now;
  }
}

/** The step's own queries and its transition in one transaction: both hold or neither. */
export async function transact(
  parts: TransactParts,
  work: (tx: TransactionSession) => Promise<Transition>,
): Promise<Outcome> {
  let sent: { readonly transition: Transition; readonly now: number } | undefined;
  try {
    return await parts.database.transaction(async (session) => {
      const { transition, now } = await workAndCommit(parts, session, work);
      sent = { transition, now };
      return { held: true, now };
    });
  } catch (error) {
    if (error instanceof RefusedByFence) return { held: false, now: error.now };
    if (sent === undefined || !isUnknown(error)) throw error;
    return afterLostCommit(parts, sent.transition, sent.now, error);
  }
}

async function workAndCommit(
  parts: TransactParts,
  session: Session,
  work: (tx: TransactionSession) => Promise<Transition>,
): Promise<{ readonly transition: Transition; readonly now: number }> {
  const step = new StepSession(session);
  let transition: Transition;
  try {
    transition = await work(step);
  } finally {
    await step.close();
  }
  const [answer] = await commitInside(parts, session, step, transition);
  if (answer === undefined || answer.refused.length > 0) throw new RefusedByFence(answer?.now ?? 0);
  return { transition, now: answer.now };
}

/** A step that swallowed the error of a query has broken its transaction, and nothing of it can hold: that is the step's failure. */
async function commitInside(
  parts: TransactParts,
  session: Session,
  step: StepSession,
  transition: Transition,
): Promise<readonly CommitAnswer[]> {
  try {
    return await session.query<CommitAnswer>(parts.commitBatch([transition]));
  } catch (error) {
    if (sqlStateOf(error) !== "25P02") throw error;
    const first = step.firstFailure;
    const errorClass = first instanceof WorkflowError ? first.errorClass : "permanent";
    const said = first instanceof Error ? `: ${first.message}` : ".";
    throw new PersistenceError(
      `A query of this step failed and its error was swallowed, so the whole transaction was rolled back${said}`,
      errorClass,
      { cause: first ?? error, sqlState: "25P02" },
    );
  }
}

const isUnknown = (error: unknown): boolean => error instanceof WorkflowError && error.shouldRetry();

/**
 * The answer to COMMIT was lost. Once the row's lock is free, the transaction is over for certain: my epoch and the next revision
 * say that it held; the old revision that it did not, and the step may run again; anything else, that another node acts here now. While
 * the database cannot be asked, nothing may go on from what is in memory: the instance is lost here, and claimed with what holds there.
 */
async function afterLostCommit(
  parts: TransactParts,
  transition: Transition,
  now: number,
  lost: unknown,
): Promise<Outcome> {
  let fence: Fence | undefined;
  try {
    fence = await parts.settle(transition);
  } catch (error) {
    if (isUnknown(error)) return { held: false, now };
    throw error;
  }
  if (fence?.epoch === transition.epoch && fence.revision === transition.revision + 1) return { held: true, now };
  if (fence?.epoch === transition.epoch && fence.revision === transition.revision && fence.owner === transition.owner)
    throw lost;
  return { held: false, now };
}
