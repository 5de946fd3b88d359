import assert from "node:assert/strict";
import { test } from "node:test";
import { cutToBytes, shownValue, utf8Bytes } from "../../src/models/text.ts";

test("a text that is cut to so many bytes says so, and holds no half of a character", () => {
  assert.equal(cutToBytes("a".repeat(20), 20), "a".repeat(20));
  assert.equal(cutToBytes("a".repeat(21), 20), `${"a".repeat(11)}… (cut)`);
  for (let length = 20; length < 30; length += 1) {
    const cut = cutToBytes("x" + "😀".repeat(10), length);
    assert.match(cut, /^x😀{0,4}… \(cut\)$/u);
    assert.ok(utf8Bytes(cut) <= length);
  }
});

test("a value is shown as what it is, or as the kind of thing it is", () => {
  const shown = ["a\0", 5, true, null, undefined, new Date(Number.NaN), [1], {}, () => 1, 5n].map(shownValue);
  assert.deepEqual(shown, [
    '"a\ufffd"',
    "5",
    "true",
    "null",
    "undefined",
    "Invalid Date",
    "an array",
    "an object",
    "a function",
    "a bigint",
  ]);
});
