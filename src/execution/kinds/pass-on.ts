import { childOf, staticPath } from "../../models/path.ts";
import type { Draft } from "../draft.ts";
import { endContainer, type Ending } from "../finish.ts";

/** Ends a container whose value is that of the last step of the block it went through, and goes on behind it. */
export function passOn(draft: Draft, path: string, block: string, ending: Ending = {}): void {
  const last = draft.plan.blocks.get(staticPath(block))?.nodes.at(-1);
  const at = last && childOf(block, last.name);
  endContainer(draft, path, { ...ending, outcome: at && JSON.stringify({ "$wf:at": at }) });
  const { node, valued } = draft.place(path);
  if (at !== undefined && valued) draft.values.set(path, { at });
  draft.keep(path, node.as);
  draft.moves.push({ kind: "leave", path });
}
