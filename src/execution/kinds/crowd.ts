import { encodeValue } from "../../models/codec.ts";
import type { ForEachNode, JoinPolicy, ParallelNode, RaceNode } from "../../models/definition.ts";
import type { Failure } from "../../models/failure.ts";
import { defaultAdmission, maxActivePointers } from "../../models/limits.ts";
import { blockOf, childOf, iterationOf, staticPath } from "../../models/path.ts";
import { cancelBlock } from "../cancel.ts";
import type { Draft } from "../draft.ts";
import type { AnswerFact, Child } from "../facts.ts";
import { endContainer, endPointer, forgetKept } from "../finish.ts";
import { raise } from "../rollback.ts";
import type { Kind } from "./kind.ts";

/** What forEach, parallel and race share: children that are admitted a few at a time, counted, and joined. */
export type Crowd = ForEachNode | ParallelNode | RaceNode;

const policyOf = (node: Crowd): JoinPolicy | undefined =>
  node.kind === "race" ? { need: 1, rest: "cancel", ...node.policy } : node.policy;

const concurrencyOf = (node: Crowd): number => (node.kind === "forEach" ? node.concurrency : defaultAdmission);

/** The block of the nth child. */
const childAt = (path: string, node: Crowd, n: number): string =>
  node.kind === "forEach" ? iterationOf(path, n) : `${path}/${node.branches[n]?.name ?? ""}`;

export const crowdKind: Omit<Kind<Crowd>, "enter"> = {
  answered(draft, path, node, answer) {
    if (answer.ask === "collect") leaveCrowd(draft, path, node, answer);
  },
  admit,
  join(draft, path, node) {
    if (!draft.place(path).valued) leaveCrowd(draft, path, node, undefined);
    else draft.asks.push({ kind: "collect", path, children: childrenOf(draft, path, node) });
  },
  blockDone(draft, path, node, block) {
    forgetKept(draft, block);
    const { open = 0, done = 0, ...scope } = draft.scope(path);
    const counts = policyOf(node) !== undefined && scope.left !== true;
    if (counts && node.kind !== "race") mark(draft, path, block);
    draft.scopes.set(path, {
      ...scope,
      open: open - 1,
      ...(counts && { done: done + 1 }),
      ...(counts && node.kind === "race" && { winner: block }),
    });
    settle(draft, path, node);
  },
  caught(draft, path, node, { block, failure }) {
    const { open = 0, failed = 0, ...scope } = draft.scope(path);
    const isLate = scope.left === true || scope.joined === true;
    const isTooMuch = !isLate && isTooMany(policyOf(node), failed + 1, scope.count ?? 0);
    // What is one too many is not borne here: the child is stopped with all else by whoever bears it, and undone in one order with that.
    if (!isTooMuch) {
      cancelBlock(draft, block);
      forgetKept(draft, block);
      draft.closed.push(block);
    }
    mark(draft, path, block, failure);
    draft.scopes.set(path, { ...scope, open: open - 1, failed: isLate ? failed : failed + 1 });
    if (isTooMuch) raise(draft, path, failure, "compensate");
    else settle(draft, path, node);
  },
};

/** Begins a crowd of so many children; one that can never be joined fails at once. */
export function gather(draft: Draft, path: string, node: Crowd, count: number): void {
  const need = policyOf(node)?.need ?? 0;
  if (need > count) return tooFew(draft, path, need, count);
  draft.moves.push({ kind: count === 0 ? "join" : "admit", path });
}

function tooFew(draft: Draft, path: string, need: number, count: number): void {
  const message = `"${path}" is to wait for ${need}, and there are only ${count}.`;
  const failure = { name: "TooFewError", code: "TOO_FEW", errorClass: "permanent", message, path } as const;
  if (draft.scope(path).started) draft.pointers.set(path, { started: true });
  endContainer(draft, path, { status: "Failed", failure: JSON.stringify(failure) });
  raise(draft, path, failure, "compensate");
}

/** Admits children while there is room; those for whom this transition has none wait for the next. */
function admit(draft: Draft, path: string, node: Crowd): void {
  for (;;) {
    const scope = draft.scope(path);
    const { open = 0, next = 0, count = 0 } = scope;
    if (next >= count || open >= concurrencyOf(node)) return;
    if (open > 0 && draft.pointers.size >= maxActivePointers) return;
    if (draft.isFull) {
      draft.more = true;
      return;
    }
    draft.scopes.set(path, { ...scope, open: open + 1, next: next + 1 });
    draft.enterBlock(childAt(path, node, next));
  }
}

/** Writes down how a child ended that is joined by a policy: nothing else tells a child that failed from one that is not done. */
function mark(draft: Draft, path: string, block: string, failure?: Failure): void {
  const { valued } = draft.place(path);
  if (failure !== undefined) {
    const told = { status: "failed", failure: withoutStacks(failure) };
    const outcome = valued ? encodeValue(told, `failure of "${block}"`) : undefined;
    endPointer(draft, block, { status: "Failed", failure: JSON.stringify(failure), outcome: outcome?.json });
    if (outcome !== undefined) draft.values.set(block, outcome);
  } else if (valued) {
    const at = lastOf(draft, block);
    endPointer(draft, block, { outcome: JSON.stringify({ "$wf:at": at }) });
    draft.values.set(block, { at });
  }
}

/** The row has all of it; thousands of stacks, with those of the causes, would be too much for one value. */
function withoutStacks({ stack: _, cause, ...failure }: Failure): Failure {
  return { ...failure, ...(cause !== undefined && { cause: withoutStacks(cause) }) };
}

/** A child is done or has failed: the next is admitted, or enough are there, or all are. */
function settle(draft: Draft, path: string, node: Crowd): void {
  const scope = draft.scope(path);
  const { open = 0, next = 0, count = 0, done = 0, left, joined } = scope;
  const { need, rest } = policyOf(node) ?? {};
  if (joined && !left) return;
  if (!left && need !== undefined && done >= need) {
    if (rest === "cancel") cancelBlock(draft, path);
    draft.scopes.set(path, { ...scope, joined: true, ...(rest === "cancel" && { open: 0, next: count }) });
    draft.moves.push({ kind: "join", path });
  } else if (next < count) draft.moves.push({ kind: "admit", path });
  else if (open === 0 && left) restDone(draft, path);
  else if (open === 0) draft.moves.push({ kind: "join", path });
}

/** Whether so many failures are more than the policy bears. */
function isTooMany(policy: JoinPolicy | undefined, failed: number, count: number): boolean {
  const { need, tolerate } = policy ?? {};
  if (need !== undefined && count - failed < need) return true;
  if (tolerate === undefined) return true;
  return "count" in tolerate ? failed > tolerate.count : failed > tolerate.share * count + roundingError;
}

/** 0.29 of 100 is a little less than 29. */
const roundingError = 1e-9;

function childrenOf(draft: Draft, path: string, node: Crowd): readonly Child[] {
  const { count = 0, winner } = draft.scope(path);
  const hasPolicy = policyOf(node) !== undefined;
  const child = (block: string, name: string | undefined): Child => ({
    name,
    from: lastOf(draft, block),
    ...(hasPolicy && node.kind !== "race" && { mark: block }),
  });
  if (winner !== undefined) return [child(winner, winner.slice(path.length + 1))];
  const names = node.kind === "forEach" ? undefined : node.branches.map(({ name }) => name);
  return Array.from({ length: count }, (_, n) => child(childAt(path, node, n), names?.[n]));
}

function lastOf(draft: Draft, block: string): string {
  const last = draft.plan.blocks.get(staticPath(block))?.nodes.at(-1);
  return childOf(block, last?.name ?? "");
}

/** Goes on behind the crowd with what was collected. Those that are absorbed run on, and hold the block that they are in. */
function leaveCrowd(
  draft: Draft,
  path: string,
  node: Crowd,
  collected: (AnswerFact & { readonly ask: "collect" }) | undefined,
): void {
  const scope = draft.scope(path);
  const { open = 0, next = 0, count = 0, started } = scope;
  const ending = { outcome: collected?.value?.json, patch: collected?.patched?.patch };
  if (collected?.patched !== undefined) draft.setData(collected.patched.data);
  if (started) draft.pointers.set(path, { started });
  if (open > 0 || next < count) {
    endPointer(draft, path, ending);
    draft.scopes.set(path, { ...scope, left: true });
    if (next < count) draft.moves.push({ kind: "admit", path });
  } else {
    endContainer(draft, path, ending);
    draft.closed.push(path);
  }
  if (collected?.value !== undefined) draft.values.set(path, collected.value);
  draft.keep(path, node.as);
  draft.moves.push({ kind: "leave", path });
}

/** The last of those that were absorbed is done: the block that waited for it may close. */
function restDone(draft: Draft, path: string): void {
  const { holds } = draft.scope(path);
  draft.scopes.delete(path);
  forgetKept(draft, path);
  draft.closed.push(path);
  if (holds !== undefined)
    draft.moves.push(holds === "close" ? { kind: "close", path: blockOf(path) } : { kind: "enter", path: holds });
}
