import { types } from "node:util";
import { NotStorableError, ValueTooLargeError } from "./errors-values.ts";
import { maxValueBytes, maxValueDepth } from "./limits.ts";
import { describeInstance, hasSymbols, isBuiltIn, isForeignObject, nameOfClass } from "./value-class.ts";
import { bytesOfKey, compareKeys, setField, storedKeyOf, tag } from "./value-format.ts";
import { pathOf } from "./value-path.ts";

/** A value's stored form. */
export interface Writing {
  /** Frozen JSON. */
  readonly tree: unknown;
  /** Whether the tree is the value: it holds no tag and no escaped key. */
  readonly isPlain: boolean;
}

/** Makes the tree of a value, reading each part of it once. Throws `NotStorableError` and `ValueTooLargeError`. */
export function writeTree(value: unknown, what: string): Writing {
  const writer = new Writer(what);
  try {
    return { tree: writer.write(value), isPlain: writer.isPlain };
  } catch (error) {
    throw error === writer.refusal ? error : writer.refused("something that throws when it is read", error);
  }
}

const bufferPrototype = Buffer.prototype as object;

const maxBigintDigits = 100_000;

/** Longer arrays are not asked for fields besides their items: that would take longer than all the rest. */
const askedItems = 1000;

type Fields = Readonly<Record<string, unknown>>;

class Writer {
  isPlain = true;
  /** The error that this writer threw, to be told from one of the user's. */
  refusal: unknown = undefined;
  private readonly what: string;
  /** Where the writer stands: `path[i]` is the way from `ancestors[i]` down, for i below `depth`. */
  private readonly path: (string | number)[] = [];
  private readonly ancestors: object[] = [];
  private depth = 0;
  /** Bytes of JSON so far, at least: stops what grows without end (a value may be reached along millions of ways). */
  private bytes = 0;

  constructor(what: string) {
    this.what = what;
  }

  write(value: unknown): unknown {
    switch (typeof value) {
      case "string":
        this.count(value.length + 2);
        return value;
      case "number":
        this.count(1);
        if (value - value !== 0) throw this.refused(`${value}, which JSON does not know`);
        return value + 0; // -0 becomes 0, as in JSON
      case "boolean":
        this.count(4);
        return value;
      case "object":
        if (value !== null) return this.writeObject(value);
        this.count(4);
        return null;
      case "bigint":
        return this.writeBigint(value);
      case "undefined":
        throw this.refused("undefined, which only a field or a whole value may be: use null");
      default:
        throw this.refused(`a ${typeof value}`);
    }
  }

  /** The refusal of what stands at the present path. */
  refused(reason: string, cause?: unknown): NotStorableError {
    const path = pathOf(this.path.slice(0, this.depth));
    const error = new NotStorableError(this.what, path, reason, cause === undefined ? undefined : { cause });
    this.refusal = error;
    return error;
  }

  private writeObject(value: object): unknown {
    if (Array.isArray(value)) {
      if (!isBuiltIn(value, Array.prototype, "Array")) throw this.refused(describeInstance(value));
      return this.writeArray(value);
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return this.writeFields(value as Fields);
    if (types.isDate(value) && isBuiltIn(value, Date.prototype, "Date")) return this.writeDate(value);
    if (types.isUint8Array(value)) return this.writeBytes(value);
    if (types.isMap(value) && isBuiltIn(value, Map.prototype, "Map")) return this.writeMap(value);
    if (types.isSet(value) && isBuiltIn(value, Set.prototype, "Set")) return this.writeSet(value);
    if (types.isNativeError(value) || value instanceof Error) return this.writeError(value);
    if (isForeignObject(prototype)) return this.writeFields(value as Fields);
    throw this.refused(describeInstance(value));
  }

  /** `container` is what an ancestor must not be: the array, or the Map or Set that it was taken from. */
  private writeArray(items: readonly unknown[], container: object = items): readonly unknown[] {
    const length = items.length;
    this.count(length + 1); // now, for an array of holes may claim to be four billion long
    if (length <= askedItems && Object.keys(items).length > length)
      throw this.refused("an array that has fields besides its items");
    this.enter(container);
    const copy: unknown[] = [];
    for (let i = 0; i < length; i++) {
      this.path[this.depth - 1] = i;
      const item = items[i];
      if (item === undefined)
        throw this.refused(i in items ? "undefined, which an array cannot hold: use null" : "a hole in an array");
      copy.push(this.write(item));
    }
    this.depth--;
    return Object.freeze(copy);
  }

  private writeFields(value: Fields): Fields {
    if (hasSymbols(value)) throw this.refused("an object with a symbol for a key");
    const keys = ordered(Object.keys(value));
    this.enter(value);
    this.count(2);
    const copy: Record<string, unknown> = {};
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] ?? "";
      this.path[this.depth - 1] = key;
      const field = value[key];
      if (field === undefined) continue;
      this.count(key.length + 3);
      const storedKey = storedKeyOf(key);
      if (storedKey !== key) this.isPlain = false;
      setField(copy, storedKey, this.write(field));
    }
    this.depth--;
    return Object.freeze(copy);
  }

  private writeBigint(value: bigint): Fields {
    // Counted in hexadecimal, which is quick to make; decimal takes seconds for a few million digits.
    if (value.toString(16).length > maxBigintDigits)
      throw this.refused(`a bigint of more than ${maxBigintDigits} digits`);
    return this.tagged(tag.bigint, value.toString());
  }

  private writeDate(date: Date): Fields {
    this.refuseExtras(date);
    const ms = Date.prototype.getTime.call(date);
    if (Number.isNaN(ms)) throw this.refused("an Invalid Date");
    this.count(40);
    return this.tagged(tag.date, new Date(ms).toISOString());
  }

  private writeBytes(bytes: Uint8Array): Fields {
    if (!isBuiltIn(bytes, bufferPrototype, "Buffer") && !isBuiltIn(bytes, Uint8Array.prototype, "Uint8Array")) {
      throw this.refused(describeInstance(bytes));
    }
    this.count(Math.ceil(bytes.byteLength / 3) * 4 + 14);
    return this.tagged(tag.bytes, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64"));
  }

  private writeMap(map: ReadonlyMap<unknown, unknown>): Fields {
    this.refuseExtras(map);
    const entries: [unknown, unknown][] = [];
    Map.prototype.forEach.call(map, (value, key) => {
      this.count(6);
      entries.push([key, value]);
    });
    return this.tagged(tag.map, this.writeArray(entries, map));
  }

  private writeSet(set: ReadonlySet<unknown>): Fields {
    this.refuseExtras(set);
    const members: unknown[] = [];
    Set.prototype.forEach.call(set, (member) => {
      this.count(2);
      members.push(member);
    });
    return this.tagged(tag.set, this.writeArray(members, set));
  }

  /** Field by field in the order of jsonb. What else an error has is not kept. */
  private writeError(error: Error): Fields {
    this.enter(error);
    const fields: Record<string, unknown> = {};
    const { code } = error as { readonly code?: unknown };
    if (typeof code === "string" || typeof code === "number") fields["code"] = this.writeAt("code", code);
    fields["name"] = this.writeAt("name", String(error.name));
    const cause = error.cause;
    if (cause !== undefined) fields["cause"] = this.writeAt("cause", cause);
    const stack: unknown = error.stack;
    if (typeof stack === "string") fields["stack"] = this.writeAt("stack", stack);
    fields["message"] = this.writeAt("message", String(error.message));
    this.depth--;
    return this.tagged(tag.error, Object.freeze(fields));
  }

  private writeAt(field: string, value: unknown): unknown {
    this.path[this.depth - 1] = field;
    return this.write(value);
  }

  private tagged(name: string, content: unknown): Fields {
    this.isPlain = false;
    return Object.freeze({ [name]: content });
  }

  private refuseExtras(value: object): void {
    if (Object.keys(value).length > 0) throw this.refused(`a ${nameOfClass(value)} with fields of its own`);
  }

  private enter(container: object): void {
    if (this.depth >= maxValueDepth) {
      throw this.cycle() ?? this.refused(`deeper than ${maxValueDepth} levels`);
    }
    this.ancestors[this.depth++] = container;
  }

  private count(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes > maxValueBytes) throw this.tooLarge();
  }

  private tooLarge(): Error {
    const error = this.cycle() ?? new ValueTooLargeError(this.what, this.bytes, maxValueBytes);
    this.refusal = error;
    return error;
  }

  /** Whether an ancestor holds itself. Asked only when a limit is reached, which a cycle always does. */
  private cycle(): NotStorableError | undefined {
    const seen = new Set<object>();
    for (let i = 0; i < this.depth; i++) {
      const ancestor = this.ancestors[i] ?? seen;
      if (seen.has(ancestor)) {
        this.depth = i;
        return this.refused("an object that holds itself");
      }
      seen.add(ancestor);
    }
    return undefined;
  }
}

/** The keys in the order of jsonb (by what they are stored as). Sorts in place; most objects come in order. */
function ordered(keys: string[]): readonly string[] {
  let bytes = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] ?? "";
    const before = bytes;
    bytes = bytesOfKey(key);
    const isBehind = bytes > before || i === 0 || (bytes === before && compareKeys(keys[i - 1] ?? "", key) < 0);
    if (!isBehind || storedKeyOf(key) !== key) return keys.sort((a, b) => compareKeys(storedKeyOf(a), storedKeyOf(b)));
  }
  return keys;
}
