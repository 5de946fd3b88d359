import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mayRetry, resolveRetryPolicy, retryDelayMs, type RetryPolicy } from "../../src/models/retry-policy.ts";

test("without a policy a step has five attempts, one second apart at first, twice as long each time, at most a minute", () => {
  const policy = resolveRetryPolicy(undefined);
  assert.deepEqual(policy, { maxAttempts: 5, initialMs: 1000, factor: 2, maxMs: 60_000, jitter: true });
  assert.deepEqual(resolveRetryPolicy({}), policy);
  const delays = [1, 2, 3, 4, 7, 8].map((attempt) => retryDelayMs({ ...policy, jitter: false }, attempt, 0.5));
  assert.deepEqual(delays, [1000, 2000, 4000, 8000, 60_000, 60_000]);
});

test("a part of a policy keeps the defaults of the rest, and the longest wait is never below the first", () => {
  assert.deepEqual(resolveRetryPolicy({ initial: "5 minutes", jitter: false }), {
    maxAttempts: 5,
    initialMs: 300_000,
    factor: 2,
    maxMs: 300_000,
    jitter: false,
  });
  assert.equal(resolveRetryPolicy({ max: 10 }).initialMs, 10);
});

test("policies that make no sense are refused by name", () => {
  const refused: [RetryPolicy, string][] = [
    [{ maxAttempts: 0 }, "retry.maxAttempts"],
    [{ maxAttempts: 1.5 }, "retry.maxAttempts"],
    [{ maxAttempts: 2 ** 31 }, "retry.maxAttempts"],
    [{ maxAttempts: Number.POSITIVE_INFINITY }, "retry.maxAttempts"],
    [{ factor: 0.5 }, "retry.factor"],
    [{ factor: Number.NaN }, "retry.factor"],
    [{ factor: Number.POSITIVE_INFINITY }, "retry.factor"],
    [{ initial: -1 }, "retry.initial"],
    [{ max: Number.NaN }, "retry.max"],
    [{ initial: 10, max: 5 }, "retry.max"],
    [{ jitter: "yes" as unknown as boolean }, "retry.jitter"],
    [5 as unknown as RetryPolicy, "retry"],
    [null as unknown as RetryPolicy, "retry"],
  ];
  for (const [policy, what] of refused)
    assert.throws(() => resolveRetryPolicy(policy), { errorClass: "invalid", what });
});

const anyPolicy = fc.record({
  initial: fc.integer({ min: 0, max: 100_000 }),
  factor: fc.oneof(fc.double({ min: 1, max: 1e9, noNaN: true }), fc.constantFrom(1, 1e9, Number.MAX_VALUE)),
  max: fc.integer({ min: 100_000, max: 1e9 }),
  jitter: fc.boolean(),
});
const anyAttempt = fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 2 ** 31 }));

test("a wait is a whole number between nothing and the longest wait, whatever the attempt and the factor", () => {
  fc.assert(
    fc.property(anyPolicy, anyAttempt, fc.double({ min: 0, max: 1, noNaN: true }), (given, attempt, random) => {
      const delay = retryDelayMs(resolveRetryPolicy(given), attempt, random);
      assert.ok(Number.isInteger(delay) && delay >= 0 && delay <= given.max, `${delay}`);
    }),
  );
});

test("without jitter no wait is shorter than the one before", () => {
  fc.assert(
    fc.property(anyPolicy, anyAttempt, (given, attempt) => {
      const policy = resolveRetryPolicy({ ...given, jitter: false });
      assert.ok(retryDelayMs(policy, attempt, 0) <= retryDelayMs(policy, attempt + 1, 0));
    }),
  );
});

test("jitter draws between the half and the whole", () => {
  fc.assert(
    fc.property(anyPolicy, anyAttempt, fc.double({ min: 0, max: 1, noNaN: true }), (given, attempt, random) => {
      const whole = retryDelayMs(resolveRetryPolicy({ ...given, jitter: false }), attempt, random);
      const drawn = retryDelayMs(resolveRetryPolicy({ ...given, jitter: true }), attempt, random);
      assert.ok(drawn >= whole / 2 && drawn <= whole, `${drawn} of ${whole}`);
    }),
  );
});

test("a retry is made while attempts and time are left, and its failure is not named", () => {
  const policy = resolveRetryPolicy({
    maxAttempts: 3,
    maxElapsed: "1 second",
    nonRetryable: ["timeout", "NO", "TypeError"],
  });
  const failure = { name: "Error", errorClass: "transient" } as const;
  const may = (spent: object, failed: object = {}): boolean =>
    mayRetry(policy, { ...failure, ...failed }, { attempts: 1, elapsedMs: 0, delayMs: 0, ...spent });
  assert.ok(may({}));
  assert.ok(may({ attempts: 2, elapsedMs: 500, delayMs: 500 }));
  assert.ok(!may({ attempts: 3 }));
  assert.ok(!may({ elapsedMs: 500, delayMs: 501 }));
  assert.ok(!may({}, { errorClass: "timeout" }));
  assert.ok(!may({}, { code: "NO" }));
  assert.ok(!may({}, { name: "TypeError" }));
  assert.throws(() => resolveRetryPolicy({ nonRetryable: [""] }), { code: "INVALID_REQUEST" });
  assert.throws(() => resolveRetryPolicy({ maxElapsed: -1 }), { code: "INVALID_DURATION" });
});
