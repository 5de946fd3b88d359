import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toMs } from "../../src/models/duration.ts";
import { maxDelayMs } from "../../src/models/limits.ts";

test("a duration is milliseconds, or a number and a unit", () => {
  const table: [unknown, number][] = [
    [0, 0],
    [-0, 0],
    [1500, 1500],
    [0.2, 1],
    ["0 ms", 0],
    ["1 ms", 1],
    ["1 second", 1000],
    ["2 seconds", 2000],
    ["1 minute", 60_000],
    ["1.1 minutes", 66_000],
    ["1 hour", 3_600_000],
    ["1.5 hours", 5_400_000],
    ["25 days", 2_160_000_000],
    ["1e2 ms", 100],
    ["0.0005 seconds", 1],
    [1.0001, 2],
    [maxDelayMs, maxDelayMs],
  ];
  for (const [duration, ms] of table) assert.ok(Object.is(toMs(duration, "timeout"), ms), `${String(duration)}`);
});

test("what is no duration is refused by name, at once and for good", () => {
  const refused: [unknown, RegExp][] = [
    [Number.NaN, /not a number/],
    [-1, /negative/],
    ["-1 second", /negative/],
    [Number.POSITIVE_INFINITY, /longer than 100 years/],
    [1e18, /longer than 100 years/],
    ["1e300 days", /longer than 100 years/],
    ["1e999 days", /longer than 100 years/],
    [maxDelayMs + 1, /longer than 100 years/],
    ["2 dayz", /unknown unit/],
    ["2 constructor", /unknown unit/],
    ["2days", /not written/],
    ["2  days", /not written/],
    [" 2 days", /not written/],
    ["2 days\n", /not written/],
    ["NaN days", /not written/],
    ["0x10 ms", /not written/],
    ["", /not written/],
    [`${"9".repeat(1e6)} ms`, /not written/],
    [null, /no duration/],
    [undefined, /no duration/],
    [{}, /no duration/],
    [5n, /no duration/],
  ];
  for (const [duration, problem] of refused) {
    assert.throws(() => toMs(duration, "timeout"), { code: "INVALID_DURATION", what: "timeout", message: problem });
  }
});

test("an instant that lies the longest delay ahead is still written with a year of four digits", () => {
  assert.match(new Date(Date.UTC(2200, 0, 1) + maxDelayMs).toISOString(), /^\d{4}-/);
});

test("every answer is a whole number of milliseconds, not below the duration by more than noise", () => {
  const units = { ms: 1, seconds: 1000, minutes: 60_000, hours: 3_600_000, days: 86_400_000 };
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 30_000, noNaN: true }),
      fc.constantFrom(...Object.keys(units)),
      (count, unit) => {
        const ms = toMs(`${count.toFixed(6)} ${unit}`, "x");
        const exact = Number(count.toFixed(6)) * units[unit as keyof typeof units];
        assert.ok(Number.isInteger(ms) && ms >= exact - 1e-3 && ms < exact + 1, `${count} ${unit} → ${ms}`);
      },
    ),
  );
});
