import type { Tables } from "./tables.ts";

/*
 * How a statement takes rows that other nodes may want in the same instant: a CTE picks them, the statement changes them.
 *
 * With SKIP LOCKED they are locked as they are picked, and what others hold is passed by. Without it nothing is locked as it is
 * picked. The change then locks row by row in the order of keys, as all batches do, so those who picked the same rows wait for each
 * other and never deadlock; and it looks again at each row that it gets, so the later one finds nothing left to take.
 */

/** Behind the picking query. `lock`: `for update`, `for no key update`. */
export const passingBy = (t: Tables, lock: string): string => (t.skipLocked ? ` ${lock} skip locked` : "");

/** The picked rows as the change reads them; an alias must follow. */
export const inKeyOrder = (t: Tables, picked: string, key: string = "bucket, id"): string =>
  t.skipLocked ? picked : `(select * from ${picked} order by ${key} offset 0)`;

/** What the change asks again. Written so that no index serves it: rows are found by their keys. */
export const stillSo = (t: Tables, condition: string): string => (t.skipLocked ? "" : ` and (${condition}) is true`);

/**
 * Equality of a key's first column with one of a batch. `column = value` would also serve a merge join, for which the planner considers to
 * read the whole table in the order of its key; and where the server takes a table for empty (all was purged, say) that looks as good as a
 * probe for each row of the batch, and is done for each row of the table once that has grown. For the same reason what a partial index
 * promises is asked with `is true`.
 */
export const at = (column: string, value: string): string => `${column} = any(array[${value}])`;
