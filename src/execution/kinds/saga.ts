import type { SagaNode } from "../../models/definition.ts";
import { stack } from "../stack.ts";
import type { Kind } from "./kind.ts";
import { passOn } from "./pass-on.ts";

/** A block that is undone as a whole; once done, it lies on the stack of the saga around it. */
export const sagaKind: Kind<SagaNode> = {
  enter(draft, path) {
    draft.scopes.set(path, {});
    draft.enterBlock(path);
  },
  blockDone(draft, path) {
    const inner = draft.scope(path).undo;
    passOn(draft, path, path, { below: inner && stack(draft, path, inner) });
  },
};
