import { utf8Bytes } from "./text.ts";

/**
 * The stored form of values. It is plain JSON, and where JSON has no word for something, an object with one key:
 *
 * | key             | holds                                        | stands for                       |
 * | --------------- | -------------------------------------------- | -------------------------------- |
 * | `$wf:date`      | ISO 8601 text                                | Date                             |
 * | `$wf:bigint`    | decimal text                                 | bigint                           |
 * | `$wf:map`       | array of [key, value]                        | Map                              |
 * | `$wf:set`       | array                                        | Set                              |
 * | `$wf:bytes`     | base64 text                                  | Uint8Array                       |
 * | `$wf:error`     | {name, message, stack?, code?, cause?}       | Error                            |
 * | `$wf:undefined` | true                                         | undefined, as a whole value only |
 *
 * A user's own key that begins with `$`s and then `wf:` gets one more `$` in front. Any other key `$wf:…` is refused when read:
 * compression and encryption will use some. This format is for ever.
 */
export const tag = {
  date: "$wf:date",
  bigint: "$wf:bigint",
  map: "$wf:map",
  set: "$wf:set",
  bytes: "$wf:bytes",
  error: "$wf:error",
  undefined: "$wf:undefined",
} as const;

const dollar = 0x24;

const looksTagged = /^\$+wf:/;
const isEscaped = /^\$\$+wf:/;

/** Whether a stored key is a tag. */
export const isTag = (storedKey: string): boolean => storedKey.charCodeAt(0) === dollar && storedKey.startsWith("$wf:");

/** The key under which a user's key is stored. */
export const storedKeyOf = (key: string): string =>
  key.charCodeAt(0) === dollar && looksTagged.test(key) ? `$${key}` : key;

/** The user's key that is stored under this one. */
export const userKeyOf = (storedKey: string): string =>
  storedKey.charCodeAt(0) === dollar && isEscaped.test(storedKey) ? storedKey.slice(1) : storedKey;

/** The order in which jsonb keeps the keys of an object: by length in UTF-8, then by bytes. */
export function compareKeys(a: string, b: string): number {
  const shorter = bytesOfKey(a) - bytesOfKey(b);
  return shorter !== 0 ? shorter : compareCodePoints(a, b);
}

/** Adds or replaces a field, also one called `__proto__`, which plain assignment would turn into the prototype. */
export function setField(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[key] = value;
  }
}

/** Bytes of a key in UTF-8; quick for the usual ASCII. */
export function bytesOfKey(key: string): number {
  for (let i = 0; i < key.length; i++) {
    if (key.charCodeAt(i) > 0x7f) return utf8Bytes(key);
  }
  return key.length;
}

/** UTF-8 bytes compare as code points do; UTF-16 units do not, for surrogates stand below U+E000. */
function compareCodePoints(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return unitRank(x) - unitRank(y);
  }
  return a.length - b.length;
}

const unitRank = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit);
