import type { Environment } from "../models/environment.ts";
import { WorkflowError } from "../models/errors.ts";
import { PersistenceError } from "../models/errors-storage.ts";
import type { Lanes } from "./lanes.ts";
import { isPassing, pauseMs } from "./persist.ts";

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
  answeredAt = -Infinity;
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
        const parts = left.length > 1 ? partsAfter(error, left) : [];
        if (parts.length > 0) return await this.sendAll(parts, lane);
        await this.pause(left, error);
        if (left.length === 1 && isHeldUp(error)) return left;
      }
    }
    return [];
  }

  private async sendAll(parts: readonly (readonly Parcel<T, R>[])[], lane: number): Promise<readonly Parcel<T, R>[]> {
    const apart: Parcel<T, R>[] = [];
    for (const part of parts) {
      const { failure } = this.lanes;
      const isOver = this.sending.signal.aborted && failure !== undefined; // else each would wait as long once more
      apart.push(...(isOver ? this.refuse(part, failure) : await this.sendPart(part, lane)));
    }
    return apart;
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
    if (isRefusal(error) && part.length > 1) return part; // the others are not to blame
    const before = passes && !signal.aborted ? env.monotonic() - giveUpMs : Infinity;
    if (passes) this.lanes.failure = error;
    return part.filter((parcel) => {
      parcel.attempts += 1;
      if (passes) parcel.failure = error;
      if (parcel.since < before) parcel.reject(error);
      return parcel.since >= before;
    });
  }

  private async pause([first]: readonly Parcel<T, R>[], error: unknown): Promise<void> {
    if (first === undefined) return;
    const { env, what, signal } = this.sending;
    const { attempts: attempt } = first;
    if (attempt % 10 === 1) env.logger.warn(`${what} failed; trying again`, { attempt, error: String(error) });
    await env.sleep(pauseMs(env, attempt), signal);
  }
}

/** A value in it is refused by the database, always. */
const isRefusal = (error: unknown): boolean => error instanceof WorkflowError && error.errorClass === "invalid";

const lockNotAvailable = "55P03";
const queryCanceled = "57014";

/** It waited for a lock, or took too long. Alone it says so of nobody else. */
const isHeldUp = (error: unknown): boolean =>
  error instanceof PersistenceError && (error.sqlState === lockNotAvailable || error.sqlState === queryCanceled);

/** In which parts to send what failed as a whole; none: as it is. Without a code there was no answer, perhaps for its length. */
function partsAfter<P>(error: unknown, batch: readonly P[]): readonly (readonly P[])[] {
  const state = error instanceof PersistenceError ? error.sqlState : "";
  if (state === lockNotAvailable) return batch.map((one) => [one]); // each may cost the whole wait for its lock
  if (!isRefusal(error) && state !== undefined && state !== queryCanceled) return [];
  const middle = batch.length >> 1;
  return [batch.slice(0, middle), batch.slice(middle)];
}
