import { CorruptStateError } from "./errors-values.ts";
import { isTag, setField, tag, userKeyOf } from "./value-format.ts";

/** What reading a tree has found out about it. */
export interface Reading {
  readonly value: unknown;
  /** Whether it holds something that cannot be frozen (Date, Map, Set, bytes, Error), so that each reader needs their own. */
  readonly mutable: boolean;
}

/** Deeper than any tree that the writer makes: four levels of JSON for each level of Maps, two hundred times. */
const maxTreeDepth = 1000;

/**
 * Reads a stored tree: JSON as the database gave it, parsed. The tree becomes the reader's: it is frozen, and what needs no
 * translation is answered as it stands. Throws `CorruptStateError` (UNKNOWN_TAG for tags of a later version).
 */
export function readTree(tree: unknown): Reading {
  if (isObject(tree) && tree[tag.undefined] === true && onlyKey(tree)) return { value: undefined, mutable: false };
  const reader = new Reader();
  return { value: reader.read(tree, 0), mutable: reader.mutable };
}

type Json = Readonly<Record<string, unknown>>;

class Reader {
  mutable = false;

  read(node: unknown, depth: number): unknown {
    if (typeof node !== "object" || node === null) return node;
    if (depth > maxTreeDepth) throw new CorruptStateError("value", `it nests deeper than ${maxTreeDepth} levels`);
    return Array.isArray(node) ? this.readArray(node, depth) : this.readObject(node as Json, depth);
  }

  private readArray(items: readonly unknown[], depth: number): readonly unknown[] {
    let copy: unknown[] | undefined;
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      const value = this.read(item, depth + 1);
      if (value === item) continue;
      copy ??= items.slice();
      copy[i] = value;
    }
    return Object.freeze(copy ?? items);
  }

  private readObject(node: Json, depth: number): unknown {
    let copy: Record<string, unknown> | undefined;
    const keys = Object.keys(node);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] ?? "";
      if (isTag(key)) return this.readTagged(node, key, depth);
      const stored = node[key];
      const value = this.read(stored, depth + 1);
      const userKey = userKeyOf(key);
      if (copy === undefined && (value !== stored || userKey !== key)) copy = firstFields(node, keys, i);
      if (copy !== undefined) setField(copy, userKey, value);
    }
    return Object.freeze(copy ?? node);
  }

  private readTagged(node: Json, name: string, depth: number): unknown {
    if (!onlyKey(node)) throw new CorruptStateError("value", `a tag ${JSON.stringify(name)} stands beside other keys`);
    const content = node[name];
    if (name === tag.bigint) return readBigint(content);
    this.mutable = true;
    switch (name) {
      case tag.date:
        return readDate(content);
      case tag.bytes:
        return readBytes(content);
      case tag.set:
        return new Set(this.readArray(asArray(content, name), depth + 2));
      case tag.map:
        return new Map(asArray(content, name).map((entry) => this.readEntry(entry, depth + 3)));
      case tag.error:
        return this.readError(content, depth + 2);
      default:
        throw new CorruptStateError(
          "value",
          `this version does not know the tag ${JSON.stringify(name)}`,
          "UNKNOWN_TAG",
        );
    }
  }

  private readEntry(entry: unknown, depth: number): [unknown, unknown] {
    if (!Array.isArray(entry) || entry.length !== 2) throw malformed(tag.map);
    return [this.read(entry[0], depth), this.read(entry[1], depth)];
  }

  private readError(content: unknown, depth: number): Error {
    if (!isObject(content)) throw malformed(tag.error);
    const { name, message, stack, code } = content;
    if (typeof name !== "string" || typeof message !== "string") throw malformed(tag.error);
    const error = new Error(message);
    hide(error, "stack", typeof stack === "string" ? stack : `${name}: ${message}`);
    if (name !== "Error") hide(error, "name", name);
    if (typeof code === "string" || typeof code === "number") Object.assign(error, { code });
    if (Object.hasOwn(content, "cause")) hide(error, "cause", this.read(content["cause"], depth));
    return error;
  }
}

/** The first `count` fields, which needed no translation. */
function firstFields(node: Json, keys: readonly string[], count: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (let i = 0; i < count; i++) {
    const key = keys[i] ?? "";
    setField(copy, key, node[key]);
  }
  return copy;
}

function readBigint(content: unknown): bigint {
  if (typeof content !== "string" || !/^-?\d+$/.test(content)) throw malformed(tag.bigint);
  return BigInt(content);
}

function readDate(content: unknown): Date {
  const date = new Date(typeof content === "string" ? content : Number.NaN);
  if (Number.isNaN(date.getTime())) throw malformed(tag.date);
  return date;
}

function readBytes(content: unknown): Uint8Array {
  if (typeof content !== "string") throw malformed(tag.bytes);
  return new Uint8Array(Buffer.from(content, "base64")); // a copy: a Buffer may be a window of a shared pool
}

function asArray(content: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(content)) throw malformed(name);
  return content;
}

/** As errors have them: there, but not among the enumerable fields. */
function hide(error: Error, field: string, value: unknown): void {
  Object.defineProperty(error, field, { value, enumerable: false, configurable: true, writable: true });
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const onlyKey = (node: Json): boolean => Object.keys(node).length === 1;

const malformed = (name: string): CorruptStateError =>
  new CorruptStateError("value", `the content of a ${name} is malformed`);
