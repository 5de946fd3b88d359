import { InvalidDurationError } from "./errors-values.ts";
import { maxDelayMs } from "./limits.ts";

export type Unit = "ms" | "second" | "seconds" | "minute" | "minutes" | "hour" | "hours" | "day" | "days";

/** Milliseconds, or a number and a unit: `"1 second"`, `"1.5 hours"`, `"2 days"`. A day is 24 hours. */
export type Duration = number | `${number} ${Unit}`;

const unitMs: ReadonlyMap<string, number> = new Map<Unit, number>([
  ["ms", 1],
  ["second", 1000],
  ["seconds", 1000],
  ["minute", 60_000],
  ["minutes", 60_000],
  ["hour", 3_600_000],
  ["hours", 3_600_000],
  ["day", 86_400_000],
  ["days", 86_400_000],
]);

const written = /^(-?\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?) ([a-z]+)$/;

/**
 * The duration in whole milliseconds; a fraction is rounded up. `what` names the setting in the error.
 * Throws `InvalidDurationError` if it is no duration, negative, not finite, or above `maxDelayMs` (100 years).
 */
export function toMs(duration: unknown, what: string): number {
  const ms = typeof duration === "number" ? duration : parse(duration, what);
  if (Number.isNaN(ms)) throw new InvalidDurationError(what, duration, "is not a number");
  if (ms < 0) throw new InvalidDurationError(what, duration, "is negative");
  if (ms > maxDelayMs) throw new InvalidDurationError(what, duration, "is longer than 100 years");
  return roundUp(ms);
}

/** How long a run may take. Throws `InvalidDurationError` also for no time at all. */
export function toRunTimeoutMs(timeout: unknown): number {
  const ms = toMs(timeout, "timeout");
  if (ms === 0) throw new InvalidDurationError("timeout", timeout, "is no time, in which no run can end");
  return ms;
}

function parse(duration: unknown, what: string): number {
  if (typeof duration !== "string") throw new InvalidDurationError(what, duration, "is no duration");
  const parts = duration.length > 80 ? null : written.exec(duration);
  if (parts === null) throw new InvalidDurationError(what, duration, "is not written as a number, a space and a unit");
  const factor = unitMs.get(parts[2] ?? "");
  if (factor === undefined) throw new InvalidDurationError(what, duration, "has an unknown unit");
  return Number(parts[1]) * factor;
}

/** Up to a whole millisecond, but 66,000.00000000001 (which is 1.1 minutes in binary) is 66,000. */
function roundUp(ms: number): number {
  const nearest = Math.round(ms);
  const noise = 1e-9 + ms * 4 * Number.EPSILON;
  if (nearest > 0 && Math.abs(ms - nearest) <= noise) return nearest;
  return Math.ceil(ms) + 0; // + 0: never -0
}
