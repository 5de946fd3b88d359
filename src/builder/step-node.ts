import type { FunctionRef, StepNode, UndoPolicy } from "../models/definition.ts";
import { defaultRetryPolicy } from "../models/retry-policy.ts";
import { stepFacts } from "../models/step.ts";
import { isStep, type KnownBody, nameOfBody, recognize } from "./body.ts";
import type { BlockDraft } from "./construction.ts";
import { Fields } from "./fields.ts";
import { type Policy, policyOf, policyOptions, readPolicy } from "./policy.ts";
import { keptOptions, Site } from "./site.ts";

const guarded = [...keptOptions, ...policyOptions, "onError"];
const errorBehaviors = ["compensate", "fail", "suspend", "terminate", "continue"] as const;

/** The node of `then(body, options)`. */
export function stepNode(block: BlockDraft, given: unknown, options: unknown): StepNode {
  const shown = nameOfBody(given) ?? "then";
  const body = recognize(given, (problem, cause) => block.fault(shown, problem, cause));
  const site = new Site(block, { verb: "then", leaf: body.name, options, known: ["input", ...guarded] });
  return nodeOf(site, body, false);
}

/** The node of `run(name, fn, options)`. */
export function inlineNode(block: BlockDraft, name: unknown, given: unknown, options: unknown): StepNode {
  if (typeof name !== "string") {
    throw block.fault("run", `run takes a name and a function, as in run("greet", (order) => …)`);
  }
  const known = guarded.filter((option) => option !== "name");
  const site = new Site(block, { verb: "run", leaf: name, options, known });
  const body = site.functionOf(given, "what run is given beside the name");
  return nodeOf(site, { call: "function", body, name, transactional: false, defaults: {} }, true);
}

function nodeOf(site: Site, body: KnownBody, inline: boolean): StepNode {
  const own = readPolicy(site.options, site.fault);
  const brought = readPolicy(new Fields(body.defaults, policyOptions, site.fault), site.fault);
  const policy: Policy = {
    retry: own.retry ?? brought.retry,
    timeoutMs: own.timeoutMs ?? brought.timeoutMs,
    compensateWith: own.compensateWith ?? brought.compensateWith,
    onCompensationError: own.onCompensationError ?? brought.onCompensationError,
    skipInDoubt: own.skipInDoubt || brought.skipInDoubt,
  };
  const input = site.options.function("input");
  return {
    kind: "step",
    ...site.facts,
    body: site.ref("body", body.body),
    call: body.call,
    inline,
    transactional: body.transactional,
    ...(input !== undefined && { input: site.ref("input", input) }),
    ...site.output,
    retry: policy.retry ?? defaultRetryPolicy,
    ...(policy.timeoutMs !== undefined && { timeoutMs: policy.timeoutMs }),
    onError: site.options.oneOf("onError", errorBehaviors) ?? "compensate",
    ...compensationOf(site, policy),
    ...(policy.skipInDoubt && !body.transactional && { skipInDoubt: true }),
  };
}

/** A step given as compensation brings its own policy; a function is run under that of its step. */
function compensationOf(site: Site, policy: Policy): { compensation?: FunctionRef; undo?: UndoPolicy } {
  const { compensateWith, onCompensationError } = policy;
  if (compensateWith === undefined && onCompensationError !== undefined)
    throw site.fault(`its option "onCompensationError" is about its compensation, and it has none: "compensateWith"`);
  if (compensateWith === undefined) return {};
  const step = isStep(compensateWith) ? compensateWith : undefined;
  const { retry, timeoutMs } = step === undefined ? policy : policyOf(step, site.fault);
  return {
    compensation: site.ref("compensation", step === undefined ? compensateWith : step.run),
    undo: {
      transactional: step?.[stepFacts].transactional ?? false,
      retry: retry ?? defaultRetryPolicy,
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(onCompensationError !== undefined && onCompensationError !== "suspend" && { onError: onCompensationError }),
    },
  };
}
