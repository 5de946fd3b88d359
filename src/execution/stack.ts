import type { Below, StackHead } from "../models/frontier.ts";
import { blockOf, staticPath } from "../models/path.ts";
import type { Draft } from "./draft.ts";

/** The saga that undoes what is done at this path; `""` is the run itself. */
export function sagaAround(draft: Draft, path: string): string {
  for (let block = blockOf(path); block !== ""; block = blockOf(block)) {
    const kind = draft.plan.places.get(staticPath(block))?.node.kind;
    if (kind === "saga" && draft.scope(block).rollback === undefined) return block;
  }
  return "";
}

/** Puts a pointer on the stack of the saga around `at`, and answers what its row must tell of it. */
export function stackUnder(draft: Draft, at: string, head: StackHead, taken: Omit<Below, "below"> = {}): string {
  const saga = sagaAround(draft, at);
  const below = saga === "" ? draft.undo : draft.scope(saga).undo;
  if (saga === "") draft.undo = head;
  else draft.scopes.set(saga, { ...draft.scope(saga), undo: head });
  const row: Below = { ...(below !== undefined && { below }), ...taken };
  return JSON.stringify(row);
}

/** Puts a compensable pointer that ends now on the stack of its saga, and answers what its row must tell of it. */
export const stack = (draft: Draft, path: string, inner?: StackHead): string =>
  stackUnder(draft, path, { path, seq: draft.seq + 1 }, inner && { inner });
