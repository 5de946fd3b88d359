import type {
  AttemptNode,
  Branch,
  DecideNode,
  ForEachNode,
  IfNode,
  ParallelNode,
  RaceNode,
  SagaNode,
} from "../models/definition.ts";
import { errorClasses } from "../models/errors.ts";
import { checkStepName } from "../models/identity.ts";
import { defaultAdmission } from "../models/limits.ts";
import type { BlockDraft } from "./construction.ts";
import { attempt, show } from "./fields.ts";
import { joinOptions, readPolicy, readTolerance } from "./join-policy.ts";
import { nestedBlock } from "./nested.ts";
import { checkScopeName, commonOptions, keptOptions, Site } from "./site.ts";

const asOptions = [...commonOptions, "as"];
const parallelOptions = [...keptOptions, ...joinOptions];
const forEachOptions = [...parallelOptions, "item", "concurrency"];
const raceOptions = [...keptOptions, "tolerate"];
const sagaOptions = [...asOptions, "afterCompensation"];

/** What `if` was given. */
export interface Ways {
  readonly condition: unknown;
  readonly yes: unknown;
  readonly no: unknown;
}

/** The node of `if(condition, yes, no, options)`. */
export function ifNode(block: BlockDraft, { condition, yes, no }: Ways, options: unknown): IfNode {
  const site = new Site(block, { verb: "if", container: "if", options, known: asOptions });
  return {
    kind: "if",
    ...site.facts,
    condition: site.ref("condition", site.functionOf(condition, "its condition")),
    yes: nestedBlock(site, { part: "/yes", callback: yes, what: "its first way", mayBeEmpty: true }),
    no:
      no === undefined
        ? { nodes: [] }
        : nestedBlock(site, { part: "/no", callback: no, what: "its second way", mayBeEmpty: true }),
  };
}

/** The node of `decide(outcome, cases, options)`. */
export function decideNode(block: BlockDraft, outcome: unknown, cases: unknown, options: unknown): DecideNode {
  const site = new Site(block, { verb: "decide", container: "decide", options, known: asOptions });
  return {
    kind: "decide",
    ...site.facts,
    outcome: site.ref("outcome", site.functionOf(outcome, "its outcome")),
    cases: namedBlocks(site, cases, { verb: "decide", one: "case", mayBeEmpty: true }),
  };
}

/** The node of `forEach(items, body, options)`. */
export function forEachNode(block: BlockDraft, items: unknown, body: unknown, options: unknown): ForEachNode {
  const site = new Site(block, { verb: "forEach", container: "each", options, known: forEachOptions });
  const item = site.options.text("item") ?? "item";
  checkScopeName(item, "item", site.fault);
  if (item === "index") throw site.fault(`its option "item" must not be "index": that name is taken`);
  return {
    kind: "forEach",
    ...site.facts,
    items: site.ref("items", site.functionOf(items, "what forEach goes through")),
    item,
    concurrency: site.options.wholeNumber("concurrency") ?? defaultAdmission,
    ...site.output,
    ...readPolicy(site.options, site.fault),
    body: nestedBlock(site, { part: "[]", callback: body, what: "its body", names: [item, "index"] }),
  };
}

/** The node of `parallel(branches, options)`. */
export function parallelNode(block: BlockDraft, branches: unknown, options: unknown): ParallelNode {
  const site = new Site(block, { verb: "parallel", container: "parallel", options, known: parallelOptions });
  const { policy } = readPolicy(site.options, site.fault);
  const node: ParallelNode = {
    kind: "parallel",
    ...site.facts,
    ...site.output,
    ...(policy !== undefined && { policy }),
    branches: namedBlocks(site, branches, { verb: "parallel", one: "branch" }),
  };
  const { need = 0 } = policy ?? {};
  if (need > node.branches.length) {
    throw site.fault(`it is to wait for ${need} branches, and there are only ${node.branches.length}`);
  }
  return node;
}

/** The node of `race(branches, options)`. */
export function raceNode(block: BlockDraft, branches: unknown, options: unknown): RaceNode {
  const site = new Site(block, { verb: "race", container: "race", options, known: raceOptions });
  const tolerate = readTolerance(site.options.value("tolerate"), site.fault);
  return {
    kind: "race",
    ...site.facts,
    ...site.output,
    ...(tolerate !== undefined && { policy: { tolerate } }),
    branches: namedBlocks(site, branches, { verb: "race", one: "branch" }),
  };
}

interface Naming {
  readonly verb: string;
  readonly one: "branch" | "case" | "handler";
  readonly mayBeEmpty?: boolean;
  /** Names that only these blocks can read. */
  readonly names?: readonly string[];
}

const several = { branch: "branches", case: "cases", handler: "handlers" } as const;

/** Blocks by name, in the order in which they were written. */
function namedBlocks(
  site: Site,
  given: unknown,
  { verb, one, mayBeEmpty = false, names = [] }: Naming,
): readonly Branch[] {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw site.fault(`${verb} takes an object of named ${several[one]}, not ${show(given)}`);
  }
  const named = Object.entries(given).map(([name, callback]: [string, unknown]) => {
    attempt(() => checkStepName(name, `${one} name`), site.fault);
    return { name, callback };
  });
  if (named.length === 0) throw site.fault(`it has no ${several[one]}`);
  return named.map(({ name, callback }) => ({
    name,
    block: nestedBlock(site, { part: `/${name}`, callback, what: `its ${one} "${name}"`, mayBeEmpty, names }),
  }));
}

const handled = [...errorClasses, "otherwise"];

/** The node of `attempt(body, handlers, options)`. */
export function attemptNode(block: BlockDraft, body: unknown, handlers: unknown, options: unknown): AttemptNode {
  const site = new Site(block, { verb: "attempt", container: "attempt", options, known: asOptions });
  const names = ["failure"];
  const node: AttemptNode = {
    kind: "attempt",
    ...site.facts,
    body: nestedBlock(site, { part: "/try", callback: body, what: "its body" }),
    handlers: namedBlocks(site, handlers, { verb: "attempt", one: "handler", mayBeEmpty: true, names }),
  };
  const stranger = node.handlers.find(({ name }) => !handled.includes(name));
  if (stranger === undefined) return node;
  throw site.fault(`it has a handler for ${JSON.stringify(stranger.name)}: there are ${handled.join(", ")}`);
}

/** The node of `saga(body, options)`. */
export function sagaNode(block: BlockDraft, body: unknown, options: unknown): SagaNode {
  const site = new Site(block, { verb: "saga", container: "saga", options, known: sagaOptions });
  return {
    kind: "saga",
    ...site.facts,
    body: nestedBlock(site, { part: "", callback: body, what: "its body" }),
    afterCompensation: site.options.oneOf("afterCompensation", ["fail", "continue"]) ?? "fail",
  };
}
