import type { Clock } from "./records.ts";

/** Runs one whole transition of the store: nothing comes between its beginning and its end, and it sees one time. */
export type Act = <T>(work: (now: number) => T) => Promise<T>;

/** Acts begin in a later microtask and answer in another one, so that callers cannot rely on a store that answers at once. */
export function actBy(clock: Clock): Act {
  return async (work) => {
    await Promise.resolve();
    const answer = work(clock());
    await Promise.resolve();
    return answer;
  };
}
