import type { WaitNode } from "../../models/definition.ts";
import { topicOf } from "../../models/identity.ts";
import type { Draft } from "../draft.ts";
import type { Fact } from "../facts.ts";
import { endContainer, endPointer, forgetKept, unsubscribe } from "../finish.ts";
import { raise } from "../rollback.ts";
import type { Kind } from "./kind.ts";

/** Waits for an event. Once its timeout has passed it is the container of its late branch. */
export const waitKind: Kind<WaitNode> = {
  enter(draft, path) {
    draft.asks.push({ kind: "key", path });
  },
  answered(draft, path, node, answer) {
    if (answer.ask !== "key") return;
    const event = { name: node.event, key: answer.key };
    const dueIn = node.timeoutMs;
    draft.pointers.set(path, { state: "waiting", event, ...(dueIn !== undefined && { dueIn }) });
    draft.subscribe.push({ topic: topicOf(event.name, event.key), path, ...event });
  },
  due(draft, path, node) {
    unsubscribe(draft, path);
    if (node.late === undefined) {
      const message = `No event "${node.event}" came for "${path}" within ${node.timeoutMs} ms.`;
      const failure = { name: "WaitTimeoutError", code: "WAIT_TIMEOUT", errorClass: "timeout", message, path } as const;
      endPointer(draft, path, { status: "Failed", failure: JSON.stringify(failure) });
      return raise(draft, path, failure, node.onError === "suspend" ? "fail" : node.onError);
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
};

/** An event has reached a pointer that waits for it. */
export function eventArrived(draft: Draft, node: WaitNode, fact: Fact & { readonly kind: "event" }): void {
  const { path, value, patched } = fact;
  if (draft.pointers.get(path)?.state !== "waiting") return;
  unsubscribe(draft, path);
  draft.consume.push(fact.source);
  if (patched !== undefined) draft.setData(patched.data);
  endPointer(draft, path, { outcome: value.json, patch: patched?.patch });
  if (draft.place(path).valued) draft.values.set(path, value);
  draft.keep(path, node.as);
  forgetKept(draft, `${path}/late`);
  draft.moves.push({ kind: "leave", path });
}
