import { InvalidRecordError } from "../errors-records.ts";
import { fieldsOf } from "../known-fields.ts";
import { isStorableText } from "../text.ts";
import { checkFields, checkWhole, isAbsent } from "./check.ts";

/** Which part of a listing is wanted. */
export interface PageRequest {
  /** How many at most: 1 to 10,000. Default: 100. */
  readonly limit?: number | undefined;
  /** How many to pass over. Costs as much as reading them; `after` does not. */
  readonly offset?: number | undefined;
  /** `next` of the page before this one. Not together with `offset`. */
  readonly after?: string | null | undefined;
}

/** A part of a listing. */
export interface Page<T> {
  readonly items: readonly T[];
  /** What to give as `after` for the next part; null: this was the last one. */
  readonly next: string | null;
}

/** A place in a listing that is ordered by time and then by a key: both exactly as the database has them. */
export interface Cursor {
  /** Microseconds since the epoch, as digits. */
  readonly at: string;
  readonly key: string;
}

/** A checked `PageRequest`. */
export interface CheckedPage {
  readonly limit: number;
  readonly offset: number;
  readonly after: Cursor | null;
}

export type Listing = "instances" | "events" | "history" | "errors" | "pointers";

const [defaultLimit, maxLimit, maxOffset] = [100, 10_000, 1_000_000_000];

export const checkLimit = (value: unknown, path = "limit"): number =>
  checkWhole(value, path, { from: 1, to: maxLimit });

const pageFields = fieldsOf<PageRequest>({ limit: true, offset: true, after: true });

/** Throws `InvalidRecordError`. */
export function checkPage(page: PageRequest | undefined, listing: Listing): CheckedPage {
  if (page === undefined) return { limit: defaultLimit, offset: 0, after: null };
  checkFields(page, "page", pageFields);
  const { limit, offset, after } = page;
  if (!isAbsent(after) && !isAbsent(offset))
    throw new InvalidRecordError("page", "has both `after` and `offset`; one of them says where to begin");
  return {
    limit: isAbsent(limit) ? defaultLimit : checkLimit(limit, "page.limit"),
    offset: isAbsent(offset) ? 0 : checkWhole(offset, "page.offset", { from: 0, to: maxOffset }),
    after: isAbsent(after) ? null : readToken(after, listing),
  };
}

/** The page that rows make, of which one more than wanted was asked for. */
export function pageOf<R extends { readonly cursor: Cursor }, T>(
  rows: readonly R[],
  page: CheckedPage,
  listing: Listing,
  make: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  const next = rows.length > page.limit && last !== undefined ? tokenOf(last.cursor, listing) : null;
  return { items: shown.map(make), next };
}

const tokenOf = ({ at, key }: Cursor, listing: Listing): string =>
  Buffer.from(JSON.stringify([listing, at, key])).toString("base64url");

function readToken(token: unknown, listing: Listing): Cursor {
  if (typeof token !== "string" || token.length > 2_000 || !/^[\w-]+$/.test(token)) return refuse(listing);
  let read: unknown;
  try {
    read = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
  } catch {
    return refuse(listing);
  }
  if (!Array.isArray(read) || read.length !== 3 || read[0] !== listing) return refuse(listing);
  const [, at, key] = read as readonly unknown[];
  if (typeof at !== "string" || !/^\d{1,17}$/.test(at)) return refuse(listing);
  return typeof key === "string" && key.length <= 1_000 && isStorableText(key) ? { at, key } : refuse(listing);
}

function refuse(listing: Listing): never {
  throw new InvalidRecordError("page.after", `is no \`next\` that a page of ${listing} gave`);
}
