/**
 * A pointer's path names it inside its instance: names joined by `/`, an iteration's index in brackets, a lap's number behind `#`,
 * as in `each[3]/ship` and `while#7/poll`. The static path of the same step has `[]` and `#` in place of the numbers.
 */

const indexes = /\[\d+\]/g;
const laps = /#\d+/g;

/** The path of a step in the definition's graph. */
export function staticPath(path: string): string {
  const unindexed = path.includes("[") ? path.replace(indexes, "[]") : path;
  return unindexed.includes("#") ? unindexed.replace(laps, "#") : unindexed;
}

/** The path of the block that a pointer runs in; `""` is the root block. */
export function blockOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** The path of a step by name in a block. */
export const childOf = (block: string, name: string): string => (block === "" ? name : `${block}/${name}`);

/** The path of a forEach's nth iteration. */
export const iterationOf = (path: string, n: number): string => `${path}[${n}]`;

/** The index of the iteration that a block path names, if its last part is one: 3 for `each[3]`. */
export function indexOf(block: string): number | undefined {
  if (!block.endsWith("]")) return undefined;
  return Number(block.slice(block.lastIndexOf("[") + 1, -1));
}

/** The path of the forEach whose iteration a block path names. */
export const forEachOf = (block: string): string => block.slice(0, block.lastIndexOf("["));

/** The forEach whose item a step takes that is given nothing else. */
export function iterationAround(path: string): string | undefined {
  for (let block = blockOf(path); block !== ""; block = blockOf(block)) {
    if (indexOf(block) !== undefined) return forEachOf(block);
  }
  return undefined;
}

/** The path of a loop's nth lap, from 1. */
export const lapOf = (path: string, n: number): string => `${path}#${n}`;

/** The number of the lap that a block path names, if its last part is one: 7 for `while#7`. */
export function lapNumberOf(block: string): number | undefined {
  const hash = block.lastIndexOf("#");
  return hash > block.lastIndexOf("/") ? Number(block.slice(hash + 1)) : undefined;
}

/** The path of the loop whose lap a block path names. */
export const loopOf = (block: string): string => block.slice(0, block.lastIndexOf("#"));

/** What lies in a block is what stands between these two, in the order of bytes. */
export const insideOf = (block: string): { readonly from: string; readonly to: string } => ({
  from: `${block}/`,
  to: `${block}0`,
});

/** Whether a path lies in a container or block (`""` is the whole run). */
export const isInside = (path: string, container: string): boolean =>
  container === "" || (path.startsWith(container) && insides.has(path.charCodeAt(container.length)));

const insides: ReadonlySet<number> = new Set(["/", "[", "#"].map((sign) => sign.charCodeAt(0)));

/** The path of a step's compensation, and back. */
export const undoOf = (path: string): string => `${path}/undo`;
export const undoneBy = (path: string): string => path.slice(0, -"/undo".length);
