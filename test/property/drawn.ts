import fc from "fast-check";
import type { Condition, Field, HandledClass, LaterPlan, PlanNode, RecurPlan, StepPlan, Trouble } from "./plan.ts";

/** A tree as it was drawn: ids, labels and what must stand first in a branch are put in by `planOf`. */
export interface Drawn {
  readonly kind: PlanNode["kind"];
  readonly facts: Facts;
  readonly blocks: readonly DrawnBlock[];
}
export interface DrawnBlock {
  readonly steps: readonly Drawn[];
  readonly last: DrawnLast | null;
}
export interface DrawnLast {
  readonly kind: "returns" | "end" | "restart" | "leave";
  readonly to: number;
}

/** All choices that a step may have to make, of whatever kind it is. */
export interface Facts {
  readonly as: boolean;
  readonly output: Field | null;
  readonly when: Condition;
  readonly trouble: {
    readonly when: Condition;
    readonly attempts: number;
    readonly kind: Trouble["kind"];
    readonly code: string | null;
  } | null;
  readonly retry: StepPlan["retry"];
  readonly onError: NonNullable<StepPlan["onError"]> | null;
  readonly undo: { readonly failures: 0 | 1 | 2; readonly onError: "continue" | "fail" | null } | null;
  readonly skipInDoubt: boolean;
  readonly bad: Condition | null;
  readonly via: StepPlan["via"];
  readonly isVoid: boolean;
  readonly isTransactional: boolean;
  readonly naps: boolean;
  readonly field: Field;
  readonly until: boolean;
  readonly events: readonly number[];
  readonly timeout: boolean;
  readonly hasSecond: boolean;
  readonly of: number;
  readonly laps: number;
  readonly maxLaps: number | null;
  readonly count: number;
  readonly varies: boolean;
  readonly concurrency: number | null;
  readonly atLeast: number | null;
  readonly rest: "cancel" | "absorb";
  readonly tolerate: { readonly count: number } | { readonly share: number } | null;
  readonly goesOn: boolean;
  readonly handlers: readonly HandledClass[];
  readonly keepLaps: number | null;
  readonly every: number;
  readonly byClock: boolean;
  readonly overlap: RecurPlan["overlap"];
  readonly times: number | null;
  readonly atEnd: LaterPlan["atEnd"];
}

const condition: fc.Arbitrary<Condition> = fc
  .record({ of: fc.integer({ min: 1, max: 4 }), is: fc.integer({ min: 0, max: 3 }) })
  .map(({ of, is }) => ({ of, is: is % of }));
/** Nothing, more often than not. */
const seldom = <T>(arbitrary: fc.Arbitrary<T>, freq = 3): fc.Arbitrary<T | null> => fc.option(arbitrary, { freq });
/** Null once in so many times. */
const field = fc.constantFrom<Field>("a", "b", "c");
const flag = fc.boolean();
export const small = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
/** True once in so many times. */
const once = (times: number): fc.Arbitrary<boolean> => small(1, times).map((n) => n === times);
/** A value once in so many times. */
export const rarely = <T>(times: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.tuple(once(times), arbitrary).map(([is, value]) => (is ? value : null));

const choices: { readonly [F in keyof Facts]: fc.Arbitrary<Facts[F]> } = {
  as: flag,
  output: seldom(field, 1),
  when: condition,
  trouble: rarely(
    3,
    fc.record({
      when: condition,
      attempts: small(1, 3),
      kind: fc.constantFrom<Trouble["kind"]>("permanent", "transient", "hang"),
      code: seldom(fc.constantFrom("E1", "E2")),
    }),
  ),
  retry: fc.record({ maxAttempts: small(1, 3), initial: small(500, 9_000), factor: small(1, 2) }),
  onError: rarely(
    3,
    fc.constantFrom<NonNullable<StepPlan["onError"]>>(
      "compensate",
      "fail",
      "terminate",
      "suspend",
      "continue",
      "continue",
      "continue",
    ),
  ),
  undo: seldom(
    fc.record({
      failures: fc.constantFrom<0 | 1 | 2>(0, 0, 0, 0, 0, 0, 1, 1, 2),
      onError: seldom(fc.constantFrom<"continue" | "fail">("continue", "continue", "fail"), 1),
    }),
    2,
  ),
  skipInDoubt: once(5),
  bad: rarely(12, condition),
  via: fc.constantFrom<StepPlan["via"]>("then", "run"),
  isVoid: once(4),
  isTransactional: once(5),
  naps: once(6),
  field,
  until: once(4),
  events: fc.array(small(1_000, 40_000), { minLength: 0, maxLength: 3 }),
  timeout: flag,
  hasSecond: flag,
  of: small(1, 3),
  laps: small(1, 3),
  maxLaps: seldom(small(1, 3)),
  count: small(0, 3),
  varies: flag,
  concurrency: seldom(small(1, 3), 2),
  atLeast: rarely(3, small(1, 3)),
  rest: fc.constantFrom<"cancel" | "absorb">("cancel", "absorb"),
  tolerate: rarely(3, fc.oneof(fc.record({ count: small(1, 2) }), fc.record({ share: fc.constantFrom(0.34, 0.5, 1) }))),
  goesOn: flag,
  handlers: fc.array(fc.constantFrom<HandledClass>("permanent", "transient", "timeout", "otherwise"), {
    minLength: 1,
    maxLength: 3,
  }),
  keepLaps: rarely(4, small(1, 2)),
  every: fc.constantFrom(1, 2, 5, 10, 15, 30), // each divides a minute
  byClock: flag,
  overlap: fc.constantFrom<RecurPlan["overlap"]>("skip", "queue", "allow"),
  times: seldom(small(1, 3), 3),
  atEnd: fc.constantFrom<LaterPlan["atEnd"]>("wait", "wait", "cancel"),
};

const step: readonly (keyof Facts)[] = ["output", "trouble", "retry", "onError", "undo", "skipInDoubt", "bad", "via"];
const loop: readonly (keyof Facts)[] = ["when", "laps", "maxLaps", "keepLaps"];
const join: readonly (keyof Facts)[] = ["output", "atLeast", "rest", "tolerate"];

/** The choices of each kind of step. */
const choicesOf: { readonly [K in PlanNode["kind"]]: readonly (keyof Facts)[] } = {
  step: [...step, "as", "isVoid", "isTransactional", "naps"],
  set: ["field", "bad"],
  delay: ["until"],
  wait: [...step, "as", "events", "timeout", "hasSecond"],
  if: ["as", "when", "hasSecond"],
  decide: ["as", "of"],
  while: ["as", ...loop],
  doWhile: ["as", ...loop],
  until: ["as", ...loop],
  block: ["as", ...loop],
  forEach: ["as", "count", "varies", "concurrency", ...join],
  parallel: ["as", ...join],
  race: ["as", "output", "tolerate"],
  saga: ["as", "goesOn"],
  attempt: ["as", "handlers"],
  cancelWhen: ["as", "events", "hasSecond"],
  within: ["as", "until", "hasSecond", "onError"],
  schedule: ["until", "atEnd"],
  recur: ["every", "byClock", "overlap", "times", "hasSecond", "when", "keepLaps"],
};

/** What a step has that is not asked. */
export const plainFacts: Facts = {
  as: false,
  output: null,
  when: { of: 1, is: 0 },
  trouble: null,
  retry: { maxAttempts: 1, initial: 500, factor: 1 },
  onError: null,
  undo: null,
  skipInDoubt: false,
  bad: null,
  via: "run",
  isVoid: false,
  isTransactional: false,
  naps: false,
  field: "a",
  until: false,
  events: [],
  timeout: false,
  hasSecond: false,
  of: 1,
  laps: 1,
  maxLaps: null,
  count: 1,
  varies: false,
  concurrency: null,
  atLeast: null,
  rest: "cancel",
  tolerate: null,
  goesOn: false,
  handlers: ["otherwise"],
  keepLaps: null,
  every: 1,
  byClock: false,
  overlap: "skip",
  times: 1,
  atEnd: "wait",
};

const factsOf = (kind: PlanNode["kind"]): fc.Arbitrary<Facts> =>
  fc
    .record(Object.fromEntries(choicesOf[kind].map((name): [string, fc.Arbitrary<unknown>] => [name, choices[name]])))
    .map((chosen): Facts => ({ ...plainFacts, ...chosen }));

const leaves: PlanNode["kind"][] = ["step", "step", "step", "step", "step", "set", "delay", "wait"];
const containers: PlanNode["kind"][] = [
  "if",
  "decide",
  "while",
  "doWhile",
  "until",
  "block",
  "forEach",
  "forEach",
  "parallel",
  "parallel",
  "race",
  "saga",
  "saga",
  "attempt",
  "attempt",
  "cancelWhen",
  "within",
  "within",
  "schedule",
  "schedule",
  "recur",
  "recur",
];

const last = rarely(
  4,
  fc.record({
    kind: fc.constantFrom("returns", "returns", "end", "restart", "leave", "restart", "leave"),
    to: small(0, 2),
  }),
) as fc.Arbitrary<DrawnLast | null>;

export const drawnBlock = (depth: number): fc.Arbitrary<DrawnBlock> =>
  fc.record({ steps: fc.array(drawn(depth), { minLength: 1, maxLength: depth >= 4 ? 4 : 3, size: "max" }), last });

function drawn(depth: number): fc.Arbitrary<Drawn> {
  const leaf = fc
    .constantFrom(...leaves)
    .chain((kind) => fc.record({ kind: fc.constant(kind), facts: factsOf(kind), blocks: fc.constant([]) }));
  if (depth === 0) return leaf;
  const blocks = fc.array(drawnBlock(depth - 1), { minLength: 1, maxLength: 3, size: "max" });
  const container = fc
    .constantFrom(...containers)
    .chain((kind) => fc.record({ kind: fc.constant(kind), facts: factsOf(kind), blocks }));
  return fc.oneof({ withCrossShrink: true }, { arbitrary: leaf, weight: 3 }, { arbitrary: container, weight: 2 });
}
