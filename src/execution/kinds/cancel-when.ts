import type { CancelWhenNode } from "../../models/definition.ts";
import { endPointer, unsubscribe, waitForEvent } from "../finish.ts";
import { abandon } from "./attempt.ts";
import type { Kind } from "./kind.ts";
import { passOn } from "./pass-on.ts";

/** Runs a block until it is done or an event arrives, which cancels it; then its cleanup runs. */
export const cancelWhenKind: Kind<CancelWhenNode> = {
  enter(draft, path) {
    draft.asks.push({ kind: "key", path });
  },
  answered(draft, path, node, answer) {
    if (answer.ask !== "key") return;
    draft.scopes.set(path, { branch: "body" });
    waitForEvent(draft, path, { name: node.event, key: answer.key });
    draft.enterBlock(`${path}/body`);
  },
  event(draft, path, _, { source, value }) {
    unsubscribe(draft, path);
    draft.consume.push(source);
    draft.pointers.delete(path);
    abandon(draft, `${path}/body`);
    const at = `${path}/cancelled`;
    draft.scopes.set(path, { branch: "cancelled" });
    endPointer(draft, at, { outcome: value.json });
    draft.values.set(at, value);
    draft.kept.set(at, { cancelledBy: at });
    draft.enterBlock(at);
  },
  blockDone(draft, path, _, block) {
    unsubscribe(draft, path);
    passOn(draft, path, block);
  },
};
