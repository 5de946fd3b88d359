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

type Scalar = number | string | boolean;

/** One column of what a statement is given: its name and type there, and where its values come from. */
export interface Column<R> {
  readonly name: string;
  readonly type: string;
  readonly list: (rows: readonly R[]) => string | null;
  readonly value: (row: R) => Scalar | null;
}

const column = <R, V extends Scalar | null>(
  declared: string,
  of: (row: R) => V,
  list: (rows: readonly R[], of: (row: R) => V) => string | null,
): Column<R> => {
  const [name = "", type = ""] = declared.split(" ");
  return { name, type, value: of, list: (rows) => list(rows, of) };
};

/** As in `plainColumn("bucket int", (row) => row.bucket)`. */
export const plainColumn = <R>(declared: string, of: (row: R) => Scalar): Column<R> => column(declared, of, plain);
export const plainOrNullColumn = <R>(declared: string, of: (row: R) => Scalar | null): Column<R> =>
  column(declared, of, plainOrNull);
export const quotedColumn = <R>(declared: string, of: (row: R) => string | null): Column<R> =>
  column(declared, of, quoted);

export const namesOf = <R>(columns: readonly Column<R>[]): string => columns.map(({ name }) => name).join(", ");

/** A source of rows: parameters from `first` on, one array a column. */
export const manyRows = <R>(columns: readonly Column<R>[], first: number): string =>
  `unnest(${columns.map(({ type }, n) => `$${first + n}::${type}[]`).join(", ")})`;

/** A source of one row, without arrays. `more` is SQL for further columns. */
export const oneRow = <R>(columns: readonly Column<R>[], first: number, more = ""): string =>
  `(select ${columns.map(({ type }, n) => `$${first + n}::${type}`).join(", ")}${more})`;

export const listsOf = <R>(columns: readonly Column<R>[], rows: readonly R[]): readonly (string | null)[] =>
  columns.map(({ list }) => list(rows));

export const valuesOf = <R>(columns: readonly Column<R>[], row: R): readonly (Scalar | null)[] =>
  columns.map(({ value }) => value(row));

const special = /["\\]/g;

const quote = (text: string): string => `"${text.replace(special, "\\$&")}"`;
