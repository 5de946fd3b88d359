import { randomBytes, randomUUID } from "node:crypto";
import { types } from "node:util";
import type { Tracing } from "./tracer.ts";

/** Where the engine writes what a person may want to read. */
export interface Logger {
  /** What only somebody who looks for a fault wants to know. */
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** What a host does, now and then. */
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** What is being repaired, or repeated: the database is away, a node has died. */
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** What somebody should look at. */
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** A timer that can be called off. */
export interface Timer {
  /** Calls it off; harmless when it has fired. */
  cancel(): void;
}

/** All that is impure, so that tests and the simulator can decide it. Nothing else in the engine reads a clock or a dice. */
export interface Environment {
  /** Wall clock, milliseconds since the epoch. For information only: no decision may rest on it. */
  now(): number;
  /** A clock that never steps back, in milliseconds; only differences mean something. */
  monotonic(): number;
  /** Waits. Resolves early, without throwing, when the signal aborts. Any length is allowed, also beyond 2^31 ms. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `fn` once, after `ms`. */
  later(ms: number, fn: () => void): Timer;
  /** Calls `fn` after what is pending in the event loop (`setImmediate`). */
  soon(fn: () => void): void;
  /** A number from 0 (included) to 1 (excluded). */
  random(): number;
  /** Bytes that nobody can foresee. */
  randomBytes(count: number): Uint8Array;
  /** A random UUID (version 4), lower case. */
  uuid(): string;
  readonly logger: Logger;
  /** Undefined: nobody wants spans, and none are made. */
  readonly tracing?: Tracing | undefined;
}

/** Writes nothing. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Writes to the console, one line an entry. */
export const consoleLogger: Logger = {
  debug: (message, fields) => console.debug(line("debug", message, fields)),
  info: (message, fields) => console.info(line("info", message, fields)),
  warn: (message, fields) => console.warn(line("warn", message, fields)),
  error: (message, fields) => console.error(line("error", message, fields)),
};

/** The same logger, except that its own failures are nobody's: what it cannot write is lost, and the engine goes on. */
export function harmless(logger: Logger): Logger {
  const guarded =
    (level: keyof Logger): Logger["info"] =>
    (message, fields) => {
      try {
        const answer: unknown = logger[level](message, fields); // an async function passes for one that answers nothing
        if (types.isPromise(answer)) answer.catch(() => undefined);
      } catch {
        // There is nowhere else to tell it.
      }
    };
  return { debug: guarded("debug"), info: guarded("info"), warn: guarded("warn"), error: guarded("error") };
}

/** The real clocks, timers and randomness of this process, with the parts given in their place. The logger is silent. */
export function systemEnvironment(overrides: Partial<Environment> = {}): Environment {
  const system: Environment = {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep,
    later,
    soon: (fn) => void setImmediate(fn),
    random: () => Math.random(),
    randomBytes: (count) => randomBytes(count),
    uuid: () => randomUUID(),
    logger: silentLogger,
  };
  return { ...system, ...overrides };
}

/** setTimeout fires at once for anything longer, so a long wait is cut into pieces of this many milliseconds. */
const longestTimerMs = 2 ** 31 - 1;

function later(ms: number, fn: () => void): Timer {
  const until = performance.now() + ms;
  let timer = setTimeout(tick, pieceMs(ms));
  function tick(): void {
    const left = until - performance.now();
    if (left > 0)
      timer = setTimeout(tick, pieceMs(left)); // setTimeout may be a millisecond early; this never is
    else fn(); // also for NaN
  }
  return { cancel: () => clearTimeout(timer) };
}

const pieceMs = (ms: number): number => Math.min(Math.max(Math.ceil(ms), 0), longestTimerMs);

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const timer = later(ms, done);
    function done(): void {
      timer.cancel();
      signal?.removeEventListener("abort", done); // else a long-lived signal gathers listeners
      resolve();
    }
    signal?.addEventListener("abort", done, { once: true });
  });
}

function nothing(): void {}

function line(level: string, message: string, fields?: Readonly<Record<string, unknown>>): string {
  if (fields === undefined) return `${level} ${message}`;
  try {
    return `${level} ${message} ${JSON.stringify(fields)}`;
  } catch {
    return `${level} ${message} (its fields cannot be printed)`;
  }
}
