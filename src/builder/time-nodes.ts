import type { DelayUntilNode, LaterNode, RecurNode, WithinNode } from "../models/definition.ts";
import { toMs } from "../models/duration.ts";
import { toInstantMs } from "../models/instant.ts";
import { cronOf, everyOf } from "../models/recurrence.ts";
import type { BlockDraft } from "./construction.ts";
import { attempt } from "./fields.ts";
import { nestedBlock } from "./nested.ts";
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

/** What a verb was given that runs a block. */
export interface Timed {
  readonly duration: unknown;
  readonly body: unknown;
}

const withinOptions = [...commonOptions, "as", "onTimeout", "onError"];
const errorBehaviors = ["compensate", "fail", "terminate"] as const;

/** The node of `within(duration, body, options)`. */
export function withinNode(block: BlockDraft, { duration, body }: Timed, options: unknown): WithinNode {
  const site = new Site(block, { verb: "within", container: "within", options, known: withinOptions });
  const onTimeout = site.options.function("onTimeout");
  const late = { part: "/late", callback: onTimeout, what: "onTimeout", mayBeEmpty: true };
  return {
    kind: "within",
    ...site.facts,
    ...lasting(site, duration),
    body: nestedBlock(site, { part: "/body", callback: body, what: "its body" }),
    ...(onTimeout !== undefined && { late: nestedBlock(site, late) }),
    onError: site.options.oneOf("onError", errorBehaviors) ?? "compensate",
  };
}

/** The node of `schedule(delay, body, options)`. */
export function laterNode(block: BlockDraft, { duration, body }: Timed, options: unknown): LaterNode {
  const site = new Site(block, {
    verb: "schedule",
    container: "schedule",
    options,
    known: [...commonOptions, "atEnd"],
  });
  return {
    kind: "later",
    ...site.facts,
    ...lasting(site, duration),
    atEnd: site.options.oneOf("atEnd", ["wait", "cancel"]) ?? "wait",
    body: nestedBlock(site, { part: "/body", callback: body, what: "its body" }),
  };
}

const recurOptions = [...commonOptions, "cron", "timeZone", "every", "overlap", "times", "until", "keepLaps"];

/** The node of `recur(ticks, body)`. */
export function recurNode(block: BlockDraft, ticks: unknown, body: unknown): RecurNode {
  const site = new Site(block, { verb: "recur", container: "recur", options: ticks, known: recurOptions });
  const until = site.options.function("until");
  const times = site.options.wholeNumber("times");
  const keepLaps = site.options.wholeNumber("keepLaps");
  return {
    kind: "recur",
    ...site.facts,
    ticks: ticksOf(site),
    overlap: site.options.oneOf("overlap", ["skip", "queue", "allow"]) ?? "skip",
    ...(times !== undefined && { times }),
    ...(keepLaps !== undefined && { keepLaps }),
    ...(until !== undefined && { condition: site.ref("condition", until) }),
    body: nestedBlock(site, { part: "#", callback: body, what: "its body", names: ["lap"] }),
  };
}

function ticksOf(site: Site): RecurNode["ticks"] {
  const [cron, every, timeZone] = ["cron", "every", "timeZone"].map((option) => site.options.value(option));
  if ((cron === undefined) === (every === undefined)) throw site.fault(`it needs either "cron" or "every"`);
  if (every !== undefined && timeZone !== undefined) throw site.fault(`its option "timeZone" needs a "cron"`);
  const recurrence = attempt(() => (every === undefined ? cronOf(cron, timeZone) : everyOf(every, 0)), site.fault);
  return "cron" in recurrence ? recurrence : { everyMs: recurrence.everyMs };
}

function lasting(site: Site, duration: unknown): Pick<WithinNode, "duration" | "durationMs"> {
  if (typeof duration === "function") {
    return { duration: site.ref("duration", site.functionOf(duration, "its duration")) };
  }
  return { durationMs: attempt(() => toMs(duration, "its duration"), site.fault) };
}
