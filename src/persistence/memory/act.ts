import type { Clock } from "./records.ts";

/** Runs one whole transition of the store: nothing comes between its beginning and its end, and it sees one time. */
export type Act = <T>(work: (now: number) => T) => Promise<T>;

/** Acts begin in a later microtask and answer in another one, so that callers cannot rely on a store that answers at once. */
export function actBy(clock: Clock, gate: Gate = new Gate()): Act {
  return async (work) => {
    await Promise.resolve();
    while (gate.isHeld) await gate.opened();
    const answer = work(clock());
    await Promise.resolve();
    return answer;
  };
}

/** Whoever holds it has the store to itself: a transaction. */
export class Gate {
  #held: Promise<void> | undefined;

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  async opened(): Promise<void> {
    await this.#held;
  }

  async hold<T>(work: () => Promise<T>): Promise<T> {
    while (this.#held !== undefined) await this.#held;
    let open = (): void => undefined;
    this.#held = new Promise((resolve) => (open = resolve));
    try {
      return await work();
    } finally {
      this.#held = undefined;
      open();
    }
  }
}
