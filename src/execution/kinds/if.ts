import type { IfNode } from "../../models/definition.ts";
import { childOf } from "../../models/path.ts";
import { endContainer } from "../finish.ts";
import type { Kind } from "./kind.ts";

/** Takes one of two branches; its value is that of the branch's last step. */
export const ifKind: Kind<IfNode> = {
  enter(draft, path) {
    draft.asks.push({ kind: "condition", path });
  },
  answered(draft, path, _, answer) {
    if (answer.ask !== "condition") return;
    const branch = answer.value ? "yes" : "no";
    draft.scopes.set(path, { branch });
    draft.enterBlock(`${path}/${branch}`);
  },
  blockDone(draft, path, node, block) {
    const last = (draft.scope(path).branch === "yes" ? node.yes : node.no).nodes.at(-1);
    const at = last && childOf(block, last.name);
    endContainer(draft, path, { outcome: at && JSON.stringify({ "$wf:at": at }) });
    if (at !== undefined && draft.place(path).valued) draft.values.set(path, { at });
    draft.keep(path, node.as);
    draft.moves.push({ kind: "leave", path });
  },
};
