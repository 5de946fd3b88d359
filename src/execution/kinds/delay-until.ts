import type { DelayUntilNode } from "../../models/definition.ts";
import { endPointer } from "../finish.ts";
import type { Kind } from "./kind.ts";

/** Sleeps its branch until an instant of the database's clock; one that has passed is due at once. */
export const delayUntilKind: Kind<DelayUntilNode> = {
  enter(draft, path, node) {
    if (node.at === undefined) draft.asks.push({ kind: "instant", path });
    else draft.pointers.set(path, { state: "sleeping", due: Date.parse(node.at) });
  },
  answered(draft, path, _, answer) {
    if (answer.ask === "instant") draft.pointers.set(path, { state: "sleeping", due: answer.at });
  },
  due(draft, path) {
    endPointer(draft, path, {});
    draft.moves.push({ kind: "leave", path });
  },
};
