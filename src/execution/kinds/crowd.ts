import type { AnswerFact, Child } from "../facts.ts";
import type { Draft } from "../draft.ts";
import { endContainer, forgetKept } from "../finish.ts";
import { maxActivePointers } from "../../models/limits.ts";

/** What forEach and parallel share: children that are admitted a few at a time, counted, and joined. */
export interface Crowd {
  readonly concurrency: number;
  /** The block of the nth child. */
  block(n: number): string;
}

/** Admits children while there is room; those for whom this transition has none wait for the next. */
export function admit(draft: Draft, path: string, crowd: Crowd): void {
  for (;;) {
    const scope = draft.scope(path);
    const { open = 0, next = 0, count = 0 } = scope;
    if (next >= count || open >= crowd.concurrency) return;
    if (open > 0 && draft.pointers.size >= maxActivePointers) return;
    if (draft.isFull) {
      draft.more = true;
      return;
    }
    draft.scopes.set(path, { ...scope, open: open + 1, next: next + 1 });
    draft.enterBlock(crowd.block(next));
  }
}

/** A child is done: the next is admitted, or all are joined. */
export function childDone(draft: Draft, path: string, block: string): void {
  forgetKept(draft, block);
  const scope = draft.scope(path);
  const { open = 0, next = 0, count = 0 } = scope;
  draft.scopes.set(path, { ...scope, open: open - 1 });
  if (next < count) draft.moves.push({ kind: "admit", path });
  else if (open === 1) draft.moves.push({ kind: "join", path });
}

/** All children are done: their values are collected if somebody reads them, else the container ends at once. */
export function join(draft: Draft, path: string, children: () => readonly Child[]): void {
  if (draft.place(path).valued) draft.asks.push({ kind: "collect", path, children: children() });
  else leaveCrowd(draft, path, undefined);
}

/** Ends the container with what was collected. */
export function leaveCrowd(
  draft: Draft,
  path: string,
  collected: (AnswerFact & { readonly ask: "collect" }) | undefined,
): void {
  const { node } = draft.place(path);
  const started = draft.scope(path).started;
  const patched = collected?.patched;
  if (patched !== undefined) draft.setData(patched.data);
  if (started) draft.pointers.set(path, { started });
  endContainer(draft, path, { outcome: collected?.value?.json, patch: patched?.patch });
  if (collected?.value !== undefined) draft.values.set(path, collected.value);
  draft.closed.push(path);
  draft.keep(path, node.as);
  draft.moves.push({ kind: "leave", path });
}
