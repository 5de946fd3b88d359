import type { StepNode } from "../../models/definition.ts";
import type { ActivePointer } from "../../models/frontier.ts";
import { undoneBy } from "../../models/path.ts";
import { mayRetry, retryDelayMs } from "../../models/retry-policy.ts";
import type { Draft } from "../draft.ts";
import type { BodyFact } from "../facts.ts";
import { stackDoubts } from "../cancel.ts";
import { endPointer } from "../finish.ts";
import { doubt, inputFor, isUndo, notUndone, raise, undone } from "../rollback.ts";
import { stack } from "../stack.ts";
import type { Kind } from "./kind.ts";

type FailedAttempt = Pick<BodyFact & { readonly kind: "failed" }, "path" | "attempt" | "input" | "failure">;

/** Runs an author's body. The body itself runs after the commit that made its pointer ready. */
export const stepKind: Kind<StepNode> = {
  enter(draft, path, node) {
    const isConcurrent = draft.isConcurrent(path);
    const mayBeInDoubt = node.compensation !== undefined && !node.transactional;
    draft.pointers.set(path, isConcurrent && mayBeInDoubt ? { ready: draft.nextReady() } : {});
    // Beside siblings that may patch the data, input is evaluated now and stored; alone, when the body starts.
    const fixed = node.input === undefined && draft.subjectIsItem(path);
    if (isConcurrent && !fixed) draft.asks.push({ kind: "input", path });
  },
  answered(draft, path, _, answer) {
    if (answer.ask !== "input") return;
    const { noInput: __, ...pointer } = draft.pointers.get(path) ?? {};
    if (!draft.pointers.has(path)) return inputFor(draft, path, answer.value);
    draft.pointers.set(path, { ...pointer, input: answer.value.tree });
  },
  due(draft, path) {
    const { state: _, due: __, dueIn: ___, ...pointer } = draft.pointers.get(path) ?? {};
    draft.pointers.set(path, pointer);
  },
};

/** A body has answered. Answers of attempts that are no longer the present one are refused. */
export function bodyAnswered(draft: Draft, node: StepNode, fact: BodyFact): void {
  const pointer = draft.pointers.get(fact.path);
  if (pointer === undefined || pointer.state !== undefined || (pointer.attempt ?? 1) !== fact.attempt) return;
  switch (fact.kind) {
    case "succeeded":
      return isUndo(draft, fact.path)
        ? undone(draft, fact.path, fact.value?.json, fact.tookMs)
        : done(draft, node, fact);
    case "slept":
      return sleep(draft, pointer, fact);
    case "failed":
      return failed(draft, node, pointer, fact);
  }
}

function done(draft: Draft, node: StepNode, fact: BodyFact & { readonly kind: "succeeded" }): void {
  const { path, value, patched } = fact;
  if (patched !== undefined) draft.setData(patched.data);
  const below = node.compensation === undefined ? undefined : stack(draft, path);
  const keepsInput = node.input !== undefined || node.compensation !== undefined;
  endPointer(draft, path, {
    input: keepsInput ? fact.input : undefined,
    outcome: value?.json,
    patch: patched?.patch,
    tookMs: fact.tookMs,
    below,
  });
  if (value !== undefined && draft.place(path).valued) draft.values.set(path, value);
  draft.keep(path, node.as);
  draft.moves.push({ kind: "leave", path });
}

function sleep(draft: Draft, pointer: ActivePointer, fact: BodyFact & { readonly kind: "slept" }): void {
  draft.pointers.set(fact.path, {
    ...pointer,
    ...(fact.persistence !== undefined && { persistence: fact.persistence }),
    ...(fact.delayMs > 0 && { state: "sleeping" as const, dueIn: fact.delayMs }),
    ...storedInput(fact),
  });
}

const storedInput = (fact: Pick<BodyFact, "input">): { readonly input?: unknown } =>
  fact.input === undefined ? {} : { input: fact.input.tree };

function failed(
  draft: Draft,
  node: StepNode,
  pointer: ActivePointer,
  fact: BodyFact & { readonly kind: "failed" },
): void {
  const { path, failure, attempt } = fact;
  const retry = (isUndo(draft, path) ? node.undo?.retry : undefined) ?? node.retry;
  const dueIn = retryDelayMs(retry, attempt, fact.random);
  const elapsedMs = (pointer.elapsedMs ?? 0) + Math.round(fact.tookMs);
  if (!fact.final && mayRetry(retry, failure, { attempts: attempt, elapsedMs, delayMs: dueIn })) {
    draft.history.push({ kind: "retry", path, detail: JSON.stringify({ attempt, delayMs: dueIn, failure }) });
    draft.pointers.set(path, {
      ...pointer,
      attempt: attempt + 1,
      ...(retry.maxElapsedMs !== undefined && { elapsedMs: elapsedMs + dueIn }),
      ...(dueIn > 0 && { state: "sleeping" as const, dueIn }),
      ...storedInput(fact),
    });
    return;
  }
  if (isUndo(draft, path)) return undoFailed(draft, node, fact);
  if (node.onError === "suspend") return park(draft, fact);
  // Without an input its body never began.
  const mayHaveHadEffect = fact.input !== undefined && !node.transactional;
  const unknown = node.compensation !== undefined && mayHaveHadEffect && node.skipInDoubt !== true;
  if (unknown && (node.onError === "compensate" || node.onError === "continue")) doubt(draft, path, fact.input);
  endPointer(draft, path, {
    status: "Failed",
    input: fact.input,
    failure: JSON.stringify(failure),
    tookMs: fact.tookMs,
  });
  if (node.onError === "continue") goOnWithout(draft, path, node);
  else raise(draft, path, failure, node.onError);
}

function undoFailed(draft: Draft, node: StepNode, fact: BodyFact & { readonly kind: "failed" }): void {
  const { path, failure } = fact;
  const { onError } = node.undo ?? {};
  if (onError === undefined)
    return park(draft, fact, `The compensation of "${undoneBy(path)}" failed: ${failure.message}`);
  writeError(draft, fact);
  endPointer(draft, path, { status: "Failed", failure: JSON.stringify(failure), tookMs: fact.tookMs });
  notUndone(draft, undoneBy(path), failure, onError);
}

/** The step has no value; what it may have done is undone in its turn. */
export function goOnWithout(draft: Draft, path: string, node: StepNode): void {
  stackDoubts(draft, path);
  draft.keep(path, node.as);
  draft.moves.push({ kind: "leave", path });
}

/** The run waits for an operator; on resume the step starts again with its first attempt. */
export function park(
  draft: Draft,
  fact: FailedAttempt,
  reason = `The step "${fact.path}" failed: ${fact.failure.message}`,
): void {
  const { attempt: _, elapsedMs: __, ...pointer } = draft.pointers.get(fact.path) ?? {};
  const hasInput = fact.input !== undefined || pointer.input !== undefined || isUndo(draft, fact.path);
  draft.pointers.set(fact.path, { ...pointer, ...storedInput(fact), ...(!hasInput && { noInput: true as const }) });
  writeError(draft, fact);
  draft.become("stuck");
  draft.reason = reason;
}

function writeError(draft: Draft, { path, attempt, failure }: FailedAttempt): void {
  draft.history.push({ kind: "error", path, detail: JSON.stringify({ attempt, failure }) });
}
