import type { ErrorBehavior } from "../models/definition.ts";
import type { Ticking } from "../models/recurrence.ts";
import type { Overlap } from "../models/schedule.ts";
import type { AnyBlock } from "./block.ts";
import type { As, Common, KeepingLaps, Mapping } from "./options.ts";

/** Options of `within`; `F` is the flow of its late branch. */
export interface WithinOptions<K, N extends string, F, B extends AnyBlock> extends Common, As<K, N> {
  /** What runs in the block's place when its time is over. Default: that is a failure with code SCOPE_TIMEOUT. */
  readonly onTimeout?: (late: F) => B;
  /** What happens when its time is over and there is no `onTimeout`. Default: `"compensate"`. */
  readonly onError?: Exclude<ErrorBehavior, "suspend" | "continue">;
}

/** Options of `schedule`. */
export interface LaterOptions extends Common {
  /** What becomes of it when all else in its block is done: the block waits for it (`"wait"`, default), or what is not done by then
   *  is cancelled. */
  readonly atEnd?: "wait" | "cancel";
}

/** When `recur` runs its block, and how often. */
export type RecurOptions<D, K> = Common &
  KeepingLaps & {
    /** What becomes of a tick while a lap is under way. `skip` (default): nothing. `queue`: its lap begins when that one is done. `allow`: laps
     *  run side by side, up to 32. */
    readonly overlap?: Overlap;
    /** How many laps there are: a whole number from 1. Default: any number. */
    readonly times?: number;
    /** Asked after each lap; whether it was the last. `lap` is how many have begun. */
    readonly until?: Mapping<D, K, boolean>;
  } & Ticking;
