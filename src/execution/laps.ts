import type { LoopNode, RecurNode } from "../models/definition.ts";
import { isInside, lapOf } from "../models/path.ts";
import type { PrunedLap } from "../models/transition.ts";
import type { Draft } from "./draft.ts";
import { sagaAround } from "./stack.ts";

/**
 * Loops that keep no more than the rows of their last laps. A lap's rows go when they are too old, unless a later compensation may need
 * them: the loop notes in which lap its saga's stack has grown last. Of a lap before that one the rows on a stack stay, and all that
 * their compensations read; of a lap behind it, nothing does.
 */

/** A loop goes into its next lap: the oldest that it keeps is one too many now. */
export function nextLap(draft: Draft, path: string, node: LoopNode | RecurNode): number {
  const lap = (draft.scope(path).lap ?? 0) + 1;
  const stacked = lastStacked(draft, path, node);
  draft.scopes.set(path, {
    ...draft.scope(path),
    lap,
    ...(node.keepLaps !== undefined && { since: draft.seq }),
    ...(stacked !== undefined && { stacked }),
  });
  prune(draft, path, node, lap - (node.keepLaps ?? lap));
  return lap;
}

/** What held a lap's rows beyond their time does so no longer: they go if the loop has kept enough laps behind it. */
export function letGo(draft: Draft, path: string, node: LoopNode | RecurNode, lap: number): void {
  const { lap: newest = 0 } = draft.scope(path);
  if (node.keepLaps === undefined || lap > newest - node.keepLaps) return;
  const stacked = lastStacked(draft, path, node);
  if (stacked !== undefined) draft.scopes.set(path, { ...draft.scope(path), stacked });
  prune(draft, path, node, lap);
}

/** The last lap that may have put something on the stack around the loop. */
function lastStacked(draft: Draft, path: string, node: LoopNode | RecurNode): number | undefined {
  const { lap, since = 0, stacked } = draft.scope(path);
  if (node.keepLaps === undefined || lap === undefined) return undefined;
  const saga = sagaAround(draft, path);
  const head = saga === "" ? draft.undo : draft.scope(saga).undo;
  return head !== undefined && head.seq > since ? lap : stacked;
}

function prune(draft: Draft, path: string, node: LoopNode | RecurNode, lap: number): void {
  if (node.keepLaps === undefined || lap < 1 || isHeld(draft, path, lap)) return;
  const { stacked = 0 } = draft.scope(path);
  const pruned: PrunedLap = { block: lapOf(path, lap), keep: lap > stacked ? "nothing" : "stacked" };
  draft.prune.push(pruned);
  // One statement does not see its own inserts, and may not touch a row twice: what goes at once is not written at all.
  const stays = draft.rows.filter((row) => !isInside(row.path, pruned.block) || isNeeded(row, pruned));
  draft.rows.splice(0, draft.rows.length, ...stays);
}

const isNeeded = (row: Draft["rows"][number], { keep }: PrunedLap): boolean =>
  keep === "stacked" && (row.write === "update" || (row.below !== null && row.status !== "Compensated"));

/** A lap that is under way, or whose value is that of the loop. */
function isHeld(draft: Draft, path: string, lap: number): boolean {
  const { last } = draft.scope(path);
  const block = lapOf(path, lap);
  if (last !== undefined && isInside(last, block)) return true;
  if (draft.scope(path).open === undefined) return false;
  for (const open of draft.pointers.keys()) if (isInside(open, block)) return true;
  for (const open of draft.scopes.keys()) if (isInside(open, block)) return true;
  return draft.moves.some((move) => isInside(move.path, block)) || draft.asks.some((ask) => isInside(ask.path, block));
}
