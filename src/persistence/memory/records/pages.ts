import type { CheckedPage, Cursor } from "../../../models/records/page.ts";

/** Milliseconds as whole microseconds, in digits. */
export const microsOf = (ms: number): string => `${Math.round(ms * 1000)}`;

/** Whether a row of this time and key comes after the cursor, or before it, backwards. */
export function isBeyond(
  after: Cursor,
  ms: number,
  key: string,
  order: "forwards" | "backwards" = "forwards",
): boolean {
  const [at, own] = [Number(after.at), Math.round(ms * 1000)];
  if (own !== at) return order === "forwards" ? own > at : own < at;
  return order === "forwards" ? key > after.key : key < after.key;
}

/** The rows of a page, and one more. */
export const pageRows = <R>(rows: readonly R[], page: CheckedPage): readonly R[] =>
  rows.slice(page.offset, page.offset + page.limit + 1);
