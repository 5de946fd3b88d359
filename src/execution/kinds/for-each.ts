import type { ForEachNode } from "../../models/definition.ts";
import { childOf, iterationOf } from "../../models/path.ts";
import type { Child } from "../facts.ts";
import { admit, childDone, join, leaveCrowd } from "./crowd.ts";
import type { Kind } from "./kind.ts";

/** Runs its block for every item. The items are stored once, at entry, in the row of its pointer. */
export const forEachKind: Kind<ForEachNode> = {
  enter(draft, path) {
    draft.asks.push({ kind: "items", path });
  },
  answered(draft, path, _, answer) {
    if (answer.ask === "collect") return leaveCrowd(draft, path, answer);
    if (answer.ask !== "items") return;
    draft.scopes.set(path, { count: answer.count, started: true });
    draft.items.set(path, answer.items);
    draft.rows.push(startedRow(path, answer.items.json));
    draft.moves.push({ kind: answer.count === 0 ? "join" : "admit", path });
  },
  admit: (draft, path, node) =>
    admit(draft, path, { concurrency: node.concurrency, block: (n) => iterationOf(path, n) }),
  join(draft, path, node) {
    const last = node.body.nodes.at(-1);
    const { count = 0 } = draft.scope(path);
    const child = (n: number): Child => ({ name: undefined, from: last && childOf(iterationOf(path, n), last.name) });
    join(draft, path, () => Array.from({ length: count }, (_, n) => child(n)));
  },
  blockDone: (draft, path, _, block) => childDone(draft, path, block),
};

const startedRow = (path: string, items: string) =>
  ({
    path,
    write: "insert",
    status: "Started",
    seq: 0,
    attempts: 1,
    input: items,
    outcome: null,
    patch: null,
    failure: null,
    tookMs: 0,
    below: null,
  }) as const;
