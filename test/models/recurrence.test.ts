import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cronOf, everyOf, latestTick, nextTick, type Recurrence } from "../../src/models/recurrence.ts";
import { tickOf, type ScheduleSpec } from "../../src/models/schedule.ts";

const ms = (iso: string): number => Date.parse(iso);

/** The ticks behind one instant, up to another. */
function ticks(recurrence: Recurrence, from: string, to: string): readonly string[] {
  const found: string[] = [];
  for (let tick = nextTick(recurrence, ms(from)); tick !== null && tick <= ms(to); tick = nextTick(recurrence, tick)) {
    found.push(new Date(tick).toISOString().replace(":00.000Z", "Z"));
  }
  return found;
}

describe("the hour that is skipped in spring", () => {
  const day = ["2026-03-28T23:00Z", "2026-03-29T22:00Z"] as const; // the 29th in Berlin: 01:59:59 is followed by 03:00

  test("a time of day in it comes when it is over, once", () => {
    assert.deepEqual(ticks(cronOf("30 2 * * *", "Europe/Berlin"), ...day), ["2026-03-29T01:00Z"]);
    assert.deepEqual(ticks(cronOf("15 2,14 * * *", "Europe/Berlin"), ...day), [
      "2026-03-29T01:00Z",
      "2026-03-29T12:15Z",
    ]);
  });

  test("a time of day in one that ends at midnight does not come, for its day is over", () => {
    const days = ["2026-03-28T12:00Z", "2026-03-30T12:00Z"] as const; // the 28th in Nuuk: 22:59:59 is followed by the 29th, 00:00
    assert.deepEqual(ticks(cronOf("30 23 * * *", "America/Nuuk"), ...days), ["2026-03-30T00:30Z"]);
    assert.deepEqual(ticks(cronOf("0 0 * * *", "America/Nuuk"), ...days), ["2026-03-29T01:00Z", "2026-03-30T01:00Z"]);
  });

  test("ticks of a step or wildcard that fall into it do not come", () => {
    assert.deepEqual(ticks(cronOf("*/20 2 * * *", "Europe/Berlin"), ...day), []);
    assert.deepEqual(ticks(cronOf("*/30 * * * *", "Europe/Berlin"), "2026-03-29T00:15Z", "2026-03-29T01:45Z"), [
      "2026-03-29T00:30Z",
      "2026-03-29T01:00Z",
      "2026-03-29T01:30Z",
    ]);
  });

  test("other zones skip at other times, and by other lengths", () => {
    assert.deepEqual(ticks(cronOf("30 2 * * *", "America/New_York"), "2026-03-08T05:00Z", "2026-03-09T04:00Z"), [
      "2026-03-08T07:00Z",
    ]);
    assert.deepEqual(ticks(cronOf("15 2 * * *", "Australia/Lord_Howe"), "2026-10-03T13:30Z", "2026-10-04T13:00Z"), [
      "2026-10-03T15:30Z",
    ]);
  });
});

describe("the hour that comes twice in autumn", () => {
  const day = ["2026-10-24T22:00Z", "2026-10-25T23:00Z"] as const; // the 25th in Berlin: 02:59:59 is followed by 02:00

  test("a time of day in it comes the first time alone", () => {
    assert.deepEqual(ticks(cronOf("30 2 * * *", "Europe/Berlin"), ...day), ["2026-10-25T00:30Z"]);
    assert.deepEqual(ticks(cronOf("0 2,14 * * *", "Europe/Berlin"), ...day), [
      "2026-10-25T00:00Z",
      "2026-10-25T13:00Z",
    ]);
  });

  test("ticks of a step or wildcard come both times", () => {
    assert.deepEqual(ticks(cronOf("*/30 2 * * *", "Europe/Berlin"), ...day), [
      "2026-10-25T00:00Z",
      "2026-10-25T00:30Z",
      "2026-10-25T01:00Z",
      "2026-10-25T01:30Z",
    ]);
    assert.equal(ticks(cronOf("0 * * * *", "Europe/Berlin"), ...day).length, 25);
  });
});

test("without a time zone a cron expression means UTC, wherever the process runs", () => {
  assert.deepEqual(cronOf("  0  9 * * MON-FRI"), { cron: "0 9 * * MON-FRI", timeZone: "UTC" });
  assert.deepEqual(ticks(cronOf("0 9 * * MON-FRI"), "2026-01-02T12:00Z", "2026-01-06T12:00Z"), [
    "2026-01-05T09:00Z",
    "2026-01-06T09:00Z",
  ]);
});

test("the tick behind an instant is never that instant, nor one before it", () => {
  const noon = cronOf("0 12 * * *");
  const at = ms("2026-01-01T12:00Z");
  assert.equal(nextTick(noon, at - 1), at);
  assert.equal(nextTick(noon, at), at + 86_400_000);
  assert.equal(nextTick(noon, at + 1), at + 86_400_000);
  const every = everyOf("90 seconds", at);
  assert.equal(nextTick(every, at - 1), at);
  assert.equal(nextTick(every, at), at + 90_000);
});

test("the latest tick is found however many were missed", () => {
  const from = ms("2026-01-01T00:00:00Z");
  const now = ms("2027-01-01T00:00:00.5Z");
  assert.equal(latestTick(cronOf("* * * * * *"), from, now), ms("2027-01-01T00:00:00Z"));
  assert.equal(latestTick(cronOf("0 0 1 3 *"), ms("2026-03-01T00:00Z"), now), ms("2026-03-01T00:00Z"));
  assert.equal(latestTick(cronOf("0 9 * * *", "Europe/Berlin"), ms("2026-01-01T08:00Z"), now), ms("2026-12-31T08:00Z"));
  assert.equal(latestTick(everyOf("7 seconds", 0), 7_000, 50_000), 49_000);
  assert.equal(latestTick(cronOf("0 0 1 3 *"), from, from), from);
});

for (const [what, make, problem] of [
  [
    "three fields",
    () => cronOf("* * *"),
    /^cron: "\* \* \*" is no cron expression: it has five parts, or six with seconds in front\.$/,
  ],
  ["a minute too many", () => cronOf("61 * * * *"), /Invalid value for minute: 61/],
  ["an instant", () => cronOf("2026-01-01T00:00:00"), /is no cron expression, as in/],
  ["a field that means the present", () => cronOf("? * * * *"), /is no cron expression, as in/],
  ["a year", () => cronOf("0 0 0 1 1 * 2030"), /it has five parts, or six/],
  ["nothing", () => cronOf(" "), /it has five parts, or six/],
  ["a nickname that there is none of", () => cronOf("@sometimes"), /is no cron expression/],
  ["no text", () => cronOf(5), /^cron: 5 is no cron expression/],
  ["a zone of another planet", () => cronOf("* * * * *", "Mars/Base"), /^timeZone: "Mars\/Base" is no time zone/],
  ["an object for a zone", () => cronOf("* * * * *", {}), /^timeZone: an object is no time zone/],
  ["an interval without length", () => everyOf(0, 0), /^every: 0 is less than a second/],
] as const) {
  test(`${what} is refused`, () => assert.throws(make, { code: "INVALID_RECURRENCE", message: problem }));
}

describe("a schedule that is due", () => {
  const spec = (facts: Partial<ScheduleSpec>): ScheduleSpec => ({
    recurrence: everyOf("1 hour", 0),
    overlap: "skip",
    catchUp: "one",
    ...facts,
  });
  const hours = (count: number): number => count * 3_600_000;

  test("starts a run for the last tick of those missed, for each, or for none", () => {
    const now = hours(5) + 120_000;
    const decided = (catchUp: ScheduleSpec["catchUp"]) => tickOf(spec({ catchUp }), hours(2), now, true);
    assert.deepEqual(decided("one"), { at: hours(5), starts: true, nextAt: hours(6) });
    assert.deepEqual(decided("all"), { at: hours(2), starts: true, nextAt: hours(3) });
    assert.deepEqual(decided("skip"), { at: hours(5), starts: false, nextAt: hours(6) });
  });

  test("has missed nothing within a minute", () => {
    const decided = tickOf(spec({ catchUp: "skip" }), hours(2), hours(2) + 60_000, true);
    assert.deepEqual(decided, { at: hours(2), starts: true, nextAt: hours(3) });
  });

  test("starts nothing beside an unfinished run, unless runs may overlap", () => {
    const decided = (overlap: ScheduleSpec["overlap"]) => tickOf(spec({ overlap }), hours(2), hours(2), false).starts;
    assert.equal(decided("skip"), false);
    assert.equal(decided("allow"), true);
  });
});
