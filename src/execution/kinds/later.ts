import type { LaterNode } from "../../models/definition.ts";
import { blockOf } from "../../models/path.ts";
import { cancelBlock } from "../cancel.ts";
import type { Draft } from "../draft.ts";
import { endContainer } from "../finish.ts";
import type { Kind } from "./kind.ts";

/** Runs a block later. The flow goes on at once; the block around waits at its end, or cancels what is not done by then. */
export const laterKind: Kind<LaterNode> = {
  enter(draft, path, node) {
    if (node.durationMs === undefined) draft.asks.push({ kind: "duration", path });
    else begin(draft, path, node.durationMs);
  },
  answered(draft, path, _, answer) {
    if (answer.ask === "duration") begin(draft, path, answer.delayMs);
  },
  due(draft, path) {
    draft.pointers.delete(path);
    draft.enterBlock(`${path}/body`);
  },
  blockDone(draft, path) {
    const { holds } = draft.scope(path);
    endContainer(draft, path, {});
    draft.closed.push(path);
    if (holds === undefined) return;
    draft.moves.push(holds === "close" ? { kind: "close", path: blockOf(path) } : { kind: "enter", path: holds });
  },
};

function begin(draft: Draft, path: string, dueIn: number): void {
  draft.scopes.set(path, { left: true });
  draft.pointers.set(path, { state: "sleeping", dueIn });
  draft.moves.push({ kind: "leave", path });
}

/** A block has come to its end: cancels what was to run later in it and has no claim to be waited for. */
export function cancelLater(draft: Draft, block: string): void {
  for (const [path, scope] of draft.scopes) {
    if (!scope.left || blockOf(path) !== block) continue;
    const { node } = draft.place(path);
    if (node.kind !== "later" || node.atEnd !== "cancel") continue;
    cancelBlock(draft, `${path}/body`);
    endContainer(draft, path, { status: "Cancelled" });
    draft.closed.push(path);
  }
}
