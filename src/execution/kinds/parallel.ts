import type { ParallelNode } from "../../models/definition.ts";
import { defaultAdmission } from "../../models/limits.ts";
import { childOf } from "../../models/path.ts";
import type { Child } from "../facts.ts";
import { admit, childDone, join, leaveCrowd } from "./crowd.ts";
import type { Kind } from "./kind.ts";

/** Runs its branches side by side and joins them. */
export const parallelKind: Kind<ParallelNode> = {
  enter(draft, path, node) {
    draft.scopes.set(path, { count: node.branches.length });
    this.admit?.(draft, path, node);
  },
  answered(draft, path, _, answer) {
    if (answer.ask === "collect") leaveCrowd(draft, path, answer);
  },
  admit: (draft, path, node) =>
    admit(draft, path, {
      concurrency: defaultAdmission,
      block: (n) => `${path}/${node.branches[n]?.name ?? ""}`,
    }),
  blockDone(draft, path, node, block) {
    if (!childDone(draft, path, block)) return;
    join(draft, path, () =>
      node.branches.map((branch): Child => {
        const last = branch.block.nodes.at(-1);
        return { name: branch.name, from: last && childOf(`${path}/${branch.name}`, last.name) };
      }),
    );
  },
};
