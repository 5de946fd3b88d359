import type { ForEachNode } from "../../models/definition.ts";
import { crowdKind, gather } from "./crowd.ts";
import type { Kind } from "./kind.ts";

/** Runs its block for every item. The items are stored once, at entry, in the row of its pointer. */
export const forEachKind: Kind<ForEachNode> = {
  ...crowdKind,
  enter(draft, path) {
    draft.asks.push({ kind: "items", path });
  },
  answered(draft, path, node, answer) {
    if (answer.ask !== "items") return crowdKind.answered?.(draft, path, node, answer);
    draft.scopes.set(path, { count: answer.count, started: true });
    draft.items.set(path, answer.items);
    draft.rows.push(startedRow(path, answer.items.json));
    gather(draft, path, node, answer.count);
  },
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
