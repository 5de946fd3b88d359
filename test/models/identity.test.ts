import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { systemEnvironment } from "../../src/models/environment.ts";
import {
  bucketOf,
  checkName,
  checkSchemaName,
  checkStepName,
  isUuid,
  keyedId,
  newInstanceId,
  parseUuid,
  topicOf,
} from "../../src/models/identity.ts";

const version7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const version8 = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("instance ids are UUIDs of version 7 that begin with the time", () => {
  const id = newInstanceId(systemEnvironment({ now: () => 0x0123456789ab }));
  assert.match(id, version7);
  assert.ok(id.startsWith("01234567-89ab-7"));
});

test("instance ids are unique and rise, many in one millisecond and though the clock steps back", () => {
  let now = 1_700_000_000_000;
  let calls = 0;
  const env = systemEnvironment({ now: () => (calls++ % 1000 === 0 ? (now -= 50) : (now += 0.1)) });
  let last = "";
  for (let i = 0; i < 50_000; i++) {
    const id = newInstanceId(env);
    assert.ok(id > last, `${id} after ${last}`);
    last = id;
  }
  assert.match(last, version7);
});

test("equal environments draw equal ids, whatever others draw in between", () => {
  const drawn = (disturb: boolean): string[] => {
    const env = systemEnvironment({ now: () => 5, randomBytes: (count) => new Uint8Array(count).fill(0xab) });
    const other = systemEnvironment();
    return Array.from({ length: 1000 }, () => {
      if (disturb) newInstanceId(other);
      return newInstanceId(env);
    });
  };
  assert.deepEqual(drawn(true), drawn(false));
});

test("instance ids fall evenly into buckets", () => {
  const env = systemEnvironment();
  const counts = new Array<number>(64).fill(0);
  for (let i = 0; i < 64_000; i++) {
    const bucket = bucketOf(newInstanceId(env), 64);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  assert.ok(Math.min(...counts) > 800 && Math.max(...counts) < 1200, counts.join());
});

test("a bucket is the last eight digits of the id modulo the count, for ever", () => {
  assert.equal(bucketOf("00000000-0000-0000-0000-0000ffffffff", 64), 63);
  assert.equal(bucketOf("00000000-0000-0000-0000-0000000003e9", 100), 1);
});

test("keyed ids depend on nothing but their parts, for ever", () => {
  // printf '5:start5:order1:k' | sha256sum, with the digits of version and variant set
  assert.equal(keyedId("start", "order", "k"), "7648d75c-6f96-87f3-b5b4-2f2fc57b01c6");
  assert.match(keyedId("start"), version8);
  assert.equal(topicOf("paid", "7"), keyedId("topic", "paid", "7"));
});

test("keyed ids of different parts differ, also where the parts only join differently", () => {
  assert.notEqual(keyedId("start", "ab", "c"), keyedId("start", "a", "bc"));
  assert.notEqual(keyedId("start", "a"), keyedId("start", "a", ""));
  assert.notEqual(keyedId("s", "1:a"), keyedId("s", "", "a"));
  fc.assert(
    fc.property(fc.array(fc.string()), fc.array(fc.string()), (a, b) => {
      assert.equal(keyedId("k", ...a) === keyedId("k", ...b), JSON.stringify(a) === JSON.stringify(b));
    }),
  );
});

test("a null key is another topic than the empty key", () => {
  assert.notEqual(topicOf("paid", null), topicOf("paid", ""));
});

test("a UUID is taken in either case and answered in lower case; anything else is refused", () => {
  const id = newInstanceId(systemEnvironment());
  assert.equal(parseUuid(id.toUpperCase()), id);
  for (const value of [
    "",
    `${id}\n`,
    ` ${id}`,
    `{${id}}`,
    id.replaceAll("-", ""),
    5,
    null,
    id.replace(/.$/, "g"),
    "x".repeat(1e6),
  ]) {
    assert.ok(!isUuid(value));
    assert.throws(() => parseUuid(value), { code: "INVALID_NAME", what: "instance id" });
  }
});

test("names are any text that can be stored and found again", () => {
  for (const name of [
    "a",
    "order-1",
    "../x",
    "%00",
    "é",
    "e\u0301",
    "日本",
    "😀",
    "\uffff",
    "a b",
    "x".repeat(512),
    "é".repeat(256),
  ]) {
    assert.equal(checkName(name, "key"), name);
  }
  const refused = [
    "",
    " ",
    " a",
    "a ",
    "a\n",
    "\u00a0a",
    "a\0b",
    "\ud800",
    "x\udc00",
    "x".repeat(513),
    "é".repeat(257),
    "x".repeat(1e6),
  ];
  for (const name of [...refused, 5, null, undefined, {}, ["a"]]) {
    assert.throws(() => checkName(name, "key"), { code: "INVALID_NAME", what: "key" });
  }
});

test("step names also leave out what builds paths", () => {
  assert.equal(checkStepName("ship.it-2"), "ship.it-2");
  for (const name of ["a/b", "a[", "a]", "a#1", ""]) {
    assert.throws(() => checkStepName(name), { code: "INVALID_NAME", what: "step name" });
  }
});

test("schema names come from a closed list of characters, so that they can be spliced into SQL", () => {
  for (const name of ["workflow", "_x", "a1_b", "x".repeat(48)]) assert.equal(checkSchemaName(name), name);
  for (const name of ["", "A", "1a", "a-b", 'a"b', "a;", "a\n", "x".repeat(49), "pg_x", "information_schema", null]) {
    assert.throws(() => checkSchemaName(name), { code: "INVALID_NAME", what: "schema" });
  }
});
