import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeValue } from "../../src/models/codec.ts";
import { maxValueBytes } from "../../src/models/limits.ts";

class Point {
  readonly x = 1;
}
class Items extends Array<number> {}

const throwing = new Proxy(
  {},
  {
    ownKeys() {
      throw new Error("trap");
    },
  },
);

const refusals: readonly [value: unknown, path: string, reason: RegExp][] = [
  [() => 1, "$", /a function/],
  [Symbol("x"), "$", /a symbol/],
  [{ [Symbol("x")]: 1 }, "$", /symbol for a key/],
  [{ a: { b: [0, 1, 2, Number.NaN] } }, "$.a.b[3]", /NaN/],
  [{ price: Number.POSITIVE_INFINITY }, "$.price", /Infinity/],
  [[Number.NEGATIVE_INFINITY], "$[0]", /-Infinity/],
  [{ at: new Date(Number.NaN) }, "$.at", /Invalid Date/],
  [[1, undefined], "$[1]", /undefined.*use null/],
  [new Map([["k", undefined]]), "$[0][1]", /undefined/],
  [{ tags: new Set(["a", undefined]) }, "$.tags[1]", /undefined/],

  [{ a: [1, , 2] }, "$.a[1]", /a hole/],
  [{ p: new Point() }, "$.p", /instance of Point/],
  [{ p: Items.of(1) }, "$.p", /instance of Items/],
  [/x/.exec("x"), "$", /fields besides its items/],
  [/x/, "$", /RegExp/],
  [new WeakMap(), "$", /WeakMap/],
  [Promise.resolve(1), "$", /a promise: await it first/],
  [{ then: () => 1 }, "$.then", /a function/],
  [new Number(1), "$", /Number/],
  [new Float64Array(1), "$", /Float64Array/],
  [new ArrayBuffer(1), "$", /ArrayBuffer/],
  [Object.assign(new Date(0), { zone: "x" }), "$", /fields of its own/],
  [Object.assign(new Map(), { zone: "x" }), "$", /fields of its own/],
  [new (class Money extends Date {})(0), "$", /Money/],
  [new (class Bytes extends Uint8Array {})(1), "$", /Bytes/],
  [Object.create({ inherited: 1 }), "$", /instance of/],
  [new Error("x", { cause: { at: Number.NaN } }), "$.cause.at", /NaN/],
  ["a\0b", "$", /NUL/],
  [{ a: ["\ud800"] }, "$.a[0]", /surrogate/],
  [{ m: new Map([["k", "\udc00x"]]) }, "$.m[0][1]", /surrogate/],
  [{ e: new Error("\0") }, "$.e.stack", /NUL/],
  [{ a: { "b\0": 1 } }, '$.a["b\ufffd"]', /name has a NUL/],
  [{ "\udc00": 1 }, '$["\ufffd"]', /surrogate/],
  [{ "with space": { "$wf:x": () => 1 } }, '$["with space"]["$wf:x"]', /a function/],
  [10n ** 200_000n, "$", /bigint of more than/],
  [{ p: throwing }, "$.p", /throws when it is read/],
];

test("what cannot be stored faithfully is refused by name and path", () => {
  for (const [value, path, reason] of refusals) {
    assert.throws(() => encodeValue(value, "result"), { name: "NotStorableError", code: "NOT_STORABLE", path, reason });
  }
});

test("the refusal is a sentence that says which value, where and what", () => {
  assert.throws(() => encodeValue({ items: [{ price: Number.NaN }] }, 'result of step "charge"'), {
    message: 'The result of step "charge" cannot be stored: $.items[0].price is NaN, which JSON does not know.',
  });
});

test("texts that PostgreSQL can store are not refused, however odd", () => {
  for (const text of [
    "\u0001\u001f",
    "\uffff",
    "\u202eabc",
    "😀",
    "\\u0000",
    "\\ud800",
    "é",
    "e\u0301",
    "../",
    "%00",
    "\n",
  ]) {
    assert.deepEqual(encodeValue({ [`k${text}`]: text }).get(), { [`k${text}`]: text });
  }
});

test("whatever a getter or a trap throws is kept as the cause", () => {
  const problem = new Error("boom");
  const value = {
    list: [
      {
        get bad(): never {
          throw problem;
        },
      },
    ],
  };
  assert.throws(() => encodeValue(value), { code: "NOT_STORABLE", path: "$.list[0].bad", cause: problem });
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  assert.throws(() => encodeValue([proxy]), { code: "NOT_STORABLE", path: "$[0]" });
});

test("cycles are told from depth, whatever stands before them", () => {
  const cyclic: Record<string, unknown> = { big: Array.from({ length: 100_000 }, () => 0) };
  cyclic["self"] = { inner: [cyclic] };
  assert.throws(() => encodeValue(cyclic), { path: "$.self.inner[0]", reason: /holds itself/ });
  const list: unknown[] = [];
  list.push(list, list);
  assert.throws(() => encodeValue(list), { path: "$[0]", reason: /holds itself/ });
  const map = new Map<string, unknown>();
  map.set("me", map);
  assert.throws(() => encodeValue(map), { reason: /holds itself/ });
  const error = new Error("x");
  error.cause = error;
  assert.throws(() => encodeValue(error), { path: "$.cause", reason: /holds itself/ });
});

const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
};

test("two hundred levels are stored, and one more is refused", () => {
  assert.deepEqual(encodeValue(nested(200)).get(), nested(200));
  assert.throws(() => encodeValue(nested(201)), { code: "NOT_STORABLE", reason: /deeper than 200 levels/ });
});

test("Maps and causes nest as deep as they may, and read back", () => {
  let value: unknown = 1;
  for (let i = 0; i < 66; i++) value = new Map([[1, [value]]]);
  assert.deepEqual(encodeValue(value).get(), value);
});

test("hostile sizes and depths are refused or stored quickly", () => {
  let doubled: unknown = {};
  for (let i = 0; i < 100; i++) doubled = { a: doubled, b: doubled };
  const hostile: [unknown, string | undefined][] = [
    [nested(1_000_000), "NOT_STORABLE"],
    [doubled, "VALUE_TOO_LARGE"],
    [Array.from({ length: 1_000_000 }, () => 1), undefined],
    [Array.from({ length: 3_000_000 }, () => 1), "VALUE_TOO_LARGE"],
    [new Array(4_000_000_000), "VALUE_TOO_LARGE"],
    [new Array(4_000_000), "NOT_STORABLE"],
    ["x".repeat(10_000_000), "VALUE_TOO_LARGE"],
    [new Uint8Array(50_000_000), "VALUE_TOO_LARGE"],
    [1n << 20_000_000n, "NOT_STORABLE"],
  ];
  for (const [value, code] of hostile) {
    const began = performance.now();
    if (code === undefined) encodeValue(value);
    else assert.throws(() => encodeValue(value), { code });
    assert.ok(performance.now() - began < 3000, `took ${performance.now() - began} ms`); // 30 times what it takes, for busy machines
  }
});

test("the limit counts bytes of UTF-8, to the byte", () => {
  const fits = "é".repeat(maxValueBytes / 2 - 1); // and two quotes
  assert.equal(encodeValue(fits).bytes, maxValueBytes);
  assert.throws(() => encodeValue(`${fits}x`), {
    code: "VALUE_TOO_LARGE",
    bytes: maxValueBytes + 1,
    limit: maxValueBytes,
  });
  assert.throws(() => encodeValue("\u0001".repeat(1_000_000)), { code: "VALUE_TOO_LARGE", bytes: 6_000_002 });
});
