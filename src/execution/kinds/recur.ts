import type { RecurNode } from "../../models/definition.ts";
import { defaultAdmission } from "../../models/limits.ts";
import { lapNumberOf, lapOf } from "../../models/path.ts";
import { nextTick, type Recurrence } from "../../models/recurrence.ts";
import type { Draft } from "../draft.ts";
import { endContainer, forgetKept } from "../finish.ts";
import { letGo, nextLap } from "../laps.ts";
import type { Kind } from "./kind.ts";

/**
 * Runs its block at ticks. Its own pointer is its timer. A decision has no clock: where it must know what time it is (at the entry, and
 * where ticks are skipped at the end of a lap), it sets a timer of no length, which the commit makes an instant of the database's.
 */
export const recurKind: Kind<RecurNode> = {
  enter(draft, path) {
    draft.scopes.set(path, {});
    learn(draft, path);
  },
  due(draft, path, node) {
    const { due = 0 } = draft.pointers.get(path) ?? {};
    draft.pointers.delete(path);
    if (draft.scope(path).tick === undefined) arm(draft, path, node, due);
    else beginLap(draft, path, node);
  },
  answered(draft, path, node, answer) {
    if (answer.ask !== "condition") return;
    if (answer.value) stop(draft, path);
    goOn(draft, path, node);
  },
  blockDone(draft, path, node, block) {
    const { open = 0, ...scope } = draft.scope(path);
    forgetKept(draft, block);
    draft.closed.push(block);
    draft.scopes.set(path, { ...scope, open: open - 1 });
    letGo(draft, path, node, lapNumberOf(block) ?? 0);
    if (node.condition === undefined || scope.joined) goOn(draft, path, node);
    else draft.asks.push({ kind: "condition", path });
  },
};

/** The timer's instant will be the present, and the next tick is counted from it. */
function learn(draft: Draft, path: string): void {
  const { tick: _, ...scope } = draft.scope(path);
  draft.scopes.set(path, scope);
  draft.pointers.set(path, { state: "sleeping", dueIn: 0 });
}

/** Sets the timer for the first tick behind an instant. */
function arm(draft: Draft, path: string, node: RecurNode, after: number): void {
  const scope = draft.scope(path);
  const { anchor = after } = scope;
  const tick = nextTick(recurrenceOf(node, anchor), after);
  if (tick === null) {
    stop(draft, path);
    return goOn(draft, path, node);
  }
  draft.scopes.set(path, { ...scope, anchor, tick });
  draft.pointers.set(path, { state: "sleeping", due: tick });
}

const recurrenceOf = ({ ticks }: RecurNode, anchorMs: number): Recurrence =>
  "cron" in ticks ? ticks : { ...ticks, anchorMs };

function beginLap(draft: Draft, path: string, node: RecurNode): void {
  const { open = 0, ...scope } = draft.scope(path);
  draft.scopes.set(path, { ...scope, open: open + 1 });
  const lap = nextLap(draft, path, node);
  if (lap === node.times) stop(draft, path);
  draft.enterBlock(lapOf(path, lap));
  if (node.overlap === "allow") goOn(draft, path, node);
}

/** No lap is to begin any more. */
function stop(draft: Draft, path: string): void {
  draft.pointers.delete(path);
  draft.scopes.set(path, { ...draft.scope(path), joined: true });
}

/** After what has happened: sets the timer for the next tick if it is time for that, or goes on behind. */
function goOn(draft: Draft, path: string, node: RecurNode): void {
  const { open = 0, joined, tick } = draft.scope(path);
  if (joined) {
    if (open > 0) return;
    endContainer(draft, path, {});
    draft.moves.push({ kind: "leave", path });
    return;
  }
  const mayOpen = node.overlap === "allow" ? defaultAdmission : 1;
  if (open >= mayOpen || draft.pointers.has(path)) return;
  // Who skips ticks goes on from the present; who does not, from the last tick, whose successor may have passed.
  if (node.overlap === "skip" || tick === undefined) learn(draft, path);
  else arm(draft, path, node, tick);
}
