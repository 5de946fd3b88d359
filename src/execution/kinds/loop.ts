import type { JumpNode, LoopNode } from "../../models/definition.ts";
import { CorruptStateError } from "../../models/errors-values.ts";
import { blockOf, childOf, lapNumberOf, lapOf, loopOf, staticPath } from "../../models/path.ts";
import { cancelBlock } from "../cancel.ts";
import type { Draft } from "../draft.ts";
import { endContainer, endPointer, forgetKept } from "../finish.ts";
import { letGo, nextLap } from "../laps.ts";
import { raise } from "../rollback.ts";
import type { Kind } from "./kind.ts";

/** Runs its block again and again. Nothing of a finished lap stays in the frontier but where its value lies. */
export const loopKind: Kind<LoopNode> = {
  enter(draft, path, node) {
    draft.scopes.set(path, {});
    if (node.asks === "before") draft.asks.push({ kind: "condition", path });
    else beginLap(draft, path, node);
  },
  answered(draft, path, node, answer) {
    if (answer.ask !== "condition") return;
    if (answer.value === (node.until === true)) leaveLoop(draft, path, node);
    else beginLap(draft, path, node);
  },
  admit(draft, path, node) {
    const { between: _, ...scope } = draft.scope(path);
    draft.scopes.set(path, scope);
    if (node.asks === "never") beginLap(draft, path, node);
    else draft.asks.push({ kind: "condition", path });
  },
  blockDone(draft, path, node, block) {
    const step = node.body.nodes.at(-1);
    const at = step && childOf(block, step.name);
    const { last: earlier, ...scope } = draft.scope(path);
    const isRead = at !== undefined && draft.place(at).valued;
    if (earlier !== undefined) draft.closed.push(blockOf(earlier));
    if (!isRead) draft.closed.push(block);
    forgetKept(draft, block);
    draft.scopes.set(path, { ...scope, ...(isRead && { last: at }) });
    if (earlier !== undefined) letGo(draft, path, node, lapNumberOf(blockOf(earlier)) ?? 0);
    if (node.asks === "never") leaveLoop(draft, path, node);
    else goRound(draft, path);
  },
};

/** Goes to the next lap of a loop around it, or out of that loop. */
export const jumpKind: Kind<JumpNode> = {
  enter(draft, path, jump) {
    endPointer(draft, path, {});
    const lap = lapAround(path, jump.loop);
    const loop = loopOf(lap);
    cancelBlock(draft, lap);
    forgetKept(draft, lap);
    draft.closed.push(lap);
    if (jump.to === "restart") goRound(draft, loop);
    else leaveLoop(draft, loop, draft.place(loop).node as LoopNode);
  },
};

function lapAround(path: string, loop: string): string {
  for (let block = blockOf(path); block !== ""; block = blockOf(block)) {
    if (lapNumberOf(block) !== undefined && staticPath(loopOf(block)) === loop) return block;
  }
  throw new CorruptStateError("frontier", `"${path}" is in no lap of "${loop}"`);
}

/** On to the next lap. A loop that spins without ever waiting commits what it has done, and gives way, now and then. */
function goRound(draft: Draft, path: string): void {
  if (!draft.isFull) {
    draft.moves.push({ kind: "admit", path });
    return;
  }
  draft.scopes.set(path, { ...draft.scope(path), between: true });
  draft.more = true;
}

function beginLap(draft: Draft, path: string, node: LoopNode): void {
  if (draft.scope(path).lap === node.maxLaps && node.maxLaps !== undefined)
    return tooManyLaps(draft, path, node.maxLaps);
  draft.enterBlock(lapOf(path, nextLap(draft, path, node)));
}

function tooManyLaps(draft: Draft, path: string, maxLaps: number): void {
  const message = `"${path}" would go into more than ${maxLaps} laps.`;
  const failure = { name: "TooManyLapsError", code: "TOO_MANY_LAPS", errorClass: "permanent", message, path } as const;
  endContainer(draft, path, { status: "Failed", failure: JSON.stringify(failure) });
  raise(draft, path, failure, "compensate");
}

/** The loop's value is that of its last finished lap. */
function leaveLoop(draft: Draft, path: string, node: LoopNode): void {
  const { last } = draft.scope(path);
  endContainer(draft, path, { outcome: last && JSON.stringify({ "$wf:at": last }) });
  if (last !== undefined) {
    if (draft.place(path).valued) draft.values.set(path, { at: last });
    else draft.closed.push(blockOf(last));
  }
  draft.keep(path, node.as);
  draft.moves.push({ kind: "leave", path });
}
