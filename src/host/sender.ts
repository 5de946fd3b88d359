import type { Environment } from "../models/environment.ts";
import { PersistenceError } from "../models/errors-storage.ts";
import type { Lanes } from "./lanes.ts";
import { isLocked, isPassing, isRefusal, pause } from "./persist.ts";

/** How a batcher sends. */
export interface Sending<T, R> {
  readonly env: Environment;
  readonly what: string;
  /** Carries out a batch as one act, and answers in its order. `again`: some of it was sent before, and the outcome is not known. */
  readonly act: (part: readonly T[], way: { readonly lane: number; readonly again: boolean }) => Promise<readonly R[]>;
  /** The order of locking. Default: that of coming. */
  readonly inOrder?: (a: T, b: T) => number;
  /** Milliseconds until the error is handed to the caller; default: for ever. */
  readonly giveUpMs?: number;
  /** Ends the waiting: the host stops, or has lost its node. */
  readonly signal: AbortSignal;
}

/** One item on its way. */
export interface Parcel<T, R> {
  readonly item: T;
  readonly resolve: (answer: R) => void;
  readonly reject: (error: unknown) => void;
  /** Since when it waits for the database, by the monotonic clock. */
  since: number;
  attempts: number;
  /** What the last sending met, if that may pass; of its outcome nothing may be known. */
  failure: unknown;
}

/** Sends batches, the very same again after errors that pass. What is too much for the database, or is refused by it, is divided. */
export class Sender<T, R> {
  /** When a batch was last answered, by the monotonic clock. */
  answeredAt: number = -Infinity;
  private readonly lanes: Lanes;
  private readonly sending: Sending<T, R>;

  constructor(lanes: Lanes, sending: Sending<T, R>) {
    this.lanes = lanes;
    this.sending = sending;
  }

  /** Resolves when every item has its answer, except for those that it answers: they hold others up, and should go apart. */
  send(batch: readonly Parcel<T, R>[], lane: number): Promise<readonly Parcel<T, R>[]> {
    const { inOrder } = this.sending;
    const isSorted = inOrder === undefined || batch.length === 1;
    return this.sendPart(isSorted ? batch : [...batch].sort((a, b) => inOrder(a.item, b.item)), lane);
  }

  private async sendPart(batch: readonly Parcel<T, R>[], lane: number): Promise<readonly Parcel<T, R>[]> {
    for (let left = batch; left.length > 0;) {
      try {
        await this.sendOnce(left, lane);
        return [];
      } catch (error) {
        left = this.refuse(left, error);
        if (left.length > 1 && isLocked(error)) return left; // each may cost the whole wait for its lock
        if (left.length > 1 && isTooMuch(error)) return await this.sendHalves(left, lane);
        if (left[0] !== undefined) await pause(this.sending, left[0].attempts, error);
        if (left.length === 1 && isHeldUp(error)) return left;
      }
    }
    return [];
  }

  private async sendHalves(batch: readonly Parcel<T, R>[], lane: number): Promise<readonly Parcel<T, R>[]> {
    const middle = batch.length >> 1;
    const left = await this.sendPart(batch.slice(0, middle), lane);
    const right = batch.slice(middle);
    const { failure } = this.lanes;
    // A host that stops does not wait as long once more for each part.
    if (this.sending.signal.aborted && failure !== undefined) return [...left, ...this.refuse(right, failure)];
    return [...left, ...(await this.sendPart(right, lane))];
  }

  private async sendOnce(part: readonly Parcel<T, R>[], lane: number): Promise<void> {
    const again = part.some(({ failure }) => failure !== undefined);
    const answers = await this.sending.act(
      part.map(({ item }) => item),
      { lane, again },
    );
    this.answeredAt = this.sending.env.monotonic();
    this.lanes.failure = undefined;
    part.forEach(({ resolve }, n) => resolve(answers[n] as R));
  }

  /** Rejects what is not to be sent again, and answers the rest. */
  private refuse(part: readonly Parcel<T, R>[], error: unknown): readonly Parcel<T, R>[] {
    const { env, giveUpMs = Infinity, signal } = this.sending;
    const passes = isPassing(error);
    if (part.length > 1 && isOfOne(error)) return part; // the others are not to blame
    const before = passes && !signal.aborted ? env.monotonic() - giveUpMs : Infinity;
    if (passes) this.lanes.failure = error;
    return part.filter((parcel) => {
      parcel.attempts += 1;
      if (passes) parcel.failure = error;
      if (parcel.since < before) parcel.reject(error);
      return parcel.since >= before;
    });
  }
}

const stateOf = (error: unknown): string | undefined => (error instanceof PersistenceError ? error.sqlState : "");

const isTooLong = (error: unknown): boolean => stateOf(error) === "57014";

const isUnanswered = (error: unknown): boolean => stateOf(error) === undefined;

/** Alone it goes on holding up the others, and says nothing of them. Without a code there was no answer: it may wait for a lock. */
const isHeldUp = (error: unknown): boolean => isLocked(error) || isTooLong(error) || isUnanswered(error);

/** A row that is damaged or refused by a trigger, say. What the server says of the whole statement (class 42) holds for each part of it. */
const isOfOne = (error: unknown): boolean =>
  isRefusal(error) ||
  (error instanceof PersistenceError && !isPassing(error) && error.sqlState?.startsWith("42") !== true);

/** Less of it may succeed. Without a code there was no answer, perhaps for its length. */
const isTooMuch = (error: unknown): boolean => isOfOne(error) || isTooLong(error) || isUnanswered(error);
