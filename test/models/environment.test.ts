import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { mock, test } from "node:test";
import { consoleLogger, harmless, silentLogger, systemEnvironment } from "../../src/models/environment.ts";

const never = 2 ** 40; // milliseconds: 34 years, and far above what setTimeout takes

test("a sleep longer than setTimeout can count does not end at once, and ends without throwing when it is aborted", async () => {
  const env = systemEnvironment();
  const controller = new AbortController();
  const asleep = env.sleep(never, controller.signal).then(() => "woke");
  const first = await Promise.race([asleep, env.sleep(30).then(() => "still asleep")]);
  assert.equal(first, "still asleep");
  controller.abort();
  assert.equal(await asleep, "woke");
});

test("a sleep under an aborted signal ends at once", async () => {
  await systemEnvironment().sleep(never, AbortSignal.abort());
});

test("a signal that lives long gathers no listeners", async () => {
  const { signal } = new AbortController();
  const env = systemEnvironment();
  for (let i = 0; i < 20; i++) await env.sleep(0, signal);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("odd lengths of sleep end soon", async () => {
  for (const ms of [0, -5, 0.4, Number.NaN]) await systemEnvironment().sleep(ms);
});

test("a timer does not fire before its time, and not when it was cancelled", async () => {
  const env = systemEnvironment();
  const began = env.monotonic();
  let isCalled = false;
  env.later(5, () => (isCalled = true)).cancel();
  await new Promise<void>((resolve) => env.later(20, resolve));
  assert.ok(env.monotonic() - began >= 19);
  assert.equal(isCalled, false);
});

test("`soon` lets what is pending go first", async () => {
  const order: string[] = [];
  const done = new Promise<void>((resolve) => {
    systemEnvironment().soon(() => {
      order.push("soon");
      resolve();
    });
  });
  await Promise.resolve().then(() => order.push("pending"));
  await done;
  assert.deepEqual(order, ["pending", "soon"]);
});

test("parts of the environment can be replaced, and the logger is silent by default", () => {
  const env = systemEnvironment({ random: () => 0.25 });
  assert.equal(env.random(), 0.25);
  assert.equal(env.logger, silentLogger);
  assert.equal(env.randomBytes(16).length, 16);
  assert.match(env.uuid(), /^[0-9a-f-]{36}$/);
});

test("the console logger writes one line an entry, whatever the fields", () => {
  const lines = mock.method(console, "warn", () => undefined);
  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic;
  consoleLogger.warn("plain");
  consoleLogger.warn("fields", { id: 1 });
  consoleLogger.warn("cyclic", cyclic);
  lines.mock.restore();
  assert.deepEqual(
    lines.mock.calls.map((call) => call.arguments),
    [["warn plain"], ['warn fields {"id":1}'], ["warn cyclic (its fields cannot be printed)"]],
  );
});

test("a logger that throws harms nobody, and one that needs its own object has it", () => {
  class Kept {
    readonly lines: string[] = [];
    info(message: string): void {
      this.lines.push(message);
    }
    debug(): void {
      throw new Error("no space left on the disk");
    }
    async warn(): Promise<void> {
      await Promise.resolve();
      throw new Error("the collector is away");
    }
    error(): void {}
  }
  const kept = new Kept();
  const { info, debug, warn } = harmless(kept);
  debug("lost");
  warn("lost, and told later"); // an unhandled rejection would fail this file
  info("written");
  assert.deepEqual(kept.lines, ["written"]);
});
