import type { Environment } from "../models/environment.ts";
import { PersistenceError } from "../models/errors-storage.ts";
import { WorkflowError } from "../models/errors.ts";

const attempts = 5;
const firstWaitMs = 20;
const longestMs = 30_000;

/** Which failures are tried again. `any`: whatever may pass. `rolled-back`: only those of which it is certain that nothing was done. */
export type Repeatable = "any" | "rolled-back";

/** The one retry loop: a bounded number of attempts, waits that grow and are jittered, and no attempt after 30 seconds. */
export async function retrying<T>(env: Environment, act: () => Promise<T>, repeatable: Repeatable = "any"): Promise<T> {
  const began = env.monotonic();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act();
    } catch (error) {
      if (attempt === attempts || !mayRepeat(error, repeatable) || env.monotonic() - began > longestMs) throw error;
      await env.sleep(firstWaitMs * 3 ** (attempt - 1) * (0.5 + env.random()));
    }
  }
}

function mayRepeat(error: unknown, repeatable: Repeatable): boolean {
  if (!(error instanceof WorkflowError) || !error.shouldRetry()) return false;
  return repeatable === "any" || (error instanceof PersistenceError && error.errorClass === "conflict");
}
