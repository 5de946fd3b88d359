import {
  defineWorkflow,
  event,
  ExecutionResult,
  type Flow,
  PermanentError,
  type StepContext,
  step as namedStep,
} from "workflow-core";
import { type TransactionContext, transactionalStep } from "workflow-core";
import type { Untyped } from "../builder/untyped.ts";
import type {
  Block,
  Data,
  Field,
  Item,
  JoinPlan,
  LaterPlan,
  LoopPlan,
  Plan,
  PlanNode,
  RecurPlan,
  StepPlan,
  WithinPlan,
} from "./plan.ts";
import {
  digest,
  hasAnother,
  holds,
  itemsOf,
  keyOf,
  napsUntil,
  patchOf,
  plain,
  sight,
  takes,
  timeoutMs,
  troubles,
} from "./plan.ts";

/** What the bodies of a workflow do to the world outside. */
export interface Outside {
  /** By the clock of the world, in milliseconds since the epoch. */
  readonly now: number;
  /** A body works for so long; its work ends at the same instant, however often it begins anew. */
  work(context: StepContext, ms: number): Promise<void>;
  /** A compensation has begun. */
  undo(context: StepContext, what: string): void;
}

type Scope = Readonly<Record<string, unknown>>;
type Inline = StepContext & { readonly scope: Scope };

/** Where a block stands, as far as its author knows. */
interface Site {
  readonly plan: Plan;
  readonly outside: Outside;
  readonly start: number;
  /** The names that can be read here. */
  readonly names: readonly string[];
  /** What the innermost item is called. */
  readonly item?: string;
  readonly labels: ReadonlyMap<number, unknown>;
}

export const news = event<number>("news");

/** The workflow of a plan, made with the public builder. `start`: the instant at which its run begins. */
export function workflowOf(
  plan: Plan,
  outside: Outside,
  { id, start }: { readonly id: string; readonly start: number },
): ReturnType<typeof define> {
  const site: Site = { plan, outside, start, names: [], labels: new Map() };
  return define(id, plan, (flow) => blockOn(flow as unknown as Untyped, plan.root, site) as never);
}

const define = (id: string, { timeout }: Plan, build: (flow: Flow<Data>) => Flow<Data>) =>
  defineWorkflow(
    { id, version: 1, ...(timeout !== undefined && { timeout: timeout.ms, onTimeout: timeout.then }) },
    build,
  );

function blockOn(flow: Untyped, { steps, last }: Block, outer: Site): Untyped {
  let site = outer;
  let now = flow;
  for (const node of steps) {
    now = nodeOn(now, node, site);
    if (node.as) site = { ...site, names: [...site.names, `k${node.id}`] };
  }
  if (last === undefined) return now;
  switch (last.kind) {
    case "returns":
      return now.returns(sees(site, (seen) => ({ v: seen % 1000 })));
    case "end":
      return last.withValue ? now.end(sees(site, (seen) => ({ v: seen % 1000 }))) : now.end();
    default:
      return now[last.kind](site.labels.get(last.to));
  }
}

/** A mapping that answers from what it sees. */
const sees =
  <R>({ names }: Site, answer: (seen: number, scope: Scope, data: Data) => R) =>
  (data: Data, scope: Scope): R =>
    answer(sight(data, scope, names), scope, data);

const inside = (site: Site, ...names: string[]): Site => ({ ...site, names: [...new Set([...site.names, ...names])] });
const itemIn = ({ item }: Site, scope: Scope): number => (item === undefined ? 0 : (scope[item] as Item).n);

/** A callback that builds a block. */
const building = (plan: Block, site: Site) => (flow: Untyped) => blockOn(flow, plan, site);

function nodeOn(flow: Untyped, node: PlanNode, site: Site): Untyped {
  const { plan } = site;
  const options = {
    ...("as" in node && node.as && { as: `k${node.id}` }),
    ...("output" in node && node.output !== undefined && { output: outputOf(node.output) }),
  };
  switch (node.kind) {
    case "step":
      return stepOn(flow, node, site);
    case "set":
      return flow.set(
        sees(site, (seen, _, data) => {
          if (node.bad !== undefined && holds(node.bad, seen)) throw new Error("a mapping throws");
          return patchOf(node.field, data, seen);
        }),
      );
    case "delay": {
      const ms = (scope: Scope): number => takes(plan.salt, node.id, itemIn(site, scope));
      if (!node.until) return flow.delay((_: Data, scope: Scope) => ms(scope));
      return flow.delayUntil((_: Data, scope: Scope) => new Date(site.start + ms(scope) * 2));
    }
    case "wait":
      return waitOn(flow, node, site, options);
    case "if":
      return flow.if(
        sees(site, (seen) => holds(node.when, seen)),
        building(node.yes, site),
        node.no && building(node.no, site),
        options,
      );
    case "decide":
      return flow.decide(
        sees(site, (seen) => `o${seen % node.of}`),
        Object.fromEntries(node.cases.map((way, i) => [`o${i}`, building(way, site)])),
        options,
      );
    case "forEach": {
      const item = `i${node.id}`;
      const { concurrency } = node;
      return flow.forEach(
        sees(site, (seen, scope) => itemsOf(itemIn(site, scope), node.varies ? seen % (node.count + 1) : node.count)),
        building(node.body, { ...inside(site, item, "index"), item }),
        { ...options, ...joinOf(node.join), item, ...(concurrency !== undefined && { concurrency }) },
      );
    }
    case "parallel":
      return flow.parallel(branchesOf(node.branches, site), { ...options, ...joinOf(node.join) });
    case "race":
      return flow.race(branchesOf(node.branches, site), {
        ...options,
        ...(node.tolerate !== undefined && { tolerate: node.tolerate }),
      });
    case "saga":
      return flow.saga(building(node.body, site), { ...options, afterCompensation: node.goesOn ? "continue" : "fail" });
    case "attempt": {
      const handlers = Object.entries(node.handlers).map(([name, handler]) => [
        name,
        building(handler, inside(site, "failure")),
      ]);
      return flow.attempt(building(node.body, site), Object.fromEntries(handlers), options);
    }
    case "cancelWhen":
      return flow.cancelWhen(news, building(node.body, site), {
        ...options,
        name: `c${node.id}`,
        key: (_: Data, scope: Scope) => keyOf(node.id, itemIn(site, scope)),
        ...(node.onCancel !== undefined && { onCancel: building(node.onCancel, inside(site, "cancelledBy")) }),
      });
    case "within": {
      const { late, onError } = node;
      return flow.within(lastingOf(node, site), building(node.body, site), {
        ...options,
        ...(late !== undefined && { onTimeout: building(late, site) }),
        ...(onError !== undefined && { onError }),
      });
    }
    case "schedule":
      return flow.schedule(lastingOf(node, site), building(node.body, site), { atEnd: node.atEnd });
    case "recur":
      return recurOn(flow, node, site);
    default:
      return loopOn(flow, node, site, options);
  }
}

const outputOf = (field: Field) => (data: Data, value: unknown) => patchOf(field, data, value);

const branchesOf = (branches: readonly Block[], site: Site): Record<string, unknown> =>
  Object.fromEntries(branches.map((branch, i) => [`b${i}`, building(branch, site)]));

const joinOf = ({ atLeast, rest, tolerate }: JoinPlan): object => ({
  ...(atLeast !== undefined && { join: atLeast === 1 ? "first" : { atLeast } }),
  ...(rest !== undefined && { rest }),
  ...(tolerate !== undefined && { tolerate }),
});

/** A duration, or a mapping that answers it. */
function lastingOf({ id, isFixed }: WithinPlan | LaterPlan, site: Site): unknown {
  const { salt } = site.plan;
  return isFixed ? takes(salt, id, 0) : (_: Data, scope: Scope) => takes(salt, id, itemIn(site, scope));
}

function recurOn(flow: Untyped, node: RecurPlan, site: Site): Untyped {
  const { every, byClock, overlap, times, until, keepLaps } = node;
  const laps = inside(site, "lap");
  const ticks = {
    ...(byClock ? { cron: `*/${every} * * * * *` } : { every: `${every} seconds` }),
    overlap,
    ...(times !== undefined && { times }),
    ...(keepLaps !== undefined && { keepLaps }),
    ...(until !== undefined && { until: sees(laps, (seen) => holds(until, seen)) }),
  };
  return flow.recur(ticks, building(node.body, laps));
}

function loopOn(flow: Untyped, node: LoopPlan, site: Site, options: object): Untyped {
  const { maxLaps, keepLaps } = node;
  const all = {
    ...options,
    ...(maxLaps !== undefined && { maxLaps }),
    ...(keepLaps !== undefined && { keepLaps }),
  };
  const body = (lap: Untyped, label: unknown): Untyped =>
    blockOn(lap, node.body, { ...inside(site, "lap"), labels: new Map([...site.labels, [node.id, label]]) });
  const asks = (...names: string[]) =>
    sees(inside(site, "lap", ...names), (seen, scope) => hasAnother(node, Number(scope["lap"]), seen));
  switch (node.kind) {
    case "while":
      return flow.while(asks(), body, all);
    case "doWhile":
      return flow.doWhile(body, asks("last"), all);
    case "until": {
      const another = asks("last");
      return flow.until(body, (data: Data, scope: Scope) => !another(data, scope), all);
    }
    case "block":
      return flow.block(body, all);
  }
}

function waitOn(flow: Untyped, node: PlanNode & { readonly kind: "wait" }, site: Site, options: object): Untyped {
  const { late, onError, output, badOutput } = node;
  // A timeout is the same wherever a wait stands: only delays can be told from a mapping.
  const timeout = node.timeout ? { timeout: takes(site.plan.salt, node.id, 0) } : {};
  return flow.waitFor(news, {
    ...options,
    ...(output !== undefined && {
      output: (data: Data, got: number) => {
        if (badOutput !== undefined && holds(badOutput, got)) throw new Error("a mapping throws");
        return patchOf(output, data, got);
      },
    }),
    ...timeout,
    name: `w${node.id}`,
    key: (_: Data, scope: Scope) => keyOf(node.id, itemIn(site, scope)),
    ...(node.timeout && late !== undefined && { onTimeout: building(late, site) }),
    ...(onError !== undefined && { onError }),
  });
}

// ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function stepOn(flow: Untyped, node: StepPlan, site: Site): Untyped {
  const { plan, outside, names } = site;
  const name = `s${node.id}`;
  const { badInput, onError, undo, output, trouble } = node;
  const options = {
    ...(node.as && { as: `k${node.id}` }),
    ...(output !== undefined && { output: outputOf(output) }),
    ...(onError !== undefined && { onError }),
    ...(trouble?.kind === "hang" && { timeout: timeoutMs }),
    ...(node.skipInDoubt && { inDoubt: "skip" }),
    ...(undo !== undefined && { compensateWith: undoing(node, site) }),
    ...(undo?.onError !== undefined && { onCompensationError: undo.onError }),
    retry: { ...node.retry, jitter: false, max: 1_000_000 },
  };
  const perform = async (context: StepContext, seen: number, n: number): Promise<unknown> => {
    const { attempt } = context;
    const napMs = site.start + napsUntil(plan.salt, node.id, n) - outside.now;
    if (node.naps && napMs > 0) return ExecutionResult.sleep(napMs);
    const hasTrouble = troubles(node, seen, attempt);
    const ms = takes(plan.salt, node.id, n, attempt);
    await outside.work(context, trouble?.kind !== "hang" ? ms : hasTrouble ? forEver : 1);
    if (hasTrouble && trouble !== undefined) throw errorOf(trouble);
    return node.isVoid ? undefined : { n: node.id, v: seen % 1000 };
  };
  if (node.via === "run") {
    const body = (subject: Data | Item, context: Inline): Promise<unknown> =>
      perform(context, sight(subject, context.scope, names), "n" in subject ? subject.n : 0);
    return flow.run(name, body, options);
  }
  const input = sees(site, (seen, scope) => {
    if (badInput !== undefined && holds(badInput, seen)) throw new Error("a mapping throws");
    return { n: itemIn(site, scope), see: seen };
  });
  if (node.isTransactional) return flow.then(writing(node), { ...options, input });
  const body = namedStep(name, (input: Given, context) => perform(context, digest(input), input.n));
  return flow.then(body, { ...options, input });
}

const forEver = 1e12;

/** A step that writes what it did. It writes before it fails, too: nothing of that must stay. */
const writing = (node: StepPlan) =>
  transactionalStep(`s${node.id}`, async (input: Given, { tx, attempt, instanceId }: TransactionContext<Given>) => {
    await tx.query("insert into ledger (run, what) values ($1, $2)", [instanceId, `${node.id}.${input.n}`]);
    const seen = digest(input);
    if (node.trouble !== undefined && troubles(node, seen, attempt)) throw errorOf(node.trouble);
    return node.isVoid ? undefined : { n: node.id, v: seen % 1000 };
  });

interface Given {
  readonly n: number;
  readonly see: number;
}

function errorOf({ kind, code }: { readonly kind: string; readonly code?: string }): Error {
  if (kind === "permanent") return new PermanentError("no", code === undefined ? {} : { code });
  return Object.assign(new Error("not now"), code === undefined ? {} : { code });
}

interface Undone {
  readonly input: object;
  readonly outcome: string;
  readonly result?: unknown;
}

function undoing(node: StepPlan, { plan, outside }: Site): unknown {
  const body = async ({ input, outcome, result }: Undone, context: StepContext): Promise<void> => {
    const n = "n" in input ? Number(input.n) : 0;
    const { attempt } = context;
    outside.undo(context, [`${node.id}.${n}`, outcome, JSON.stringify(plain([input, result]))].join(" "));
    await outside.work(context, takes(plan.salt, node.id, n, "undo", attempt));
    if (attempt <= (node.undo?.failures ?? 0)) throw new Error("cannot be undone now");
  };
  return namedStep(`undo-${node.id}`, body, { retry: { maxAttempts: 2, initial: 1_500, jitter: false } });
}
