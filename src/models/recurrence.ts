import { Cron } from "croner";
import { type Duration, toMs } from "./duration.ts";
import { InvalidRecurrenceError } from "./errors-values.ts";
import { latestInstantMs } from "./instant.ts";
import { utf8Bytes } from "./text.ts";

/** When something ticks: at the times of a cron expression, or every so often. */
export type Ticking =
  | {
      /** Five fields (minute, hour, day of the month, month, day of the week), or six with seconds in front: `"0 9 * * MON-FRI"`. */
      readonly cron: string;
      /** Whose clock the fields mean, as an IANA name: `"Europe/Berlin"`. Default: `"UTC"`, on every node. */
      readonly timeZone?: string;
      readonly every?: never;
    }
  | {
      /** From one tick to the next, at least a second; the first comes so long after the beginning (a schedule's creation, the entry of
       *  `recur`). */
      readonly every: Duration;
      readonly cron?: never;
      readonly timeZone?: never;
    };

/**
 * When something happens again and again: at the ticks of a cron expression in a time zone, or every so many milliseconds. Its ticks
 * depend on nothing but itself; every node computes the same.
 */
export type Recurrence = CronRecurrence | { readonly everyMs: number; readonly anchorMs: number };

interface CronRecurrence {
  readonly cron: string;
  readonly timeZone: string;
}

const maxCronBytes = 200;
const second = 1_000;

/**
 * A cron expression of five fields, or six with seconds in front, in an IANA time zone (default: UTC). Throws `InvalidRecurrenceError` if
 * it cannot be read, and for a zone that this process does not know.
 */
export function cronOf(cron: unknown, timeZone: unknown = "UTC"): Recurrence {
  if (typeof cron !== "string" || utf8Bytes(cron) > maxCronBytes || /[?:]/.test(cron)) {
    // `?` would mean the moment at which it is read, and a colon an instant: neither recurs.
    throw new InvalidRecurrenceError("cron", cron, `is no cron expression, as in "0 9 * * MON-FRI"`);
  }
  if (typeof timeZone !== "string" || !isTimeZone(timeZone)) {
    throw new InvalidRecurrenceError("timeZone", timeZone, `is no time zone, as in "Europe/Berlin"`);
  }
  const recurrence = { cron: cron.trim().replaceAll(/\s+/g, " "), timeZone };
  const parts = recurrence.cron.split(" ").length;
  if (parts !== 5 && parts !== 6 && !recurrence.cron.startsWith("@"))
    throw new InvalidRecurrenceError(
      "cron",
      cron,
      "is no cron expression: it has five parts, or six with seconds in front",
    );
  try {
    ticker(recurrence);
  } catch (thrown) {
    const { message } = thrown as Error;
    throw new InvalidRecurrenceError("cron", cron, `is no cron expression: ${message.replace(/^CronPattern: /, "")}`, {
      cause: thrown,
    });
  }
  return recurrence;
}

/** Every so often, counted from an anchor. Throws `InvalidRecurrenceError` for less than a second. */
export function everyOf(every: unknown, anchorMs: number): Recurrence {
  const everyMs = toMs(every, "every");
  if (everyMs < second) throw new InvalidRecurrenceError("every", every, "is less than a second");
  return { everyMs, anchorMs };
}

/** The first tick behind an instant; null if there is none to come. */
export function nextTick(recurrence: Recurrence, afterMs: number): number | null {
  if ("cron" in recurrence) return ticker(recurrence)(afterMs);
  const { everyMs, anchorMs } = recurrence;
  const next = anchorMs + (Math.floor((afterMs - anchorMs) / everyMs) + 1) * everyMs;
  return next > latestInstantMs ? null : next;
}

/** The last tick that is not behind `now`. `tick` is one that is not. */
export function latestTick(recurrence: Recurrence, tick: number, now: number): number {
  if (!("cron" in recurrence)) {
    const { everyMs } = recurrence;
    return tick + Math.floor((now - tick) / everyMs) * everyMs;
  }
  const next = ticker(recurrence);
  let latest = tick;
  let [low, high] = [tick, now];
  // The next tick never falls as its instant rises: halved, a year of seconds takes some forty steps.
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const found = next(middle);
    if (found === null || found > now) high = middle;
    else {
      latest = found;
      low = found;
    }
    if (high - low <= 1) break;
  }
  return latest;
}

/** A time that occurs once a day is kept once a day: lists and ranges count as such, wildcards and steps do not. */
const rules = { paused: true, mode: "5-or-6-parts", fixedTimeRule: "no-wildcard" } as const;

function ticker({ cron, timeZone }: CronRecurrence): (afterMs: number) => number | null {
  const pattern = new Cron(cron, { ...rules, timezone: timeZone });
  return (afterMs) => {
    // In whole seconds: behind 11:59:59.999 the next one is 12:00:00.
    const next = pattern.nextRun(new Date(Math.floor(afterMs / second) * second))?.getTime() ?? null;
    return next === null || next > latestInstantMs ? null : next;
  };
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
