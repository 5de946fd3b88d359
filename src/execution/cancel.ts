import type { ActivePointer, DoubtfulStep, Left, OpenScope, Rollback, StackHead } from "../models/frontier.ts";
import { isInside, iterationAround, staticPath, undoneBy } from "../models/path.ts";
import { storedFromJson } from "../models/stored-value.ts";
import type { Draft } from "./draft.ts";
import { amend, cancelPointer, restate } from "./finish.ts";
import { bothLeft } from "./not-undone.ts";
import { isUndoPath } from "./plan.ts";
import { stackUnder } from "./stack.ts";

/** What a rollback must undo of what was cancelled for it. */
export interface Remains {
  readonly heads: StackHead[];
  /** In the order in which they became ready. */
  readonly inDoubt: DoubtfulStep[];
  /** What was not undone by rollbacks that were cut off. */
  left?: Left | undefined;
}

/** Cancels all that is active inside a container, and gathers what a rollback must undo of it. */
export function cancelForRollback(draft: Draft, container: string): Remains {
  const remains: Remains = { heads: [], inDoubt: draft.doubts.splice(0) };
  const undos = cancelPointers(draft, container, (path, pointer) => {
    const doubtful = isInDoubt(draft, path);
    if (doubtful) remains.inDoubt.push(doubtOf(path, pointer));
    if (doubtful) keepItem(draft, path, pointer);
    cancelPointer(draft, path, doubtful ? { below: nothingBelow } : {});
  });
  for (const [path, scope] of draft.scopes) {
    if (!isInside(path, container)) continue;
    if (scope.undo !== undefined && scope.rollback === undefined) remains.heads.push(scope.undo);
    if (scope.rollback !== undefined) inherit(scope.rollback, undos, remains);
    cancelScope(draft, path, scope);
  }
  if (container === "" && draft.rollback !== undefined) inherit(draft.rollback, undos, remains);
  remains.inDoubt.sort(byReadiness);
  return remains;
}

/**
 * Cancels all that is active inside a block while the flow goes on outside of it. Nothing is undone now: steps that can be undone,
 * those in doubt included, go to the stack of the saga around the block, for a later rollback.
 */
export function cancelBlock(draft: Draft, block: string): void {
  stackDoubts(draft, block);
  const undos = cancelPointers(draft, block, (path, pointer) => {
    const doubtful = isInDoubt(draft, path);
    const head = { path, seq: draft.seq + 1, inDoubt: true } as const;
    if (doubtful) keepItem(draft, path, pointer);
    cancelPointer(draft, path, {
      ...(doubtful && { below: stackUnder(draft, block, head) }),
      ...(doubtful && pointer.input !== undefined && { input: storedFromJson(pointer.input) }),
    });
  });
  for (const [path, scope] of draft.scopes) {
    if (!isInside(path, block)) continue;
    const remains: Remains = { heads: [], inDoubt: [] };
    if (scope.rollback !== undefined) inherit(scope.rollback, undos, remains);
    else if (scope.undo !== undefined) remains.heads.push(scope.undo);
    cancelScope(draft, path, scope);
    const others = [...remains.heads, ...remains.inDoubt.map(({ ready: _, ...step }) => ({ ...step, seq: draft.seq }))];
    const { left } = remains;
    if (others.length === 0 && left === undefined) continue;
    const taken = { others, ...(left !== undefined && { left }) };
    const below = stackUnder(draft, block, { path, seq: draft.seq + 1 }, taken);
    cancelPointer(draft, path, { below });
  }
}

/** Steps that have just failed and may have had their effect go to the stack of the saga around. */
export function stackDoubts(draft: Draft, at: string): void {
  for (const { path } of draft.doubts.splice(0)) {
    const head = { path, seq: draft.seq, inDoubt: true } as const;
    amend(draft, path, { status: "Failed", below: stackUnder(draft, at, head) });
  }
}

/** What a compensation that is cut off goes on with when it begins again. */
type Undoing = Pick<StackHead, "started" | "persistence">;

/** Answers of which steps the compensation was cancelled, and what is to be known when it begins again. */
function cancelPointers(
  draft: Draft,
  container: string,
  cancel: (path: string, pointer: ActivePointer) => void,
): ReadonlyMap<string, Undoing> {
  draft.dropAgenda(container);
  const undos = new Map<string, Undoing>();
  const inside = [...draft.pointers].filter(([path]) => isInside(path, container));
  for (const [path, pointer] of inside.sort(([, one], [, other]) => byReadiness(one, other))) {
    if (!isUndoPath(draft.plan, path)) {
      cancel(path, pointer);
      continue;
    }
    // A compensation will run again under the same path: it is not over, so no row says that it is.
    draft.pointers.delete(path);
    draft.cancelled.push(path);
    const { started, persistence } = pointer;
    undos.set(undoneBy(path), { ...(started && { started }), ...(persistence !== undefined && { persistence }) });
  }
  return undos;
}

function inherit(rollback: Rollback, undos: ReadonlyMap<string, Undoing>, remains: Remains): void {
  const { heads, inDoubt } = remains;
  remains.left = bothLeft(remains.left, rollback.left);
  heads.push(...rollback.heads);
  inDoubt.push(...(rollback.inDoubt ?? []));
  if (rollback.current === undefined) return;
  const current = { ...rollback.current, ...undos.get(rollback.current.path) };
  if ("seq" in current) heads.push(current);
  else inDoubt.push(current);
}

function cancelScope(draft: Draft, path: string, scope: OpenScope): void {
  draft.closed.push(path);
  if (scope.started && !scope.left) restate(draft, path, "Cancelled");
  draft.scopes.delete(path);
}

/** A plain step that can be undone and may have had its effect: its body runs, has slept, or an attempt of it failed. */
function isInDoubt(draft: Draft, path: string): boolean {
  if (!draft.mayHaveBegun(path)) return false;
  const node = draft.plan.places.get(staticPath(path))?.node;
  return node?.kind === "step" && node.compensation !== undefined && !node.transactional && !node.skipInDoubt;
}

/** What says of a row on no stack of its own that a compensation may need it. */
const nothingBelow = "{}";

/** A step that was given the item of its iteration will be undone with it: the row that holds the items must stay. */
function keepItem(draft: Draft, path: string, pointer: ActivePointer): void {
  const container = pointer.input === undefined ? iterationAround(path) : undefined;
  if (container === undefined) return;
  const ended = draft.rows.find((row) => row.path === container)?.status; // it failed in this decision
  const { left } = draft.scope(container);
  amend(draft, container, { status: ended ?? (left ? "Complete" : "Started"), below: nothingBelow });
}

/** In the order of becoming ready. What has no number is never in doubt beside others. */
const byReadiness = (one: { readonly ready?: number }, other: { readonly ready?: number }): number =>
  (one.ready ?? 0) - (other.ready ?? 0);

const doubtOf = (path: string, pointer: ActivePointer): DoubtfulStep => ({
  path,
  inDoubt: true,
  ...(pointer.ready !== undefined && { ready: pointer.ready }),
  ...(pointer.input !== undefined && { input: pointer.input }),
});
