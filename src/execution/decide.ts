import type { Node, NodeKind } from "../models/definition.ts";
import type { Failure } from "../models/failure.ts";
import { blockOf, childOf, staticPath, undoneBy } from "../models/path.ts";
import type { Draft, Move } from "./draft.ts";
import type { AnswerFact, EventFact, Fact, RequestFact } from "./facts.ts";
import { endPointer, isHeld, markStarted, unsubscribe } from "./finish.ts";
import { kindOf } from "./kinds/every.ts";
import { cancelLater } from "./kinds/later.ts";
import type { NodeOf } from "./kinds/kind.ts";
import { bodyAnswered, goOnWithout, park, stepKind } from "./kinds/step.ts";
import { containerOf } from "./plan.ts";
import { compensateNow, endRun, isUndo, noInputFor, raise, unstacked, unwind } from "./rollback.ts";

/**
 * What one fact does to an instance. Pure: it changes nothing but the draft it is handed, and reads neither clock nor chance,
 * runs no author's code and waits for nothing. What it must know first it leaves in `draft.asks`; the answers come as facts.
 */
export function decide(draft: Draft, fact: Fact): void {
  if (draft.isOver) return;
  apply(draft, fact);
  for (let move = draft.nextMove(); move !== undefined; move = draft.nextMove()) make(draft, move);
}

function apply(draft: Draft, fact: Fact): void {
  switch (fact.kind) {
    case "begun":
      draft.unchecked = false;
      if (fact.data !== undefined) draft.setData(fact.data);
      return draft.enterBlock("");
    case "unfit":
      draft.history.push({ kind: "error", path: null, detail: JSON.stringify({ failure: fact.failure }) });
      return endRun(draft, "failed", { failure: fact.failure });
    case "continue":
      return goOn(draft);
    case "succeeded":
    case "failed":
    case "slept":
      return bodyAnswered(draft, stepAt(draft, fact.path), fact);
    case "answered":
      return answered(draft, fact);
    case "due":
      return due(draft, fact.path, fact.due);
    case "expired":
      return expired(draft);
    case "event":
      return eventArrived(draft, fact);
    case "event-refused":
      draft.consume.push(fact.source);
      draft.history.push({ kind: "event-refused", path: fact.path, detail: JSON.stringify(fact.failure) });
      return;
    case "request":
      return requested(draft, fact);
    case "resumed":
      return askForInputs(draft);
    case "marked":
      for (const path of fact.paths) markStarted(draft, path);
      return;
    case "corrupt":
      draft.history.push({ kind: "error", path: null, detail: JSON.stringify(fact.failure) });
      if (draft.status !== "Suspended") draft.become("corrupt");
      draft.reason = fact.failure.message;
      draft.isUnreadable = true;
      return;
    case "poison":
      draft.history.push({ kind: "quarantine", path: null, detail: null });
      draft.become("poison");
      draft.reason = "quarantined: three processes in a row died while running it alone, after others before";
      return;
  }
}

function eventArrived(draft: Draft, fact: EventFact): void {
  if (draft.pointers.get(fact.path)?.state !== "waiting") return;
  const { node } = draft.place(fact.path);
  draft.hear(fact.topic, fact.heard);
  kindOf(node).event?.(draft, fact.path, node, fact);
}

function nodeAt<K extends NodeKind>(draft: Draft, path: string, _: K): NodeOf<K> {
  return draft.place(path).node as NodeOf<K>;
}

const stepAt = (draft: Draft, path: string) => nodeAt(draft, isUndo(draft, path) ? undoneBy(path) : path, "step");

function make(draft: Draft, move: Move): void {
  switch (move.kind) {
    case "enter": {
      const { node } = draft.place(move.path);
      return kindOf(node).enter(draft, move.path, node);
    }
    case "leave":
      return leave(draft, move.path);
    case "close":
      return blockDone(draft, move.path, draft.plan.blocks.get(staticPath(move.path))?.container?.node);
    case "admit": {
      const { node } = draft.place(move.path);
      return kindOf(node).admit?.(draft, move.path, node);
    }
    case "join": {
      const { node } = draft.place(move.path);
      return kindOf(node).join?.(draft, move.path, node);
    }
    case "caught": {
      const { node } = draft.place(move.path);
      return kindOf(node).caught?.(draft, move.path, node, move);
    }
    case "unwind":
      return unwind(draft, move.path);
  }
}

/** A step is done: on to the one behind it, or out of its block. */
function leave(draft: Draft, path: string): void {
  const { next, block } = draft.place(path);
  const blockPath = blockOf(path);
  if (next !== undefined) draft.moves.push({ kind: "enter", path: childOf(blockPath, next.name) });
  else blockDone(draft, blockPath, block.container?.node);
}

function blockDone(draft: Draft, block: string, container: Node | undefined): void {
  cancelLater(draft, block);
  if (isHeld(draft, block, "close")) return;
  if (container === undefined) return endRun(draft, "done", {});
  const path = containerOf(block, container);
  if (draft.scopes.has(path)) kindOf(container).blockDone?.(draft, path, container, block);
}

/** What an earlier transition had no room for, or could not read: children to admit or to join, rollbacks to go on with. */
function goOn(draft: Draft): void {
  checkPlaces(draft);
  for (const [path, { open = 0, next = 0, count, rollback, between, joined, left }] of draft.scopes) {
    if (rollback !== undefined && rollback.current === undefined) draft.moves.push({ kind: "unwind", path });
    if (between) draft.moves.push({ kind: "admit", path });
    if (count === undefined) continue;
    if (joined && !left) draft.moves.push({ kind: "join", path });
    else if (next < count) draft.moves.push({ kind: "admit", path });
    else if (open === 0 && !left) draft.moves.push({ kind: "join", path });
  }
  if (draft.rollback !== undefined && draft.rollback.current === undefined)
    draft.moves.push({ kind: "unwind", path: "" });
}

/** Throws if a step is active that the definition does not have: its body could not be begun, nor its timer heard. */
function checkPlaces(draft: Draft): void {
  for (const path of draft.pointers.keys()) draft.place(isUndo(draft, path) ? undoneBy(path) : path);
}

function answered(draft: Draft, fact: AnswerFact): void {
  if (fact.ask === "failed") {
    if (fact.source !== undefined) draft.consume.push(fact.source);
    return mappingFailed(draft, fact.path, fact.failure);
  }
  if (fact.ask === "unstack") return unstacked(draft, fact.path, fact.found);
  const { node } = draft.place(fact.path);
  kindOf(node).answered?.(draft, fact.path, node, fact);
}

/** An author's mapping threw or answered what cannot be used: the step fails at once, since it would do so again. */
function mappingFailed(draft: Draft, path: string, failure: Failure): void {
  if (noInputFor(draft, path)) return;
  const { node } = draft.place(path);
  if (node.kind === "step" && node.onError === "suspend")
    return park(draft, { path, attempt: 1, input: undefined, failure });
  const behavior = "onError" in node ? node.onError : "compensate";
  const scope = draft.scopes.get(path);
  draft.scopes.delete(path);
  if (scope?.started) draft.pointers.set(path, { started: true });
  unsubscribe(draft, path);
  endPointer(draft, path, { status: "Failed", failure: JSON.stringify(failure) });
  if (behavior === "continue") return node.kind === "step" ? goOnWithout(draft, path, node) : undefined;
  raise(draft, path, failure, behavior === "suspend" ? "fail" : behavior);
}

/** A timer may be told of twice; what it was set for is over then, and the pointer may have another. */
function due(draft: Draft, path: string, at: number): void {
  const pointer = draft.pointers.get(path);
  if (pointer?.state === undefined || pointer.due !== at) return;
  if (isUndo(draft, path)) return stepKind.due?.(draft, path, stepAt(draft, path));
  const { node } = draft.place(path);
  kindOf(node).due?.(draft, path, node);
}

/** The run's own time is over. A suspended run stays as it is until it is resumed; a rollback comes to its end. */
function expired(draft: Draft): void {
  if (draft.status !== "Runnable" || draft.deadline === undefined) return;
  draft.deadline = undefined;
  if (draft.rollback !== undefined) return;
  const { id, onTimeout = "compensate" } = draft.plan.definition.graph;
  const message = `The run of "${id}" did not come to its end in the time that it has.`;
  const failure = { name: "RunTimeoutError", code: "RUN_TIMEOUT", errorClass: "timeout", message } as const;
  draft.history.push({ kind: "error", path: null, detail: JSON.stringify({ failure }) });
  raise(draft, "", failure, onTimeout);
}

/** What rested since its mapping threw does not begin before it has its input. */
function askForInputs(draft: Draft): void {
  for (const [path, { noInput }] of draft.pointers) if (noInput) draft.asks.push({ kind: "input", path });
}

function requested(draft: Draft, fact: RequestFact): void {
  draft.consume.push(fact.source);
  draft.history.push({ kind: fact.request, path: null, detail: JSON.stringify({ reason: fact.reason }) });
  switch (fact.request) {
    case "terminate":
      return endRun(draft, "terminate", { reason: fact.reason ?? "terminated" });
    case "suspend":
      draft.become("suspend");
      draft.reason = fact.reason ?? "suspended";
      return;
    case "resume":
      if (draft.isUnreadable) return; // it could not be gone on with, and stays suspended for the same reason
      draft.become("resume");
      draft.reason = undefined;
      draft.hasResumed = true;
      return;
    case "compensate":
      if (draft.isUnreadable) return; // nor can it be undone
      return compensateNow(draft, fact.reason ?? undefined);
  }
}
