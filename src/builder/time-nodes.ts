import type { DelayUntilNode } from "../models/definition.ts";
import { toInstantMs } from "../models/instant.ts";
import type { BlockDraft } from "./construction.ts";
import { attempt } from "./fields.ts";
import { commonOptions, Site } from "./site.ts";

/** The node of `delayUntil(instant, options)`. */
export function delayUntilNode(block: BlockDraft, instant: unknown, options: unknown): DelayUntilNode {
  const site = new Site(block, { verb: "delayUntil", container: "delayUntil", options, known: commonOptions });
  const { facts } = site;
  if (typeof instant === "function") {
    return { kind: "delayUntil", ...facts, instant: site.ref("instant", site.functionOf(instant, "its instant")) };
  }
  const ms = attempt(() => toInstantMs(instant, "its instant"), site.fault);
  return { kind: "delayUntil", ...facts, at: new Date(ms).toISOString() };
}
