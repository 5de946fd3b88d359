import type { Timer } from "../models/environment.ts";
import { DatabaseUnreachableError, PersistenceError } from "../models/errors-storage.ts";
import type { Lanes } from "./lanes.ts";
import { type Parcel, Sender, type Sending } from "./sender.ts";

/** How much goes into one batch: so many items, or so many characters of payload, but always one item. */
export interface BatchLimits<T> {
  readonly items: number;
  readonly weight: number;
  readonly weigh: (item: T) => number;
}

/** From so many items on a batch is long: shared out over two free lanes. Fewer cost more in two statements than they gain. */
const longFrom = 96;

/**
 * Group commit: while the lanes are busy, items gather; then all go in one batch. There is no timer and no window, so a lone item
 * goes at once. An item that holds others up goes apart from then on.
 */
export class Batcher<T, R> {
  private readonly lanes: Lanes;
  private readonly aside: Lanes;
  private readonly limits: BatchLimits<T>;
  private readonly sending: Sending<T, R>;
  private readonly sender: Sender<T, R>;
  private waiting: Parcel<T, R>[] = [];
  private readonly apart: Parcel<T, R>[] = [];
  private hasAsked = false;
  private hasAskedAside = false;
  private patience: Timer | undefined;

  /** `aside`: where to send what goes apart. Default: on the same lanes, in turns with the others. */
  constructor(lanes: Lanes, limits: BatchLimits<T>, sending: Sending<T, R>, aside: Lanes = lanes) {
    this.lanes = lanes;
    this.aside = aside;
    this.limits = limits;
    this.sending = sending;
    this.sender = new Sender(lanes, sending);
  }

  /** Throws what the sending of the item threw, and `DatabaseUnreachableError` if it could not be sent in time. */
  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      const since = this.sending.env.monotonic();
      this.waiting.push({ item, resolve, reject, since, attempts: 0, failure: undefined });
      this.keepTime();
      this.ask();
      if (this.waiting.length === longFrom) this.lanes.grown();
    });
  }

  private ask(): void {
    if (this.hasAsked || this.waiting.length === 0) return;
    this.hasAsked = true;
    this.lanes.ask(
      (lane) => this.send(lane),
      () => this.waiting.length >= longFrom,
    );
  }

  private async send(lane: number): Promise<void> {
    this.hasAsked = false;
    const batch = this.take();
    this.ask(); // for what is beyond the limit of one batch
    await this.pass(batch, lane);
  }

  /** One at a time: what is held up never takes all lanes. */
  private askAside(): void {
    if (this.hasAskedAside || this.apart.length === 0) return;
    this.hasAskedAside = true;
    this.aside.ask((lane) => this.sendApart(lane));
  }

  private async sendApart(lane: number): Promise<void> {
    if (this.sending.signal.aborted) for (const { reject, failure } of this.apart.splice(0)) reject(failure);
    const next = this.apart.splice(0, 1);
    await this.pass(next, lane);
    this.hasAskedAside = false;
    this.askAside();
  }

  private async pass(batch: readonly Parcel<T, R>[], lane: number): Promise<void> {
    if (batch.length === 0) return;
    this.apart.push(...(await this.sender.send(batch, lane)));
    this.askAside();
  }

  private take(): readonly Parcel<T, R>[] {
    const batch = this.takeWaiting();
    if (this.waiting.length === 0) this.stopTime();
    // Until now it waited for others, which were answered.
    for (const parcel of batch) parcel.since = Math.max(parcel.since, this.sender.answeredAt);
    return batch;
  }

  private takeWaiting(): readonly Parcel<T, R>[] {
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

  /** Half of what waits, if there is a lane for the other half: so this process works on one while the database works on the other. */
  private mostItems(): number {
    const { items } = this.limits;
    const isShared = this.waiting.length >= longFrom && this.lanes.hasOther;
    return isShared ? Math.min(items, Math.ceil(this.waiting.length / 2)) : items;
  }

  /** One timer for all that wait: the first of them waits longest. */
  private keepTime(): void {
    const { giveUpMs, env } = this.sending;
    if (giveUpMs === undefined || this.patience !== undefined) return;
    const [first] = this.waiting;
    if (first === undefined) return;
    const waitedMs = env.monotonic() - Math.max(first.since, this.sender.answeredAt);
    this.patience = env.later(giveUpMs - waitedMs, () => {
      this.stopTime();
      this.refuseUnsent(giveUpMs);
      this.keepTime();
    });
  }

  private stopTime(): void {
    this.patience?.cancel();
    this.patience = undefined;
  }

  /** Nothing was sent, so nothing is in doubt. While others are answered, only the queue is long. */
  private refuseUnsent(giveUpMs: number): void {
    const before = this.sending.env.monotonic() - giveUpMs;
    if (this.sender.answeredAt > before) return;
    const inTime = this.waiting.findIndex(({ since }) => since > before);
    const late = this.waiting.splice(0, inTime < 0 ? this.waiting.length : inTime);
    for (const { reject } of late) reject(this.unsent(giveUpMs));
  }

  private unsent(giveUpMs: number): Error {
    const { failure: cause } = this.lanes;
    if (cause instanceof DatabaseUnreachableError) return new DatabaseUnreachableError(cause.address, { cause });
    const said = `${this.sending.what}: nothing was sent, since the database gave no answer for ${giveUpMs} ms.`;
    return new PersistenceError(said, "transient", { cause });
  }
}
