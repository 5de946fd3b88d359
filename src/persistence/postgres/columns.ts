/**
 * Array literals of PostgreSQL, made by hand: the driver's own conversion costs more than the batch's statement in Node. A column in
 * which every row is null is sent as one null; `unnest` beside longer columns fills it up again.
 */

/** For int[], bigint[], float8[], smallint[], bool[] and uuid[]: nothing in these needs quotes. */
export function plain<R>(rows: readonly R[], of: (row: R) => number | string | boolean): string {
  let text = "{";
  for (const row of rows) text += text === "{" ? of(row) : `,${of(row)}`;
  return `${text}}`;
}

/** The same, for columns with nulls. */
export function plainOrNull<R>(rows: readonly R[], of: (row: R) => number | string | boolean | null): string | null {
  let text = "{";
  let isEmpty = true;
  for (const row of rows) {
    const value = of(row);
    if (value !== null) isEmpty = false;
    text += `${text === "{" ? "" : ","}${value ?? "null"}`;
  }
  return isEmpty ? null : `${text}}`;
}

/** For text[] and jsonb[]. Rows of one batch are much alike, so what was just quoted is not quoted again. */
export function quoted<R>(rows: readonly R[], of: (row: R) => string | null): string | null {
  let text = "{";
  let isEmpty = true;
  let before: string | null = null;
  let literal = "null";
  for (const row of rows) {
    const value = of(row);
    if (value !== before) {
      literal = value === null ? "null" : quote(value);
      before = value;
    }
    if (value !== null) isEmpty = false;
    text += text === "{" ? literal : `,${literal}`;
  }
  return isEmpty ? null : `${text}}`;
}

const special = /["\\]/g;

const quote = (text: string): string => `"${text.replace(special, "\\$&")}"`;
