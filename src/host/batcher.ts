import type { Environment } from "../models/environment.ts";

/** What a batcher hands over: a batch, and answers in its order. */
export type Flush<T, R> = (batch: readonly T[]) => Promise<readonly R[]>;

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

/**
 * Group commit: while one batch is in flight, others gather; then all go in the next. There is no timer and no window, so a lone
 * item goes at once. Between two batches the event loop gets its turn.
 */
export class Batcher<T, R> {
  private readonly env: Environment;
  private readonly limits: BatchLimits<T>;
  private readonly flush: Flush<T, R>;
  private waiting: Pending<T, R>[] = [];
  private isPumping = false;
  private readonly idle: (() => void)[] = [];

  constructor(env: Environment, limits: BatchLimits<T>, flush: Flush<T, R>) {
    this.env = env;
    this.limits = limits;
    this.flush = flush;
  }

  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (this.isPumping) return;
      this.isPumping = true;
      this.env.soon(() => this.pump());
    });
  }

  /** Resolves once nothing waits and nothing is in flight. */
  drained(): Promise<void> {
    return this.isPumping ? new Promise((resolve) => this.idle.push(resolve)) : Promise.resolve();
  }

  private pump(): void {
    const batch = this.take();
    this.flush(batch.map(({ item }) => item))
      .then(
        (answers) => batch.forEach(({ resolve, reject }, n) => settle(answers[n], resolve, reject)),
        (error: unknown) => batch.forEach(({ reject }) => reject(error)),
      )
      .finally(() => this.env.soon(() => this.next()));
  }

  private take(): Pending<T, R>[] {
    const { items, weight, weigh } = this.limits;
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

  private next(): void {
    if (this.waiting.length > 0) return this.pump();
    this.isPumping = false;
    for (const resolve of this.idle.splice(0)) resolve();
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
