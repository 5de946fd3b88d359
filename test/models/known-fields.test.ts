import assert from "node:assert/strict";
import { test } from "node:test";
import { Event } from "../../src/index.ts";
import { checkKnown, fieldsOf, pick } from "../../src/models/known-fields.ts";

const known = fieldsOf<{ key?: string; timeout?: number }>({ key: true, timeout: true });

test("an option that is not known is refused with those that are, also if it is undefined", () => {
  for (const given of [{ keey: "a" }, { key: "a", keey: undefined }, JSON.parse('{"__proto__": 1}')])
    assert.throws(() => checkKnown(given, "call", known), {
      code: "INVALID_REQUEST",
      what: /^call: (keey|__proto__)$/,
      message: /is not known: the options here are key, timeout\.$/,
    });
  assert.doesNotThrow(() => checkKnown({ key: undefined, timeout: 1 }, "call", known));
});

test("options that are no object are refused", () => {
  for (const given of [null, "key", 5, ["key"], () => 1])
    assert.throws(() => checkKnown(given, "call", known), { code: "INVALID_REQUEST", what: "call: options" });
});

test("what is picked are the options that are known, inherited ones and getters too; undefined ones are left out", () => {
  class Base {
    get key(): string {
      return "a";
    }
  }
  class Options extends Base {
    readonly timeout: number | undefined = undefined;
    readonly more = 1;
  }
  assert.deepEqual(pick(new Options(), known), { key: "a" });
  assert.deepEqual(pick(Object.create({ timeout: 5 }) as { timeout?: number }, known), { timeout: 5 });
});

test("an event is not made with a field that no event has", () => {
  const rest: object = { eventDta: { email: "user@example.com" } };
  assert.throws(() => new Event("user_registered", null, rest), { code: "INVALID_RECORD", path: "event.eventDta" });
});
