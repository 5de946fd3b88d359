import type { AttemptNode, Branch, ErrorBehavior, Node, SagaNode } from "../models/definition.ts";
import type { Failure } from "../models/failure.ts";
import type { ActivePointer, Below, DoubtfulStep, OpenScope, Rollback, StackHead } from "../models/frontier.ts";
import type { StatusMoveName } from "../models/instance.ts";
import { blockOf, staticPath, undoneBy, undoOf } from "../models/path.ts";
import type { StoredValue } from "../models/stored-value.ts";
import { cancelForRollback } from "./cancel.ts";
import type { Draft } from "./draft.ts";
import { endContainer, endPointer, restate } from "./finish.ts";
import { bothLeft, compensationFailure, isEnough, leaving } from "./not-undone.ts";
import { containerOf, isUndoPath } from "./plan.ts";

/** A step has failed for good: what its author wants to happen then. (`suspend` and `continue` are the step's own affair.) */
export function raise(
  draft: Draft,
  path: string,
  failure: Failure,
  behavior: Exclude<ErrorBehavior, "suspend" | "continue">,
): void {
  switch (behavior) {
    case "fail":
      return endRun(draft, "failed", { failure });
    case "terminate":
      return endRun(draft, "givenUp", { failure, reason: failure.message });
    case "compensate":
      return goOutwards(draft, path, failure);
  }
}

/** A failure goes outwards until something deals with it: a saga that is rolled back, or a container that bears it. */
function goOutwards(draft: Draft, path: string, failure: Failure): void {
  for (let block = blockOf(path); block !== ""; block = blockOf(block)) {
    const container = draft.plan.blocks.get(staticPath(block))?.container;
    if (container === undefined) continue;
    const at = containerOf(block, container.node);
    if (!bears(container.node, draft.scope(at), failure)) continue;
    if (container.node.kind === "saga") return rollBack(draft, at, { failure });
    draft.moves.unshift({ kind: "caught", path: at, block, failure });
    return;
  }
  rollBack(draft, "", { failure });
}

/** Somebody wants the run undone, whatever it is doing. A rollback of the whole run that is under way goes on, for its own cause. */
export function compensateNow(draft: Draft, reason: string | undefined): void {
  draft.become("compensate");
  draft.reason = undefined;
  if (draft.rollback === undefined) rollBack(draft, "", reason === undefined ? {} : { reason });
}

/** Whether a failure inside goes no further. */
function bears(node: Node, scope: OpenScope, failure: Failure): boolean {
  switch (node.kind) {
    case "saga":
      return scope.rollback === undefined;
    case "attempt":
      return scope.branch === "try" && handlerOf(node, failure) !== undefined;
    case "forEach":
    case "parallel":
    case "race":
      return node.policy?.tolerate !== undefined || scope.left === true || scope.joined === true;
    default:
      return false;
  }
}

/** The handler of a failure's class, or the one for all others. */
export function handlerOf(node: AttemptNode, { errorClass }: Failure): Branch | undefined {
  const named = (name: string): Branch | undefined => node.handlers.find((handler) => handler.name === name);
  return named(errorClass) ?? named("otherwise");
}

/** The run is over: nothing of it is active any more. */
export function endRun(
  draft: Draft,
  move: Extract<StatusMoveName, "done" | "failed" | "givenUp" | "terminate" | "undone">,
  end: { readonly result?: StoredValue; readonly failure?: Failure; readonly reason?: string },
): void {
  cancelForRollback(draft, "");
  draft.become(move);
  draft.result = end.result;
  draft.failure = end.failure;
  draft.reason = end.reason;
  draft.kept.clear();
  draft.undo = undefined;
  draft.rollback = undefined;
  draft.deadline = undefined;
}

/** Stops everything inside a saga (or the run) and begins to undo what it did, newest first. */
function rollBack(draft: Draft, container: string, cause: Pick<Rollback, "failure" | "reason" | "gaveUp">): void {
  const own = container === "" ? draft.undo : draft.scope(container).undo;
  const { heads, inDoubt, left } = cancelForRollback(draft, container);
  const rollback: Rollback = {
    ...cause,
    heads: own === undefined ? heads : [...heads, own],
    ...(inDoubt.length > 0 && { inDoubt }),
    ...(left !== undefined && { left }),
  };
  if (container === "") draft.undo = undefined;
  setRollback(draft, container, rollback);
  draft.moves.push({ kind: "unwind", path: container });
  if (cause.gaveUp) return;
  for (const step of inDoubt) if (lacksInput(draft, step)) draft.asks.push({ kind: "input", path: step.path });
}

/** The input of a step that ran alone is stored nowhere while its body runs: it is made once more, of the same data. */
function lacksInput(draft: Draft, step: DoubtfulStep): boolean {
  const { node } = draft.place(step.path);
  return !("input" in step) && node.kind === "step" && node.input !== undefined;
}

/** The input of a step in doubt, which its compensation will be given. */
export function inputFor(draft: Draft, path: string, input: StoredValue): void {
  const container = rollbackAround(draft, path);
  const rollback = rollbackOf(draft, container);
  if (rollback === undefined) return;
  const known = <S extends StackHead | DoubtfulStep>(step: S): S =>
    step.path === path ? { ...step, input: input.tree } : step;
  setRollback(draft, container, {
    ...rollback,
    ...(rollback.inDoubt !== undefined && { inDoubt: rollback.inDoubt.map(known) }),
    ...(rollback.current !== undefined && { current: known(rollback.current) }),
  });
  const undo = draft.pointers.get(undoOf(path));
  if (undo !== undefined) draft.pointers.set(undoOf(path), { ...undo, undoes: input.tree });
}

/** No input can be made for a step that was taken to be in doubt: its body never began, and there is nothing to undo. Else false. */
export function noInputFor(draft: Draft, path: string): boolean {
  const container = rollbackAround(draft, path);
  const rollback = rollbackOf(draft, container);
  if (rollback === undefined || draft.pointers.has(path)) return false;
  const { current, inDoubt = [], ...rest } = rollback;
  const others = inDoubt.filter((step) => step.path !== path);
  const isCurrent = current?.path === path;
  if (!isCurrent && others.length === inDoubt.length) return false;
  setRollback(draft, container, { ...rest, inDoubt: others, ...(current !== undefined && !isCurrent && { current }) });
  if (!isCurrent) return true;
  draft.pointers.delete(undoOf(path));
  draft.moves.push({ kind: "unwind", path: container });
  return true;
}

/** Marks a failed step as one whose effect is in doubt; to be called before `raise`. */
export function doubt(draft: Draft, path: string, input: StoredValue | undefined): void {
  const { ready } = draft.pointers.get(path) ?? {};
  draft.doubts.push({
    path,
    inDoubt: true,
    ...(ready !== undefined && { ready }),
    ...(input !== undefined && { input: input.tree }),
  });
}

const rollbackOf = (draft: Draft, container: string): Rollback | undefined =>
  container === "" ? draft.rollback : draft.scope(container).rollback;

function setRollback(draft: Draft, container: string, rollback: Rollback): void {
  if (container === "") draft.rollback = rollback;
  else draft.scopes.set(container, { ...draft.scope(container), rollback });
}

/** The next step to undo, or the end of the rollback. */
export function unwind(draft: Draft, container: string): void {
  const rollback = rollbackOf(draft, container);
  if (rollback === undefined) return;
  if (rollback.gaveUp && isEnough(rollback.left)) return conclude(draft, container, rollback);
  const doubtful = rollback.inDoubt?.at(-1);
  if (doubtful !== undefined) {
    const rest = { ...rollback, inDoubt: rollback.inDoubt?.slice(0, -1) ?? [] };
    return undo(draft, container, rest, doubtful);
  }
  const newest = newestOf(rollback.heads);
  if (newest === undefined) return conclude(draft, container, rollback);
  draft.asks.push({ kind: "unstack", path: newest.path });
}

const newestOf = (heads: readonly StackHead[]): StackHead | undefined =>
  heads.reduce<StackHead | undefined>((newest, head) => (newest && newest.seq > head.seq ? newest : head), undefined);

/** What lies below the newest head is known: a step is undone now, a saga's own stack joins those to be undone. */
export function unstacked(draft: Draft, path: string, found: Below): void {
  const container = rollbackAround(draft, path);
  const rollback = rollbackOf(draft, container);
  const head = rollback?.heads.find((one) => one.path === path);
  if (rollback === undefined || head === undefined) return;
  const heads = rollback.heads.filter((one) => one !== head);
  const left = bothLeft(rollback.left, found.left);
  const rest = { ...rollback, heads, ...(left !== undefined && { left }) };
  // What lies below a step whose compensation was interrupted is among the heads already.
  for (const other of [found.below, found.inner, ...(found.others ?? [])]) {
    if (other !== undefined && !heads.some((one) => one.path === other.path)) heads.push(other);
  }
  if (draft.place(path).node.kind !== "step") {
    setRollback(draft, container, rest);
    draft.moves.push({ kind: "unwind", path: container });
    return;
  }
  undo(draft, container, rest, head);
}

/** Begins to undo a step; once nothing more is undone, only takes its name. */
function undo(draft: Draft, container: string, rollback: Rollback, step: StackHead | DoubtfulStep): void {
  if (rollback.gaveUp) {
    setRollback(draft, container, { ...rollback, left: leaving(rollback.left, step.path) });
    draft.moves.push({ kind: "unwind", path: container });
    return;
  }
  setRollback(draft, container, { ...rollback, current: step });
  compensate(draft, step);
}

/** The rollback that a pointer is undone by: the innermost one around it. */
function rollbackAround(draft: Draft, path: string): string {
  for (let block = blockOf(path); block !== ""; block = blockOf(block)) {
    if (draft.scopes.get(block)?.rollback !== undefined) return block;
  }
  return "";
}

function compensate(draft: Draft, step: StackHead | DoubtfulStep): void {
  const pointer: ActivePointer = {
    ...(step.inDoubt && { inDoubt: true }),
    ...("input" in step && { undoes: step.input }),
    ...(step.started && { started: true }),
    ...(step.persistence !== undefined && { persistence: step.persistence }),
  };
  draft.pointers.set(undoOf(step.path), pointer);
}

/** Whether a pointer is the compensation of the step whose path it carries. */
export const isUndo = (draft: Draft, path: string): boolean => isUndoPath(draft.plan, path);

/** A compensation is done: its step counts as compensated, and the next one follows. */
export function undone(draft: Draft, path: string, outcome: string | undefined, tookMs: number): void {
  const step = undoneBy(path);
  endPointer(draft, path, { outcome, tookMs });
  restate(draft, step, "Compensated");
  const container = rollbackAround(draft, step);
  const rollback = rollbackOf(draft, container);
  if (rollback === undefined) return;
  const { current: _, ...rest } = rollback;
  setRollback(draft, container, rest);
  draft.moves.push({ kind: "unwind", path: container });
}

/** A compensation has failed for good, and the run does not wait for a person to look at it. */
export function notUndone(draft: Draft, path: string, failure: Failure, behavior: "continue" | "fail"): void {
  const container = rollbackAround(draft, path);
  const rollback = rollbackOf(draft, container);
  if (rollback === undefined) return;
  const { current: _, ...rest } = rollback;
  const after = { ...rest, left: leaving(rest.left, path, failure) };
  setRollback(draft, container, behavior === "fail" && container === "" ? { ...after, gaveUp: true } : after);
  if (behavior === "fail" && container !== "")
    rollBack(draft, "", { ...(rest.failure !== undefined && { failure: rest.failure }), gaveUp: true });
  else draft.moves.push({ kind: "unwind", path: container });
}

/** Not all is undone, and whoever is around must know: nothing goes on behind as if it were. */
function concludeWith(draft: Draft, container: string, failure: Failure): void {
  if (container === "") return endRun(draft, "failed", { failure });
  endContainer(draft, container, { status: "Failed", failure: JSON.stringify(failure) });
  goOutwards(draft, container, failure);
}

/** All is undone: the run has failed, or its saga has, which goes on behind itself only if its author says so. */
function conclude(draft: Draft, container: string, rollback: Rollback): void {
  const { failure, reason, left } = rollback;
  if (left !== undefined) return concludeWith(draft, container, compensationFailure(rollback, left));
  if (failure === undefined) {
    const said = reason === undefined ? "compensated" : `compensated: ${reason}`;
    return endRun(draft, "undone", { reason: said });
  }
  if (container === "") return endRun(draft, "failed", { failure });
  const { node } = draft.place(container);
  endContainer(draft, container, { status: "Compensated", failure: JSON.stringify(failure) });
  if ((node as SagaNode).afterCompensation === "continue") {
    draft.keep(container, node.as);
    draft.moves.push({ kind: "leave", path: container });
    return;
  }
  goOutwards(draft, container, failure);
}
