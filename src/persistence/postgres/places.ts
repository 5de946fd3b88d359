/** Rooms for so many at a time. The others wait in order of their arrival, however long. */
export class Places {
  private readonly count: () => number;
  private readonly waiting: Set<() => void>;
  private taken: number;

  constructor(count: () => number) {
    this.count = count;
    this.waiting = new Set();
    this.taken = 0;
  }

  /** Does `work` once there is a place. Throws the signal's reason if it aborts before. */
  async take<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.taken < this.count()) this.taken += 1;
    else await this.placeGiven(signal);
    try {
      return await work();
    } finally {
      this.give();
    }
  }

  private placeGiven(signal: AbortSignal | undefined): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const enter = (): void => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        this.waiting.delete(enter);
        reject(signal?.reason as Error);
      };
      this.waiting.add(enter);
      signal?.addEventListener("abort", leave);
    });
  }

  /** The place goes to the next one, or is free. */
  private give(): void {
    const [next] = this.waiting;
    if (next === undefined) {
      this.taken -= 1;
      return;
    }
    this.waiting.delete(next);
    next();
  }
}
