import type { IfNode } from "../../models/definition.ts";
import type { Kind } from "./kind.ts";
import { passOn } from "./pass-on.ts";

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
  blockDone: (draft, path, _, block) => passOn(draft, path, block),
};
