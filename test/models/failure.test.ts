import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeValue } from "../../src/models/codec.ts";
import { PermanentError } from "../../src/models/errors.ts";
import { OwnershipLostError } from "../../src/models/errors-instance.ts";
import { describeFailure, type Failure } from "../../src/models/failure.ts";
import { maxErrorBytes } from "../../src/models/limits.ts";
import { anyValue } from "./values.ts";

/** Every failure must be small enough and made of what PostgreSQL can store. */
function described(thrown: unknown, path?: string): Failure {
  const failure = describeFailure(thrown, path);
  assert.ok(encodeValue(failure).bytes <= maxErrorBytes);
  return failure;
}

const everythingThrows = (target: object): object => {
  const boom = (): never => {
    throw new Error("trap");
  };
  return new Proxy(target, {
    get: boom,
    has: boom,
    ownKeys: boom,
    getPrototypeOf: boom,
    getOwnPropertyDescriptor: boom,
  });
};

test("an error is described by its name, message, code, stack, path and cause", () => {
  const error = Object.assign(new TypeError("bad", { cause: new Error("root") }), { code: "E_BAD" });
  const failure = described(error, "each[3]/ship");
  assert.equal(failure.stack, error.stack);
  assert.deepEqual(
    { ...failure, stack: "", cause: failure.cause?.message },
    {
      name: "TypeError",
      message: "bad",
      code: "E_BAD",
      errorClass: "transient",
      stack: "",
      path: "each[3]/ship",
      cause: "root",
    },
  );
});

test("whatever is thrown is described, and nothing throws again", () => {
  const table: [unknown, Partial<Failure>][] = [
    [null, { name: "Error", message: "null was thrown" }],
    [undefined, { message: "undefined was thrown" }],
    ["text", { message: "text" }],
    [42, { message: "42 was thrown" }],
    [Symbol("s"), { message: "Symbol(s) was thrown" }],
    [Object.create(null), { name: "Error", message: "[Object: null prototype] {} was thrown" }],
    [{ status: 500 }, { name: "Error", message: "{ status: 500 } was thrown" }],
    [
      { name: "Odd", message: "plain" },
      { name: "Odd", message: "plain" },
    ],
    [() => 1, { name: "Error", message: "[Function (anonymous)] was thrown" }],
    [new Error(""), { name: "Error", message: "" }],
    [Object.assign(new Error("x"), { message: { deep: 1 } }), { message: "{ deep: 1 }" }],
    [Object.assign(new Error("x"), { code: 404 }), { code: "404" }],
    [everythingThrows({}), { name: "Error", message: "(its message cannot be read)" }],
    [everythingThrows(new Error("x")), { name: "Error", message: "(its message cannot be read)" }],
    [everythingThrows(() => 1), { name: "Error", message: "a proxy was thrown" }],
  ];
  for (const [thrown, expected] of table) {
    const failure = described(thrown);
    assert.deepEqual({ ...failure, ...expected }, failure);
    assert.equal(failure.errorClass, "transient");
  }
});

test("a message whose getter throws is told apart from an empty one", () => {
  const error = new Error("x");
  Object.defineProperty(error, "message", {
    get() {
      throw new Error("getter");
    },
  });
  assert.equal(described(error).message, "(its message cannot be read)");
});

test("the class is the error's own, or told by its name or by retryable", () => {
  assert.equal(described(new PermanentError("no", { code: "DECLINED" })).errorClass, "permanent");
  assert.equal(described(new PermanentError("no", { code: "DECLINED" })).code, "DECLINED");
  assert.equal(described(new OwnershipLostError("i")).errorClass, "ownership-lost");
  assert.equal(described({ retryable: false, message: "x" }).errorClass, "permanent");
  assert.equal(described(AbortSignal.abort().reason).errorClass, "timeout");
  assert.equal(described(Object.assign(new Error("x"), { name: "TimeoutError" })).errorClass, "timeout");
  assert.equal(described(Object.assign(new Error("x"), { errorClass: "permanent" })).errorClass, "transient");
});

test("a chain of causes ends after five, and a cycle where it closes", () => {
  let chain = new Error("0");
  for (let i = 1; i < 20; i++) chain = new Error(String(i), { cause: chain });
  assert.equal(described(chain).cause?.cause?.cause?.cause?.message, "15");
  assert.equal(described(chain).cause?.cause?.cause?.cause?.cause, undefined);
  const cyclic = new Error("a");
  cyclic.cause = new Error("b", { cause: cyclic });
  assert.equal(described(cyclic).cause?.message, "b");
  assert.equal(described(cyclic).cause?.cause, undefined);
});

test("a message of 5 MB is cut and says so, and the frames of its stack are kept", () => {
  const failure = described(new Error("x".repeat(5_000_000)));
  assert.match(failure.message, /^x{16000,}… \(cut\)$/);
  assert.match(failure.stack ?? "", /^Error: x+… \(cut\)\n\s+at .*failure\.test/);
});

test("a chain of the longest texts in their longest encoding stays within the limit", () => {
  for (const text of ["\u0001", "😀", "\0", '"', "\ud800", "é"]) {
    const long = text.repeat(200_000);
    let error: Error | undefined;
    for (let i = 0; i < 6; i++) {
      error = Object.assign(new Error(long, { cause: error }), { name: long, code: long, stack: long });
    }
    described(error, long);
  }
});

test("NUL and half surrogate pairs are replaced, so that no database refuses them", () => {
  const failure = described(Object.assign(new Error("a\0b\ud800"), { code: "\0", stack: "s\0" }), "p\0");
  assert.deepEqual(
    [failure.message, failure.code, failure.stack, failure.path],
    ["a\ufffdb\ufffd", "\ufffd", "s\ufffd", "p\ufffd"],
  );
});

test("of an AggregateError the first five errors are told", () => {
  const errors = Array.from({ length: 10_000 }, (_, i) => new RangeError(`n${i}`));
  const { message } = described(new AggregateError(errors, "all failed"));
  assert.equal(
    message,
    "all failed\n- RangeError: n0\n- RangeError: n1\n- RangeError: n2\n- RangeError: n3\n- RangeError: n4\n- and 9995 more",
  );
  described(new AggregateError([null, everythingThrows({}), "x".repeat(1e6)]));
});

test("anything at all can be described", () => {
  fc.assert(fc.property(anyValue, (thrown) => void described(thrown)));
  fc.assert(
    fc.property(
      anyValue,
      anyValue,
      (message, cause) => void described(Object.assign(new Error("x"), { message, cause })),
    ),
  );
});
