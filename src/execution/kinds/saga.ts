import type { SagaNode } from "../../models/definition.ts";
import { childOf } from "../../models/path.ts";
import { endContainer } from "../finish.ts";
import { stack } from "../stack.ts";
import type { Kind } from "./kind.ts";

/** A block that is undone as a whole; once done, it lies on the stack of the saga around it. */
export const sagaKind: Kind<SagaNode> = {
  enter(draft, path) {
    draft.scopes.set(path, {});
    draft.enterBlock(path);
  },
  blockDone(draft, path, node) {
    const inner = draft.scope(path).undo;
    const last = node.body.nodes.at(-1);
    const at = last && childOf(path, last.name);
    const below = inner && stack(draft, path, inner);
    endContainer(draft, path, { outcome: at && JSON.stringify({ "$wf:at": at }), below });
    if (at !== undefined && draft.place(path).valued) draft.values.set(path, { at });
    draft.keep(path, node.as);
    draft.moves.push({ kind: "leave", path });
  },
};
