import type { DecideNode } from "../../models/definition.ts";
import { storedFromJson } from "../../models/stored-value.ts";
import { endContainer } from "../finish.ts";
import { raise } from "../rollback.ts";
import type { Kind } from "./kind.ts";
import { passOn } from "./pass-on.ts";

/** Goes the way that its outcome names. The outcome stands in its row as what it was given. */
export const decideKind: Kind<DecideNode> = {
  enter(draft, path) {
    draft.asks.push({ kind: "outcome", path });
  },
  answered(draft, path, node, answer) {
    if (answer.ask !== "outcome") return;
    const { outcome } = answer;
    if (node.cases.some(({ name }) => name === outcome)) {
      draft.scopes.set(path, { branch: outcome });
      draft.enterBlock(`${path}/${outcome}`);
      return;
    }
    const message = `"${path}" has no case for the outcome ${JSON.stringify(outcome)}.`;
    const failure = {
      name: "UnknownOutcomeError",
      code: "UNKNOWN_OUTCOME",
      errorClass: "permanent",
      message,
      path,
    } as const;
    endContainer(draft, path, { status: "Failed", failure: JSON.stringify(failure) });
    raise(draft, path, failure, "compensate");
  },
  blockDone(draft, path, _, block) {
    passOn(draft, path, block, { input: storedFromJson(draft.scope(path).branch) });
  },
};
