import type { ParallelNode, RaceNode } from "../../models/definition.ts";
import { crowdKind, gather } from "./crowd.ts";
import type { Kind } from "./kind.ts";

/** Runs its branches side by side and joins them. */
export const parallelKind: Kind<ParallelNode | RaceNode> = {
  ...crowdKind,
  enter(draft, path, node) {
    draft.scopes.set(path, { count: node.branches.length });
    gather(draft, path, node, node.branches.length);
  },
};
