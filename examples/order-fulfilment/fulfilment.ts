import {
  type Run,
  WorkflowError,
  WorkflowFailedError,
  type WorkflowHost,
  WorkflowTerminatedError,
} from "workflow-core";
import type { Outcome } from "./audit-rules.ts";
import type { Order } from "./orders.ts";
import { type Payment, publishPayments } from "./payments.ts";
import type { Progress } from "./progress.ts";
import type { Tally } from "./tally.ts";
import { fulfilOrder, paymentSeconds } from "./workflow.ts";

export interface Job {
  readonly orders: readonly Order[];
  readonly payments: readonly Payment[];
  /** Milliseconds since the first start of this orders file. */
  readonly elapsedMs: number;
  readonly tally: Tally;
  readonly progress: Progress;
}

interface OrderRun {
  readonly orderId: string;
  readonly run: Run<{ readonly outcome: Outcome }>;
}

/**
 * Starts a run for each order, plays the bank, and waits until all runs have ended, wherever they went on. It may be done again
 * after a crash, and by several processes at once: a start under a key and a publish under an idempotency key happen once.
 */
export async function fulfil(host: WorkflowHost, job: Job): Promise<void> {
  const runs = await startRuns(host, job);
  job.tally.started();
  // An event reaches the runs that were there before it, so payments follow the starts, and only those of started orders.
  const started = new Set(runs.map(({ orderId }) => orderId));
  const payments = job.payments.filter(({ orderId }) => started.has(orderId));
  const bank = new AbortController();
  const quiet = setInterval(() => tellOfQuiet(job, runs.length), 1_000);
  try {
    await Promise.all([
      awaitRuns(runs, job).finally(() => bank.abort()),
      publishPayments(host, payments, { elapsedMs: job.elapsedMs, signal: bank.signal }),
    ]);
  } finally {
    bank.abort();
    clearInterval(quiet);
  }
}

const startsAtOnce = 1_000;

async function startRuns(host: WorkflowHost, { orders, tally }: Job): Promise<readonly OrderRun[]> {
  const runs: OrderRun[] = [];
  for (let at = 0; at < orders.length; at += startsAtOnce) {
    const part = orders.slice(at, at + startsAtOnce);
    const starts = part.map((order) => ({ data: order, key: order.id, reference: order.id }));
    const outcomes = await host.startWorkflows(fulfilOrder, starts);
    outcomes.forEach((outcome, index) => {
      const orderId = part[index]?.id ?? "";
      if (outcome.status === "started") runs.push({ orderId, run: outcome.run });
      else tally.refusals.push({ id: orderId, reason: reasonOf(outcome.error) });
    });
  }
  return runs;
}

/** One order may be refused, for instance because its id was used for another order before. Trouble with the store is another matter. */
function reasonOf(error: unknown): string {
  if (error instanceof WorkflowError && error.errorClass === "invalid") return error.message;
  throw error;
}

async function awaitRuns(runs: readonly OrderRun[], { tally, progress }: Job): Promise<void> {
  await Promise.all(
    runs.map(async ({ orderId, run }) => {
      tally.finished(orderId, await outcomeOf(run));
      progress.show(tally.outcomes.size);
    }),
  );
}

async function outcomeOf(run: OrderRun["run"]): Promise<Outcome> {
  try {
    return (await run.result()).outcome;
  } catch (error) {
    if (error instanceof WorkflowFailedError) return "failed";
    if (error instanceof WorkflowTerminatedError) return "terminated";
    throw error;
  }
}

const quietSeconds = paymentSeconds + 2;

/** The end of a run may be long in coming when another process holds it, or held it when it was killed. */
function tellOfQuiet({ tally, progress }: Job, total: number): void {
  if (Math.floor(tally.quietSeconds) !== quietSeconds) return;
  progress.say(
    `No order has ended for ${quietSeconds} seconds; ${total - tally.outcomes.size} are left, perhaps held by another process. ` +
      `If that was killed, they are taken over when its heartbeat has run out.`,
  );
}
