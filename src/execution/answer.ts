import { encodeValue } from "../models/codec.ts";
import type { FunctionRef, Node } from "../models/definition.ts";
import { toInstantMs } from "../models/instant.ts";
import type { Below } from "../models/frontier.ts";
import { aliasOf, type StoredValue, storedFromJson } from "../models/stored-value.ts";
import type { InstanceStore } from "../persistence/provider.ts";
import type { Draft } from "./draft.ts";
import type { AnswerFact, Ask, Child, Patched } from "./facts.ts";
import { asCondition, asDelayMs, asItems, asKey, asOutcome, mappingFailure, patchData } from "./guard.ts";
import type { LiveInstance } from "./live-instance.ts";
import { evaluate, resolve, type Sight, subjectOf } from "./scope.ts";

/** Where a turn gets what it does not have in memory. */
export type Reader = Pick<InstanceStore, "pointers">;

type Answered = AnswerFact | Promise<AnswerFact> | undefined;

/** Answers what `decide` asked: author's functions at once, values that have left memory from the store; undefined without one. */
export function answer(live: LiveInstance, draft: Draft, ask: Ask, reader: Reader | undefined): Answered {
  const sight: Sight = { live, draft, path: ask.path };
  if (ask.kind === "unstack") return unstack(live, draft, ask.path, reader);
  if (ask.kind === "collect") return collect(sight, ask, reader);
  try {
    return answerOf(sight, ask.kind, draft.place(ask.path).node);
  } catch (thrown) {
    return { kind: "answered", ask: "failed", path: ask.path, failure: mappingFailure(ask.path, ask.kind, thrown) };
  }
}

type Mapped = Exclude<Ask["kind"], "unstack" | "collect">;

function answerOf(sight: Sight, ask: Mapped, node: Node): AnswerFact {
  const { path } = sight;
  const what = `${path}.${ask}`;
  switch (ask) {
    case "input":
      return { kind: "answered", ask, path, value: inputOf(sight, node) };
    case "condition":
      return { kind: "answered", ask, path, value: asCondition(conditionOf(sight, node), what) };
    case "outcome":
      return { kind: "answered", ask, path, outcome: asOutcome(call(sight, node, "outcome"), what) };
    case "items":
      return { kind: "answered", ask, path, ...asItems(call(sight, node, "items"), what) };
    case "key":
      return { kind: "answered", ask, path, key: asKey(call(sight, node, "key"), what) };
    case "duration":
      return { kind: "answered", ask, path, delayMs: asDelayMs(call(sight, node, "duration"), what) };
    case "instant":
      return { kind: "answered", ask, path, at: toInstantMs(call(sight, node, "instant"), what) };
    case "patch":
      return { kind: "answered", ask, path, patched: patchData(dataOf(sight), call(sight, node, "patch"), what) };
    case "value":
      return { kind: "answered", ask, path, value: encodeValue(call(sight, node, "value"), what) };
  }
}

const dataOf = ({ live, draft }: Sight): StoredValue => draft?.data ?? live.state.data;

function call(sight: Sight, node: Node, role: string): unknown {
  const reference = (node as unknown as Readonly<Record<string, FunctionRef | undefined>>)[role];
  return reference === undefined ? undefined : evaluate(sight, reference);
}

/** A loop's condition also reads the lap that it is about, and what the last finished one yielded. */
function conditionOf(sight: Sight, node: Node): unknown {
  const { lap = 0, last } = sight.draft?.scope(sight.path) ?? {};
  if (node.kind === "recur") return call({ ...sight, own: { lap } }, node, "condition");
  if (node.kind !== "loop") return call(sight, node, "condition");
  const own =
    node.asks === "before"
      ? { lap: lap + 1 }
      : { lap, last: last === undefined ? undefined : resolve(sight, last)?.get() };
  return call({ ...sight, own }, node, "condition");
}

/** What a step's body gets: its mapping's answer, or its subject. */
export function inputOf(sight: Sight, node: Node): StoredValue {
  const mapping = node.kind === "step" ? node.input : undefined;
  if (mapping !== undefined) return encodeValue(evaluate(sight, mapping), `${sight.path}.input`);
  const subject = subjectOf(sight);
  return subject === dataOf(sight).get() ? dataOf(sight) : encodeValue(subject, `${sight.path}.input`);
}

/** What a finished step's `output` makes of its result and the latest data. */
export function patchedBy(sight: Sight, node: Node, value: unknown): Patched | undefined {
  if (node.output === undefined) return undefined;
  return patchData(dataOf(sight), evaluate(sight, node.output, value), `${sight.path}.output`);
}

function collect(sight: Sight, ask: Ask & { kind: "collect" }, reader: Reader | undefined): Answered {
  const { live, draft } = sight;
  const wanted = ask.children.flatMap(({ from, mark }) => mark ?? from ?? []);
  const missing = live.isComplete ? [] : wanted.filter((at) => resolve(sight, at) === undefined);
  if (missing.length === 0) return collected(sight, ask);
  if (reader === undefined) return undefined;
  return load(live, missing, reader).then(() => collected({ live, draft, path: ask.path }, ask));
}

function collected(sight: Sight, ask: Ask & { kind: "collect" }): AnswerFact {
  const { path } = ask;
  const { node } = sight.draft?.place(path) ?? { node: undefined };
  try {
    const values = ask.children.map((child) => ({ name: child.name, value: valueOf(sight, child) }));
    const whole =
      node?.kind === "race" ? winnerOf(values) : node?.kind === "parallel" ? recordOf(values) : listOf(values);
    const value = encodeValue(whole, `value of "${path}"`);
    return { kind: "answered", ask: "collect", path, value, patched: node && patchedBy(sight, node, value.get()) };
  } catch (thrown) {
    return { kind: "answered", ask: "failed", path, failure: mappingFailure(path, "output", thrown) };
  }
}

interface Named {
  readonly name: string | undefined;
  readonly value: unknown;
}

const recordOf = (values: readonly Named[]): unknown =>
  Object.fromEntries(values.map(({ name, value }) => [name, value]));
const listOf = (values: readonly Named[]): unknown => values.map(({ value }) => (value === undefined ? null : value));
const winnerOf = ([first]: readonly Named[]): unknown => ({ winner: first?.name, value: first?.value });

/** A child's value; under a policy, how it ended, with its value or its failure. */
function valueOf(sight: Sight, { from, mark }: Child): unknown {
  const value = (): unknown => from && resolve(sight, from)?.get();
  if (mark === undefined) return value();
  const held = sight.draft?.values.get(mark) ?? sight.live.values.get(mark);
  if (held === undefined) return { status: "unfinished" };
  return "at" in held ? { status: "done", value: value() } : held.get();
}

/** Reads values of finished pointers into memory, following those that name another pointer. */
export async function load(live: LiveInstance, paths: readonly string[], reader: Reader): Promise<void> {
  let wanted = paths;
  while (wanted.length > 0) {
    const found = await reader.pointers(live, wanted);
    const named: string[] = [];
    for (const { path, outcome } of found) {
      const at = aliasOf(outcome);
      if (at !== undefined && !live.values.has(at)) named.push(at);
      if (outcome !== undefined) live.values.set(path, at === undefined ? storedFromJson(outcome) : { at });
    }
    wanted = named;
  }
}

/** What lies below a pointer on its stack: in a row of this very decision, or in the store. */
function unstack(live: LiveInstance, draft: Draft, path: string, reader: Reader | undefined): Answered {
  const fact = (found: Below): AnswerFact => ({ kind: "answered", ask: "unstack", path, found });
  const row = draft.rows.find((one) => one.path === path && one.below !== null);
  if (row !== undefined && row.below !== null) return fact(JSON.parse(row.below) as Below);
  return reader?.pointers(live, [path]).then(([found]) => fact(found?.below ?? {}));
}
