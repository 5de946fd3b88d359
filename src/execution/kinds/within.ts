import type { WithinNode } from "../../models/definition.ts";
import type { Draft } from "../draft.ts";
import { endContainer } from "../finish.ts";
import { raise } from "../rollback.ts";
import { abandon } from "./attempt.ts";
import type { Kind } from "./kind.ts";
import { passOn } from "./pass-on.ts";

/** Runs a block until it is done or its time is over, which cuts it off. Its own pointer is its timer. */
export const withinKind: Kind<WithinNode> = {
  enter(draft, path, node) {
    if (node.durationMs === undefined) draft.asks.push({ kind: "duration", path });
    else begin(draft, path, node.durationMs);
  },
  answered(draft, path, _, answer) {
    if (answer.ask === "duration") begin(draft, path, answer.delayMs);
  },
  due(draft, path, node) {
    if (node.late === undefined) return fail(draft, path, node);
    const body = `${path}/body`;
    draft.pointers.delete(path);
    abandon(draft, body);
    draft.scopes.set(path, { branch: "late" });
    draft.enterBlock(`${path}/late`);
  },
  blockDone: (draft, path, _, block) => passOn(draft, path, block),
};

function begin(draft: Draft, path: string, dueIn: number): void {
  draft.scopes.set(path, { branch: "body" });
  draft.pointers.set(path, { state: "sleeping", dueIn });
  draft.enterBlock(`${path}/body`);
}

/** What is active in it is stopped by whoever bears the failure, so that a rollback undoes it. */
function fail(draft: Draft, path: string, { durationMs, onError }: WithinNode): void {
  const time = durationMs === undefined ? "in its time" : `within ${durationMs} ms`;
  const message = `"${path}" did not come to its end ${time}.`;
  const failure = { name: "ScopeTimeoutError", code: "SCOPE_TIMEOUT", errorClass: "timeout", message, path } as const;
  endContainer(draft, path, { status: "Failed", failure: JSON.stringify(failure) });
  raise(draft, path, failure, onError);
}
