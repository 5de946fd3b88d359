import type { DelayNode, EndNode, ReturnNode, SetNode } from "../models/definition.ts";
import { toMs } from "../models/duration.ts";
import type { BlockDraft } from "./construction.ts";
import { attempt } from "./fields.ts";
import { commonOptions, Site } from "./site.ts";

/** The node of `delay(duration, options)`. */
export function delayNode(block: BlockDraft, duration: unknown, options: unknown): DelayNode {
  const site = new Site(block, { verb: "delay", container: "delay", options, known: commonOptions });
  const { facts } = site;
  if (typeof duration === "function") {
    return { kind: "delay", ...facts, duration: site.ref("duration", site.functionOf(duration, "its duration")) };
  }
  return { kind: "delay", ...facts, durationMs: attempt(() => toMs(duration, "its duration"), site.fault) };
}

/** The node of `set(patch, options)`. */
export function setNode(block: BlockDraft, patch: unknown, options: unknown): SetNode {
  const site = new Site(block, { verb: "set", container: "set", options, known: commonOptions });
  return { kind: "set", ...site.facts, patch: site.ref("patch", site.functionOf(patch, "its patch")) };
}

/** The node of `returns(value)`. */
export function returnNode(block: BlockDraft, value: unknown): ReturnNode {
  const site = new Site(block, { verb: "returns", container: "return", known: [] });
  return { kind: "return", ...site.facts, value: site.ref("value", site.functionOf(value, "its value")) };
}

/** The node of `end(value)`. */
export function endNode(block: BlockDraft, value: unknown): EndNode {
  const site = new Site(block, { verb: "end", container: "end", known: [] });
  if (value === undefined) return { kind: "end", ...site.facts };
  return { kind: "end", ...site.facts, value: site.ref("value", site.functionOf(value, "its value")) };
}
