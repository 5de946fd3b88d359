import { InvalidInstantError } from "./errors-values.ts";

/** The last millisecond of the year 9999: later years are written otherwise, in ISO 8601 and by the database. */
export const latestInstantMs: number = Date.UTC(10_000, 0, 1) - 1;

/** The first millisecond of the year 1. */
const earliestInstantMs = -62_135_596_800_000;

/**
 * An instant in milliseconds since the epoch. `what` names it in the error. Throws `InvalidInstantError` if it is no valid Date of the
 * years 1 to 9999.
 */
export function toInstantMs(instant: unknown, what: string): number {
  if (!(instant instanceof Date)) throw new InvalidInstantError(what, instant, "is no Date");
  const ms = instant.getTime();
  if (Number.isNaN(ms)) throw new InvalidInstantError(what, instant, "is no valid Date");
  if (ms < earliestInstantMs || ms > latestInstantMs) {
    throw new InvalidInstantError(what, instant, "is not in the years 1 to 9999");
  }
  return ms;
}
