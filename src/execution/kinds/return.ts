import type { EndNode, ReturnNode } from "../../models/definition.ts";
import { blockOf } from "../../models/path.ts";
import { endPointer, isHeld } from "../finish.ts";
import { endRun } from "../rollback.ts";
import type { Kind } from "./kind.ts";
import { cancelLater } from "./later.ts";

/** Gives its block a value; at the root, the run its result. */
export const returnKind: Kind<ReturnNode> = {
  enter(draft, path) {
    // The result of a run is the last thing that happens in it.
    if (blockOf(path) === "") cancelLater(draft, "");
    if (blockOf(path) === "" && isHeld(draft, "", path)) return;
    draft.asks.push({ kind: "value", path });
  },
  answered(draft, path, _, answer) {
    if (answer.ask !== "value") return;
    const { block, valued } = draft.place(path);
    if (block.container === undefined) return endRun(draft, "done", { result: answer.value });
    endPointer(draft, path, { outcome: answer.value.json });
    if (valued) draft.values.set(path, answer.value);
    draft.moves.push({ kind: "leave", path });
  },
};

/** Ends the whole run as Complete, from any depth. */
export const endKind: Kind<EndNode> = {
  enter(draft, path, node) {
    if (node.value === undefined) endRun(draft, "done", {});
    else draft.asks.push({ kind: "value", path });
  },
  answered(draft, _, __, answer) {
    if (answer.ask === "value") endRun(draft, "done", { result: answer.value });
  },
};
