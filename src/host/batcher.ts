import type { Lanes } from "./lanes.ts";

/** What a batcher hands over: a batch and the lane that it goes on; answers in its order. */
export type Flush<T, R> = (batch: readonly T[], lane: number) => Promise<readonly R[]>;

/** How much goes into one batch: so many items, or so many characters of payload, but always one item. */
export interface BatchLimits<T> {
  readonly items: number;
  readonly weight: number;
  readonly weigh: (item: T) => number;
}

interface Pending<T, R> {
  readonly item: T;
  readonly resolve: (answer: R) => void;
  readonly reject: (error: unknown) => void;
}

/** From so many items on a batch is shared out over two free lanes. Fewer cost more in two statements than they gain. */
const sharedFrom = 96;

/**
 * Group commit: while the lanes are busy, items gather; then all go in one batch. There is no timer and no window, so a lone item
 * goes at once.
 */
export class Batcher<T, R> {
  private readonly lanes: Lanes;
  private readonly limits: BatchLimits<T>;
  private readonly flush: Flush<T, R>;
  private waiting: Pending<T, R>[] = [];
  private hasAsked = false;

  constructor(lanes: Lanes, limits: BatchLimits<T>, flush: Flush<T, R>) {
    this.lanes = lanes;
    this.limits = limits;
    this.flush = flush;
  }

  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      this.ask();
    });
  }

  private ask(): void {
    if (this.hasAsked || this.waiting.length === 0) return;
    this.hasAsked = true;
    this.lanes.ask((lane) => this.send(lane));
  }

  private async send(lane: number): Promise<void> {
    this.hasAsked = false;
    const batch = this.take();
    this.ask(); // for what is beyond the limit of one batch
    try {
      const answers = await this.flush(
        batch.map(({ item }) => item),
        lane,
      );
      batch.forEach(({ resolve, reject }, n) => settle(answers[n], resolve, reject));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  /** Half of what waits, if there is a lane for the other half: so this process works on one while the database works on the other. */
  private mostItems(): number {
    const { items } = this.limits;
    const isShared = this.waiting.length >= sharedFrom && this.lanes.hasOther;
    return isShared ? Math.min(items, Math.ceil(this.waiting.length / 2)) : items;
  }

  private take(): Pending<T, R>[] {
    const { weight, weigh } = this.limits;
    const items = this.mostItems();
    let total = 0;
    let count = 0;
    for (const { item } of this.waiting) {
      total += weigh(item);
      if (count >= items || (count > 0 && total > weight)) return this.waiting.splice(0, count);
      count += 1;
    }
    const batch = this.waiting;
    this.waiting = [];
    return batch;
  }
}

/** One item's error among the answers of a batch that was committed without it. */
export class Refusal {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

function settle<R>(answer: R | undefined, resolve: (answer: R) => void, reject: (error: unknown) => void): void {
  if (answer instanceof Refusal) reject(answer.error);
  else resolve(answer as R);
}
