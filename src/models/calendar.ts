import { InvalidRequestError } from "./errors.ts";

/** Answers the name of a time zone as it was given. Throws `InvalidRequestError` for what is no IANA name ("Europe/Berlin", "UTC"). */
export function checkTimeZone(timeZone: string, what: string): string {
  // Offsets are refused: their sign means one thing in ISO 8601 and the opposite in POSIX.
  if (typeof timeZone === "string" && /^[a-z]/i.test(timeZone)) {
    try {
      new Intl.DateTimeFormat("en", { timeZone });
      return timeZone;
    } catch {
      // not known
    }
  }
  throw new InvalidRequestError(what, `must be the IANA name of a time zone, as "Europe/Berlin" or "UTC"`);
}

const longestDayMs = 26 * 3_600_000;

/**
 * The first instant of the day that `now` falls on in a time zone, milliseconds since the epoch. Found by the dates themselves, so
 * it holds also where a day begins at one o'clock, or has 23 or 25 hours.
 */
export function startOfDay(now: number, timeZone: string): number {
  const format = new Intl.DateTimeFormat("en", { timeZone, year: "numeric", month: "numeric", day: "numeric" });
  const dateOf = (second: number): string => format.format(second * 1000);
  let inside = Math.floor(now / 1000);
  const today = dateOf(inside);
  let outside = inside - longestDayMs / 1000;
  while (inside - outside > 1) {
    const middle = Math.floor((inside + outside) / 2);
    if (dateOf(middle) === today) inside = middle;
    else outside = middle;
  }
  return inside * 1000;
}
