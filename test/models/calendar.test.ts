import assert from "node:assert/strict";
import { test } from "node:test";
import { checkTimeZone, startOfDay } from "../../src/models/calendar.ts";
import { InvalidRequestError } from "../../src/models/errors.ts";

const at = (iso: string): number => new Date(iso).getTime();

for (const [now, timeZone, start] of [
  ["2026-07-01T12:34:56.789Z", "UTC", "2026-07-01T00:00:00Z"],
  ["2026-07-01T00:00:00.000Z", "UTC", "2026-07-01T00:00:00Z"],
  ["2026-06-30T23:59:59.999Z", "UTC", "2026-06-30T00:00:00Z"],
  ["2026-07-01T22:30:00Z", "Europe/Berlin", "2026-07-01T22:00:00Z"],
  // the day of 23 hours, and that of 25
  ["2026-03-29T21:59:59Z", "Europe/Berlin", "2026-03-28T23:00:00Z"],
  ["2026-10-25T22:59:59Z", "Europe/Berlin", "2026-10-24T22:00:00Z"],
  // the clock goes from 24:00 to 01:00: the day has no midnight
  ["2026-04-24T12:00:00Z", "Africa/Cairo", "2026-04-23T22:00:00Z"],
  ["2026-07-01T12:00:00Z", "Asia/Kolkata", "2026-06-30T18:30:00Z"],
  ["2026-07-01T00:10:00Z", "Pacific/Kiritimati", "2026-06-30T10:00:00Z"],
] as const) {
  test(`the day of ${now} in ${timeZone} began at ${start}`, () => {
    assert.equal(new Date(startOfDay(at(now), timeZone)).toISOString(), new Date(start).toISOString());
  });
}

test("a time zone is an IANA name, and no offset, whose sign would mean two things", () => {
  for (const name of ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
    assert.equal(checkTimeZone(name, "x"), name);
  for (const name of ["", "+02:00", "-0500", "Mars/Olympus", "Europe/Berlin'; drop table x", " UTC"])
    assert.throws(() => checkTimeZone(name, "x"), InvalidRequestError, name);
});
