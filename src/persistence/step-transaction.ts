import { AsyncLocalStorage } from "node:async_hooks";

interface StepTransaction {
  /** Whose transaction it is. */
  readonly store: object;
  isOver: boolean;
}

/** Set while a transactional step runs: calls from there that want another session would wait for its transaction, and it for them. */
const current = new AsyncLocalStorage<StepTransaction>();

/** Runs what a step does in a transaction of this store. */
export async function asStepOf<T>(store: object, work: () => Promise<T>): Promise<T> {
  const step: StepTransaction = { store, isOver: false };
  try {
    return await current.run(step, work);
  } finally {
    step.isOver = true; // what the step left behind waits for nothing of it any more
  }
}

/** Whether this code runs in the open transaction of a step; of any store, if none is named. */
export function isInsideStep(store?: object): boolean {
  const step = current.getStore();
  return step !== undefined && !step.isOver && (store === undefined || step.store === store);
}
