import type { WaitNode } from "../../models/definition.ts";
import { endContainer, endPointer, forgetKept, unsubscribe, waitForEvent } from "../finish.ts";
import { raise } from "../rollback.ts";
import type { Kind } from "./kind.ts";

/** Waits for an event. Once its timeout has passed it is the container of its late branch. */
export const waitKind: Kind<WaitNode> = {
  enter(draft, path) {
    draft.asks.push({ kind: "key", path });
  },
  answered(draft, path, node, answer) {
    if (answer.ask !== "key") return;
    waitForEvent(draft, path, { name: node.event, key: answer.key }, node.timeoutMs);
  },
  due(draft, path, node) {
    unsubscribe(draft, path);
    if (node.late === undefined) {
      const message = `No event "${node.event}" came for "${path}" within ${node.timeoutMs} ms.`;
      const failure = { name: "WaitTimeoutError", code: "WAIT_TIMEOUT", errorClass: "timeout", message, path } as const;
      endPointer(draft, path, { status: "Failed", failure: JSON.stringify(failure) });
      return raise(draft, path, failure, node.onError);
    }
    draft.pointers.delete(path);
    draft.scopes.set(path, {});
    draft.enterBlock(`${path}/late`);
  },
  blockDone(draft, path, node) {
    endContainer(draft, path, {});
    draft.keep(path, node.as);
    draft.moves.push({ kind: "leave", path });
  },
  event(draft, path, node, { source, value, patched }) {
    unsubscribe(draft, path);
    draft.consume.push(source);
    if (patched !== undefined) draft.setData(patched.data);
    endPointer(draft, path, { outcome: value.json, patch: patched?.patch });
    if (draft.place(path).valued) draft.values.set(path, value);
    draft.keep(path, node.as);
    forgetKept(draft, `${path}/late`);
    draft.moves.push({ kind: "leave", path });
  },
};
