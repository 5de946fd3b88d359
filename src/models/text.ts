const unstorable = /[\0\p{Surrogate}]/u;
const everyUnstorable = /[\0\p{Surrogate}]/gu;

/** Whether PostgreSQL can store this text: no NUL and no half of a surrogate pair. */
export const isStorableText = (text: string): boolean => !unstorable.test(text);

/** The text with each NUL and each half surrogate pair replaced by U+FFFD. */
export const storableText = (text: string): string => text.replace(everyUnstorable, "\ufffd");

/** At most `length` characters of the text, storable, with a sign that it was cut. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? storableText(text) : `${storableText(text.slice(0, length - 1))}…`;
}

/** Stands where the rest of a text was. */
export const cutMark = "… (cut)";

/** The text, cut if it takes more than so many bytes of UTF-8, and saying so. */
export function cutToBytes(text: string, bytes: number): string {
  if (utf8Bytes(text) <= bytes) return text;
  const head = Buffer.from(text, "utf8").subarray(0, bytes - utf8Bytes(cutMark));
  return new TextDecoder().decode(head, { stream: true }) + cutMark; // drops half a character at the end
}

/** The text as a sentence: with a full stop, unless it ends like one. */
export const sentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`);

/** Bytes that the text takes in UTF-8. */
export const utf8Bytes = (text: string): number => Buffer.byteLength(text, "utf8");

/** The noun with its article. */
export const withArticle = (noun: string): string => `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;

/** A value for people, short and printable: a text in quotes, what is short as it is, of all else what kind of thing it is. */
export function shownValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(shorten(value, 60));
  if (Array.isArray(value)) return "an array";
  const isShort = value === null || ["undefined", "number", "boolean"].includes(typeof value) || value instanceof Date;
  return isShort ? String(value) : withArticle(typeof value);
}
