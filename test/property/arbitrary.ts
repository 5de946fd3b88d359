import fc from "fast-check";
import { type Drawn, drawnBlock, type DrawnBlock, type DrawnLast, type Facts, rarely, small } from "./drawn.ts";
import { type Block, blocksOf, type Data, type JoinPlan, type Last, type LoopPlan, type Rest } from "./plan.ts";
import type { Plan, PlanNode, RecurPlan, StepPlan, WithinPlan } from "./plan.ts";

/** Workflows of depth 4 or less, with what starts them and what comes from outside. */
export const anyPlan: fc.Arbitrary<Plan> = fc
  .record({
    root: small(1, 4).chain(drawnBlock),
    salt: fc.noShrink(small(0, 1_000_000)),
    start: fc.record({ a: small(0, 9), b: small(0, 9), c: small(0, 9) }),
    terminateAt: rarely(15, small(1_000, 60_000)),
    compensateAt: rarely(12, small(1_000, 60_000)),
    rest: rarely(6, fc.record({ at: small(1_000, 60_000), ms: small(100, 30_000) })),
    timeout: rarely(
      10,
      fc.record({
        ms: small(1_000, 90_000),
        then: fc.constantFrom<"compensate" | "fail" | "terminate">("compensate", "compensate", "fail", "terminate"),
      }),
    ),
  })
  .map(({ root, ...around }) => planOf(root, around));

interface Around {
  readonly salt: number;
  readonly start: Data;
  readonly terminateAt: number | null;
  readonly compensateAt: number | null;
  readonly rest: Rest | null;
  readonly timeout: NonNullable<Plan["timeout"]> | null;
}

/** Gives every step an id, lets jumps lead to loops around them, and has children begin with something that takes time. */
function planOf(root: DrawnBlock, { salt, start, terminateAt, compensateAt, rest, timeout }: Around): Plan {
  const ids = new Ids();
  return {
    salt,
    start,
    root: ids.block(root, []),
    ...(terminateAt !== null && { terminateAt }),
    ...(compensateAt !== null && { compensateAt }),
    ...(rest !== null && compensateAt === null && { rest }),
    ...(timeout !== null && { timeout }),
  };
}

class Ids {
  private id = 0;
  /** Whether something around will end what goes on for ever. */
  private isBounded = false;

  block({ steps, last }: DrawnBlock, loops: readonly number[]): Block {
    const nodes: PlanNode[] = [];
    for (const step of steps) {
      nodes.push(this.node(step, loops));
      if (isNeverPassed(nodes.at(-1))) return { steps: nodes };
    }
    const end = last === null ? undefined : lastOf(last, loops);
    return { steps: nodes, ...(end !== undefined && { last: end }) };
  }

  /** What takes time at the beginning keeps what begins together from ending together. */
  private timed(drawnBlock: DrawnBlock, loops: readonly number[]): Block {
    const delay: PlanNode = { kind: "delay", id: this.next(), as: false, until: false };
    const { steps, ...rest } = this.block(drawnBlock, loops);
    const [first] = steps;
    const takesTime =
      first?.kind === "delay"
        ? !first.until
        : first?.kind === "step" && first.badInput === undefined && !first.isTransactional;
    return { steps: takesTime ? steps : [delay, ...steps], ...rest };
  }

  private next(): number {
    this.id += 1;
    return this.id;
  }

  private node(drawn: Drawn, loops: readonly number[]): PlanNode {
    const id = this.next();
    const { facts } = drawn;
    const common = { id, as: facts.as };
    const output = facts.output === null ? {} : { output: facts.output };
    const [first = nothing, second = nothing, ...others] = drawn.blocks;
    const several = drawn.blocks.length === 0 ? [nothing] : drawn.blocks;
    switch (drawn.kind) {
      case "step":
        return { ...stepOf(facts), ...common, ...output };
      case "set":
        return { kind: "set", ...common, as: false, field: facts.field, ...(facts.bad && { bad: facts.bad }) };
      case "delay":
        return { kind: "delay", ...common, as: false, until: facts.until };
      case "wait": {
        const { events, timeout, onError, bad } = facts;
        const how = onError === "suspend" || onError === "continue" || onError === null ? {} : { onError };
        const late = timeout && facts.hasSecond ? { late: { steps: [this.node(plainStep(facts), loops)] } } : {};
        return {
          kind: "wait",
          ...common,
          ...output,
          events,
          timeout,
          ...(timeout && !("late" in late) && how),
          ...late,
          ...(facts.output !== null && bad !== null && { badOutput: bad }),
        };
      }
      case "if":
        return {
          kind: "if",
          ...common,
          when: facts.when,
          yes: this.block(first, loops),
          ...(facts.hasSecond && { no: this.block(second, loops) }),
        };
      case "decide":
        return { kind: "decide", ...common, cases: several.map((way) => this.block(way, loops)), of: facts.of };
      case "forEach":
        return {
          kind: "forEach",
          ...common,
          ...output,
          count: facts.count,
          varies: facts.varies,
          ...concurrencyOf(facts),
          join: joinOf(facts, 3),
          body: this.timed(first, loops),
        };
      case "parallel":
        return {
          kind: "parallel",
          ...common,
          ...output,
          join: joinOf(facts, several.length),
          branches: several.map((branch) => this.timed(branch, loops)),
        };
      case "race": {
        const tolerate = facts.tolerate && "count" in facts.tolerate ? { tolerate: facts.tolerate } : {};
        return {
          kind: "race",
          ...common,
          ...output,
          ...tolerate,
          branches: [first, second, ...others].map((branch) => this.timed(branch, loops)),
        };
      }
      case "saga":
        return { kind: "saga", ...common, goesOn: facts.goesOn, body: this.block(first, loops) };
      case "attempt": {
        const body = this.block(first, loops);
        const handlers = facts.handlers.map((name, i) => [name, this.block([second, ...others][i] ?? nothing, loops)]);
        return { kind: "attempt", ...common, body, handlers: Object.fromEntries(handlers) as Record<string, Block> };
      }
      case "cancelWhen":
        return {
          kind: "cancelWhen",
          ...common,
          events: facts.events,
          body: this.timed(first, loops),
          ...(facts.hasSecond && { onCancel: this.block(second, loops) }),
        };
      case "within": {
        const body = this.bounded(() => this.timed(first, loops));
        const late = facts.hasSecond ? this.block(second, loops) : undefined;
        return { kind: "within", ...common, isFixed: facts.until, body, ...lateOf(facts, late) };
      }
      case "schedule":
        return {
          kind: "schedule",
          ...common,
          as: false,
          isFixed: facts.until,
          atEnd: facts.atEnd,
          body: this.block(first, loops),
        };
      case "recur":
        return { kind: "recur", ...common, as: false, ...this.ticksOf(facts), body: this.block(first, loops) };
      default:
        return this.loop(drawn.kind, common, facts, (here) => this.block(first, [...loops, here]));
    }
  }

  private bounded(make: () => Block): Block {
    const before = this.isBounded;
    this.isBounded = true;
    try {
      return make();
    } finally {
      this.isBounded = before;
    }
  }

  private ticksOf({ every, byClock, overlap, times, hasSecond, when, keepLaps }: Facts): RecurTicks {
    // Laps that last for seconds, and ticks every second, would never be done with.
    const most = times ?? (this.isBounded && every >= 5 ? undefined : 2);
    return {
      every,
      byClock,
      overlap,
      ...(most !== undefined && { times: most }),
      ...(hasSecond && { until: when }),
      ...(keepLaps !== null && { keepLaps }),
    };
  }

  private loop(
    kind: LoopPlan["kind"],
    common: { readonly id: number; readonly as: boolean },
    { when, laps, maxLaps, keepLaps }: Facts,
    body: (here: number) => Block,
  ): LoopPlan {
    // A block without a bound could be begun anew for ever.
    const most = kind === "block" ? (maxLaps ?? laps) : maxLaps;
    return {
      kind,
      ...common,
      when,
      laps,
      body: body(common.id),
      ...(most !== null && { maxLaps: most }),
      ...(keepLaps !== null && { keepLaps }),
    };
  }
}

/** Whether what follows is never reached, which the builder refuses. */
function isNeverPassed(node: PlanNode | undefined): boolean {
  if (node === undefined) return false;
  const ways = blocksOf(node);
  const passed = ways.filter((way) => !isNeverLeft(way)).length;
  switch (node.kind) {
    case "if":
      return node.no !== undefined && passed === 0;
    case "decide":
    case "race":
      return passed === 0;
    case "parallel":
      return node.join.tolerate === undefined && passed < (node.join.atLeast ?? ways.length);
    case "saga":
      return !node.goesOn && passed === 0;
    default:
      return false;
  }
}

const isNeverLeft = ({ steps, last }: Block): boolean =>
  last === undefined ? isNeverPassed(steps.at(-1)) : last.kind !== "returns";

const nothing: DrawnBlock = { steps: [], last: null };
const plainStep = (facts: Facts): Drawn => ({ kind: "step", facts, blocks: [] });

function stepOf(facts: Facts): Omit<StepPlan, "id" | "as"> {
  const { trouble, retry, onError, undo, skipInDoubt, bad, isVoid, isTransactional, naps } = facts;
  const via = isTransactional ? "then" : facts.via;
  const code = trouble?.code;
  return {
    kind: "step",
    via,
    retry,
    skipInDoubt: skipInDoubt && undo !== null && !isTransactional,
    isVoid,
    isTransactional,
    naps: naps && !isTransactional,
    ...(trouble !== null && {
      trouble: {
        when: trouble.when,
        attempts: trouble.attempts,
        kind: isTransactional && trouble.kind === "hang" ? "transient" : trouble.kind,
        ...(typeof code === "string" && { code }),
      },
    }),
    ...(onError !== null && { onError: onError }),
    ...(undo !== null && {
      undo: undo.onError === null ? { failures: undo.failures } : { failures: undo.failures, onError: undo.onError },
    }),
    ...(bad !== null && via === "then" && { badInput: bad }),
  };
}

type RecurTicks = Omit<RecurPlan, "kind" | "id" | "as" | "body">;

function lateOf({ onError }: Facts, late: Block | undefined): Pick<WithinPlan, "late" | "onError"> {
  if (late !== undefined) return { late };
  return onError === "compensate" || onError === "fail" || onError === "terminate" ? { onError } : {};
}

function joinOf({ atLeast, rest, tolerate }: Facts, count: number): JoinPlan {
  const need = atLeast === null ? undefined : Math.min(atLeast, count);
  return {
    ...(need !== undefined && { atLeast: need, rest: rest }),
    ...(tolerate !== null && { tolerate }),
  };
}

/** What is to be absorbed has all begun. */
const concurrencyOf = ({ concurrency, atLeast, rest }: Facts): { readonly concurrency?: number } =>
  concurrency === null || (atLeast !== null && rest === "absorb") ? {} : { concurrency };

function lastOf({ kind, to }: DrawnLast, loops: readonly number[]): Last | undefined {
  if (kind === "returns") return { kind };
  if (kind === "end") return { kind, withValue: to > 0 };
  const target = loops[loops.length - 1 - (to % Math.max(1, loops.length))];
  return target === undefined ? undefined : { kind, to: target };
}
