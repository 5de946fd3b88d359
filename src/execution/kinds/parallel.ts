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
    draft.moves.push({ kind: "admit", path });
  },
  answered(draft, path, _, answer) {
    if (answer.ask === "collect") leaveCrowd(draft, path, answer);
  },
  admit: (draft, path, node) =>
    admit(draft, path, {
      concurrency: defaultAdmission,
      block: (n) => `${path}/${node.branches[n]?.name ?? ""}`,
    }),
  join(draft, path, node) {
    join(draft, path, () =>
      node.branches.map((branch): Child => {
        const last = branch.block.nodes.at(-1);
        return { name: branch.name, from: last && childOf(`${path}/${branch.name}`, last.name) };
      }),
    );
  },
  blockDone: (draft, path, _, block) => childDone(draft, path, block),
};
