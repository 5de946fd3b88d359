import type { Environment } from "../models/environment.ts";
import { PersistenceError } from "../models/errors-storage.ts";
import { WorkflowError } from "../models/errors.ts";

/** How long to go on after errors that pass. */
export interface Patience {
  readonly env: Environment;
  readonly what: string;
  /** Milliseconds until the error is handed to the caller; default: for ever. */
  readonly giveUpMs?: number;
  /** Ends the waiting: the host stops, or has lost its node. */
  readonly signal?: AbortSignal;
}

const longestPauseMs = 1_000;

/** Waits after so many failures, with growing, jittered pauses; now and then it is told. */
export async function pause(patience: Patience, attempt: number, error: unknown): Promise<void> {
  const { env, what, signal } = patience;
  if (attempt % 10 === 1) env.logger.warn(`${what} failed; trying again`, { attempt, error: String(error) });
  await env.sleep(Math.min(longestPauseMs, 10 * 2 ** Math.min(attempt, 10)) * (0.5 + env.random() / 2), signal);
}

export const isPassing = (error: unknown): boolean => error instanceof WorkflowError && error.shouldRetry();

/** A row was not free in time: somebody else's transaction holds it. Nothing was stored. */
export const isLocked = (error: unknown): boolean => error instanceof PersistenceError && error.sqlState === "55P03";

/** The database looked at what it was given, and wants none of it: nothing was stored. */
export const isRefusal = (error: unknown): boolean => error instanceof WorkflowError && error.errorClass === "invalid";

/** Repeats a call that may be repeated until it answers, with growing, jittered pauses. `attempt` counts from 1. */
export async function persistently<R>(patience: Patience, call: (attempt: number) => Promise<R>): Promise<R> {
  const { env, giveUpMs = Infinity, signal } = patience;
  const began = env.monotonic();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call(attempt);
    } catch (error) {
      if (!isPassing(error) || signal?.aborted || env.monotonic() - began > giveUpMs) throw error;
      await pause(patience, attempt, error);
    }
  }
}
