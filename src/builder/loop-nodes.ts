import type { JumpNode, LoopNode } from "../models/definition.ts";
import { isInside } from "../models/path.ts";
import type { BlockDraft, Construction } from "./construction.ts";
import { show } from "./fields.ts";
import { nestedBlock } from "./nested.ts";
import { commonOptions, Site } from "./site.ts";

const loopOptions = [...commonOptions, "as", "maxLaps", "keepLaps"];

/** The verbs that make loops, and what they make of their arguments. */
export type LoopVerb = "while" | "doWhile" | "until" | "block";

/** What a loop was given; a labelled block has no condition. */
export interface LoopParts {
  readonly verb: LoopVerb;
  readonly condition?: unknown;
  readonly body: unknown;
}

const containers: { readonly [V in LoopVerb]: string } = {
  while: "while",
  doWhile: "do",
  until: "until",
  block: "block",
};
const asks = { while: "before", doWhile: "after", until: "after", block: "never" } as const;

/** The node of `while`, `doWhile`, `until` and `block`. */
export function loopNode(block: BlockDraft, { verb, condition, body }: LoopParts, options: unknown): LoopNode {
  const site = new Site(block, { verb, container: containers[verb], options, known: loopOptions });
  const maxLaps = site.options.wholeNumber("maxLaps");
  const keepLaps = site.options.wholeNumber("keepLaps");
  const label = new LoopLabel(block.construction, site.path);
  return {
    kind: "loop",
    ...site.facts,
    asks: asks[verb],
    ...(verb !== "block" && { condition: site.ref("condition", site.functionOf(condition, "its condition")) }),
    ...(verb === "until" && { until: true }),
    ...(maxLaps !== undefined && { maxLaps }),
    ...(keepLaps !== undefined && { keepLaps }),
    body: nestedBlock(site, { part: "#", callback: body, what: "its body", names: ["lap"], beside: [label] }),
  };
}

/** The node of `restart(label)` and `leave(label)`. */
export function jumpNode(block: BlockDraft, to: JumpNode["to"], label: unknown): JumpNode {
  const site = new Site(block, { verb: to, container: to, known: [] });
  if (!(label instanceof LoopLabel)) {
    throw site.fault(`${to} takes the label that a loop or a block hands to its callback, not ${show(label)}`);
  }
  const lap = `${label.path}#`;
  if (label.construction !== block.construction || !(block.path === lap || isInside(block.path, lap))) {
    throw site.fault(`${to} can only name a loop or a block that is around it`);
  }
  return { kind: "jump", ...site.facts, to, loop: label.path };
}

/** What stands behind `Label` at run time. */
class LoopLabel {
  readonly construction: Construction;
  /** Static path of the loop. */
  readonly path: string;

  constructor(construction: Construction, path: string) {
    this.construction = construction;
    this.path = path;
  }
}
