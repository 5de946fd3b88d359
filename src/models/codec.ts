import { ValueTooLargeError } from "./errors-values.ts";
import { maxValueBytes } from "./limits.ts";
import { storedFromTree, type StoredValue } from "./stored-value.ts";
import { utf8Bytes } from "./text.ts";
import { readTree } from "./value-reader.ts";
import { tag } from "./value-format.ts";
import { findUnstorableText } from "./value-path.ts";
import { writeTree } from "./value-writer.ts";

/**
 * Makes the stored form of a value, or refuses it; the value itself is read once and never kept or changed.
 *
 * Stored faithfully: JSON, and anywhere in it Date, bigint, Map, Set, Uint8Array and Buffer (both come back as Uint8Array), Error
 * (comes back as a plain Error with its name, message, stack, code and cause), and `undefined` as a whole value. As in JSON,
 * a field that is `undefined` is left out and -0 becomes 0; fields come back in the order in which jsonb keeps them.
 *
 * Throws `NotStorableError` for anything else (functions, symbols, class instances, promises, NaN, cycles, holes, more than 200
 * levels, NUL, lone surrogates, …), naming the path, and `ValueTooLargeError` above 4 MiB. `what` names the value in the error:
 * "result of step \"charge\"".
 */
export function encodeValue(value: unknown, what = "value"): StoredValue {
  switch (value) {
    case undefined:
      return storedUndefined;
    case true:
      return storedTrue;
    case false:
      return storedFalse;
    case null:
      return storedNull;
  }
  const { tree, isPlain } = writeTree(value, what);
  const json = JSON.stringify(tree);
  // A lone surrogate or a NUL is always escaped in the text, so most values need no look at each of their texts.
  if (json.includes("\\u")) findUnstorableText(tree, what);
  if (json.length * 3 > maxValueBytes) {
    const bytes = utf8Bytes(json);
    if (bytes > maxValueBytes) throw new ValueTooLargeError(what, bytes, maxValueBytes);
  }
  return storedFromTree(tree, json, isPlain);
}

/**
 * The value that a stored tree (JSON from the database, parsed) stands for, deeply frozen except for what cannot be (Date, Map,
 * Set, bytes, Error). The tree becomes the caller's no more: it is frozen, and parts of it are in the value.
 * Throws `CorruptStateError`; its code is UNKNOWN_TAG for what a later version wrote.
 */
export const decodeValue = (json: unknown): unknown => readTree(json).value;

const storedUndefined = storedFromTree(Object.freeze({ [tag.undefined]: true }), `{"${tag.undefined}":true}`, false);
const storedTrue = storedFromTree(true, "true", true);
const storedFalse = storedFromTree(false, "false", true);
const storedNull = storedFromTree(null, "null", true);
