import type { DelayNode } from "../../models/definition.ts";
import { endPointer } from "../finish.ts";
import type { Kind } from "./kind.ts";

/** Sleeps its branch; the database's clock decides when it is over. */
export const delayKind: Kind<DelayNode> = {
  enter(draft, path, node) {
    if (node.durationMs === undefined) draft.asks.push({ kind: "duration", path });
    else draft.pointers.set(path, { state: "sleeping", dueIn: node.durationMs });
  },
  answered(draft, path, _, answer) {
    if (answer.ask === "duration") draft.pointers.set(path, { state: "sleeping", dueIn: answer.delayMs });
  },
  due(draft, path) {
    endPointer(draft, path, {});
    draft.moves.push({ kind: "leave", path });
  },
};
