import assert from "node:assert/strict";
import { test } from "node:test";
import vm from "node:vm";
import fc from "fast-check";
import { decodeValue, encodeValue } from "../../src/models/codec.ts";
import { storedFromJson } from "../../src/models/stored-value.ts";
import { anyValue, asReloaded, isDeeplyFrozen } from "./values.ts";

const reload = (value: unknown): unknown => decodeValue(JSON.parse(encodeValue(value).json));

test("plain JSON is stored as it stands", () => {
  assert.equal(encodeValue({ a: 1, b: "x", c: [true, null] }).json, '{"a":1,"b":"x","c":[true,null]}');
});

test("what JSON has no word for is stored under a tag, in a form that is for ever", () => {
  const error = Object.assign(new TypeError("no", { cause: "why" }), { code: "E1", stack: "at" });
  const table: [unknown, string][] = [
    [new Date(0), '{"$wf:date":"1970-01-01T00:00:00.000Z"}'],
    [-12n, '{"$wf:bigint":"-12"}'],
    [new Map<unknown, unknown>([["k", 1n]]), '{"$wf:map":[["k",{"$wf:bigint":"1"}]]}'],
    [new Set([1, "a"]), '{"$wf:set":[1,"a"]}'],
    [Uint8Array.of(0, 255), '{"$wf:bytes":"AP8="}'],
    [Buffer.from("hi"), '{"$wf:bytes":"aGk="}'],
    [error, '{"$wf:error":{"code":"E1","name":"TypeError","cause":"why","stack":"at","message":"no"}}'],
    [undefined, '{"$wf:undefined":true}'],
    [{ "$wf:date": 1 }, '{"$$wf:date":1}'],
    [{ "$$wf:x": 1 }, '{"$$$wf:x":1}'],
    [{ $ref: 1 }, '{"$ref":1}'],
  ];
  for (const [value, json] of table) assert.equal(encodeValue(value).json, json);
});

test("whatever is accepted reads back as it was, and whatever is refused is refused by a typed error that names the path", () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      let stored;
      try {
        stored = encodeValue(value);
      } catch (error) {
        const { code, path } = error as { code?: unknown; path?: unknown };
        assert.equal(code, "NOT_STORABLE", String(error));
        assert.match(String(path), /^\$/);
        return;
      }
      assert.deepEqual(asReloaded(stored.get()), asReloaded(value));
      assert.deepEqual(decodeValue(JSON.parse(stored.json)), stored.get());
      assert.equal(stored.bytes, Buffer.byteLength(stored.json));
    }),
    { numRuns: Number(process.env["CODEC_RUNS"] ?? 3000) },
  );
});

test("JSON values are never refused, whatever their keys", () => {
  const hostileKey = fc.oneof(
    fc.constantFrom(
      "__proto__",
      "constructor",
      "toString",
      "then",
      "",
      "0",
      "10",
      "a.b",
      "SNAKE_CASE",
      "$",
      "$wf:",
      "$$wf:date",
    ),
    fc.string({ unit: "grapheme" }),
  );
  const { value: json } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(fc.string({ unit: "grapheme" }), fc.integer(), fc.boolean(), fc.constant(null)),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(hostileKey, tie("value"), { maxKeys: 5 }),
    ),
  }));
  fc.assert(
    fc.property(json, (value) => {
      if (JSON.stringify(value).includes("\\u0000")) return;
      assert.deepEqual(asReloaded(reload(value)), asReloaded(value));
    }),
  );
});

test("a value reads back frozen, equal each time, and apart from what was given", () => {
  const given = { list: [{ n: 1 }] };
  const stored = encodeValue(given);
  given.list.push({ n: 2 });
  assert.deepEqual(stored.get(), { list: [{ n: 1 }] });
  assert.ok(isDeeplyFrozen(stored.get()));
  assert.equal(stored.get(), stored.get());
  assert.ok(!Object.isFrozen(given));
});

test("what cannot be frozen is read afresh each time", () => {
  for (const holder of [
    encodeValue({ at: new Date(5), list: [1] }),
    storedFromJson({ at: { "$wf:date": "1970-01-01T00:00:00.005Z" }, list: [1] }),
  ]) {
    const first = holder.get() as { at: Date; list: number[] };
    first.at.setTime(0);
    assert.deepEqual(holder.get(), { at: new Date(5), list: [1] });
    assert.ok(Object.isFrozen(first) && Object.isFrozen(first.list));
  }
});

test("bigints and escaped keys are read once, since both can be frozen", () => {
  const stored = encodeValue({ n: 1n, "$wf:x": [1] });
  assert.deepEqual(stored.get(), { n: 1n, "$wf:x": [1] });
  assert.equal(stored.get(), stored.get());
  assert.ok(isDeeplyFrozen(stored.get()));
});

test("a tree from the database is read when it is asked for", () => {
  const stored = storedFromJson({ a: { "$wf:undefined": true } });
  assert.equal(stored.json, '{"a":{"$wf:undefined":true}}');
  assert.throws(() => stored.get(), { code: "UNKNOWN_TAG" });
  const plain = { a: [1] };
  assert.equal(storedFromJson(plain).get(), plain);
  assert.equal(storedFromJson({ "$wf:undefined": true }).get(), undefined);
});

test("the tree can be put into a larger document", () => {
  assert.equal(JSON.stringify({ input: encodeValue({ n: 1n }).tree }), '{"input":{"n":{"$wf:bigint":"1"}}}');
  assert.ok(isDeeplyFrozen(encodeValue({ at: new Date(0) }).tree));
});

test("fields that are undefined are left out, and -0 becomes 0", () => {
  assert.equal(encodeValue({ a: undefined, b: -0 }).json, '{"b":0}');
  assert.ok(Object.is(encodeValue(-0).get(), 0));
});

test("an own field __proto__ stays a field and pollutes nothing", () => {
  const hostile: unknown = JSON.parse('{"__proto__":{"polluted":1},"x":{"__proto__":null,"n":{"$wf:bigint":"1"}}}');
  const back = reload(decodeValue(hostile)) as object;
  assert.ok(Object.hasOwn(back, "__proto__"));
  assert.equal(Object.getPrototypeOf(back), Object.prototype);
  assert.equal((back as { polluted?: unknown }).polluted, undefined);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

test("an error comes back as a plain Error with its name, code and cause", () => {
  class CardDeclined extends Error {
    override readonly name = "CardDeclined";
    readonly code = 402;
  }
  const back = reload(new CardDeclined("no money", { cause: new Error("bank") })) as Error & { code: unknown };
  assert.ok(back instanceof Error && !(back instanceof CardDeclined));
  assert.deepEqual([back.name, back.message, back.code], ["CardDeclined", "no money", 402]);
  assert.match(back.stack ?? "", /codec\.test/);
  assert.equal((back.cause as Error).message, "bank");
});

test("values of another realm are taken as what they are", () => {
  const foreign: unknown = vm.runInNewContext(
    "({ o: { a: [1] }, d: new Date(7), m: new Map([[1, 2]]), e: new RangeError('x') })",
  );
  const back = reload(foreign) as { o: unknown; d: unknown; m: unknown; e: Error };
  assert.deepEqual([back.o, back.d, back.m], [{ a: [1] }, new Date(7), new Map([[1, 2]])]);
  assert.equal(back.e.name, "RangeError");
});

test("one object may stand in many places", () => {
  const shared = { n: 1 };
  assert.deepEqual(reload({ a: shared, b: [shared, shared] }), { a: { n: 1 }, b: [{ n: 1 }, { n: 1 }] });
});

test("each property is read once", () => {
  let reads = 0;
  const value = {
    get a(): number {
      return ++reads;
    },
  };
  assert.deepEqual(encodeValue(value).get(), { a: 1 });
  assert.equal(reads, 1);
});

test("a getter may itself encode values", () => {
  const value = {
    get inner(): string {
      return encodeValue({ deep: [1] }).json;
    },
    z: 1n,
  };
  assert.deepEqual(encodeValue([value]).get(), [{ inner: '{"deep":[1]}', z: 1n }]);
});

test("a stored value that this version cannot read is refused, not guessed", () => {
  const table: [unknown, string][] = [
    [{ "$wf:aes256gcm": "x" }, "UNKNOWN_TAG"],
    [{ a: [{ "$wf:gzip": "x" }] }, "UNKNOWN_TAG"],
    [[{ "$wf:undefined": true }], "UNKNOWN_TAG"],
    [{ "$wf:date": "x" }, "CORRUPT_STATE"],
    [{ "$wf:date": 5 }, "CORRUPT_STATE"],
    [{ "$wf:date": "1970-01-01T00:00:00.000Z", b: 1 }, "CORRUPT_STATE"],
    [{ "$wf:bigint": "1.5" }, "CORRUPT_STATE"],
    [{ "$wf:bigint": "0x1" }, "CORRUPT_STATE"],
    [{ "$wf:map": [[1]] }, "CORRUPT_STATE"],
    [{ "$wf:map": {} }, "CORRUPT_STATE"],
    [{ "$wf:set": 1 }, "CORRUPT_STATE"],
    [{ "$wf:bytes": 1 }, "CORRUPT_STATE"],
    [{ "$wf:error": { name: 1 } }, "CORRUPT_STATE"],
  ];
  for (const [tree, code] of table) assert.throws(() => decodeValue(tree), { code, errorClass: "permanent" });
});

test("a stored tree of any depth is read or refused", () => {
  let tree: unknown = 1;
  for (let i = 0; i < 1e6; i++) tree = [tree];
  assert.throws(() => decodeValue(tree), { code: "CORRUPT_STATE" });
});
