import { encodeValue } from "../../models/codec.ts";
import type { AttemptNode } from "../../models/definition.ts";
import { cancelBlock } from "../cancel.ts";
import type { Draft } from "../draft.ts";
import { endPointer, forgetKept } from "../finish.ts";
import { handlerOf } from "../rollback.ts";
import type { Kind } from "./kind.ts";
import { passOn } from "./pass-on.ts";

/** Runs a block; a failure in it is dealt with by the handler of its class. */
export const attemptKind: Kind<AttemptNode> = {
  enter(draft, path) {
    draft.scopes.set(path, { branch: "try" });
    draft.enterBlock(`${path}/try`);
  },
  caught(draft, path, node, { block, failure }) {
    const handler = handlerOf(node, failure);
    if (handler === undefined) return;
    abandon(draft, block);
    const at = `${path}/${handler.name}`;
    const value = encodeValue(failure, `failure in "${path}"`);
    draft.scopes.set(path, { branch: handler.name });
    endPointer(draft, at, { outcome: value.json, failure: JSON.stringify(failure), status: "Failed" });
    draft.values.set(at, value);
    draft.kept.set(at, { failure: at });
    draft.enterBlock(at);
  },
  blockDone: (draft, path, _, block) => passOn(draft, path, block),
};

/** Stops a block whose place another one takes. */
export function abandon(draft: Draft, block: string): void {
  cancelBlock(draft, block);
  forgetKept(draft, block);
  draft.closed.push(block);
}
