import type { SetNode } from "../../models/definition.ts";
import { endPointer } from "../finish.ts";
import type { Kind } from "./kind.ts";

/** Patches the data. */
export const setKind: Kind<SetNode> = {
  enter(draft, path) {
    draft.asks.push({ kind: "patch", path });
  },
  answered(draft, path, _, answer) {
    if (answer.ask !== "patch") return;
    draft.setData(answer.patched.data);
    endPointer(draft, path, { patch: answer.patched.patch });
    draft.moves.push({ kind: "leave", path });
  },
};
