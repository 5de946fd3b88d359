import { inspect } from "node:util";
import fc from "fast-check";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import type { Failure } from "../../src/models/failure.ts";
import { decodeValue } from "../../src/models/codec.ts";
import { anyPlan } from "./arbitrary.ts";
import { interpret } from "./interpreter.ts";
import type { End } from "./interpreter-run.ts";
import { digest, plain, plainFailure, type Plan } from "./plan.ts";
import { withTransactions } from "./transactions.ts";
import { type Actual, type Mishap, type Mode, World, type WorldStore } from "./world.ts";

/** Cases in which two things happen within so many milliseconds are left out: crashes may change which is first. */
const closeMs = 30;
/** How much later than foreseen a run may come to rest. */
const lateMs = { straight: 3, reloaded: 40, crashing: 200 };

export type Manner = keyof typeof lateMs;

const mishaps: readonly Mishap[] = ["none", "dies-before", "dies-after", "dies-after", "lost-before", "lost-after"];

/** `straight`: nothing happens. `reloaded`: each transition gives the run away. `crashing`: every kth commit meets with something. */
const modeOf = (manner: Manner, salt: number): Mode => ({
  isForgetful: manner === "reloaded",
  mishap: (nth) => {
    if (manner !== "crashing" || nth % ((salt % 4) + 1) !== 0) return "none";
    // One case in four: the death behind every kth transition, as plain as can be.
    if (salt % 16 < 4) return "dies-after";
    return mishaps[digest([salt, nth]) % mishaps.length] ?? "none";
  },
});

export interface Tally {
  compared: number;
  leftOut: number;
  deaths: number;
  transitions: number;
  readonly ends: Record<string, number>;
}

export const emptyTally = (): Tally => ({ compared: 0, leftOut: 0, deaths: 0, transitions: 0, ends: {} });

/** Where plans are run. */
export interface Ground {
  readonly tally: Tally;
  world(mode: Mode): World;
  /** Told after each run what the time is in its world. */
  left?(endedAt: number): void;
}

/** Runs a plan on both sides. Undefined if they agree, else what they disagree about. */
export async function disagreement(plan: Plan, manner: Manner, ground: Ground): Promise<string | undefined> {
  const { tally } = ground;
  const expected = interpret(plan, closeMs);
  if (expected === undefined) {
    tally.leftOut += 1;
    return undefined;
  }
  const actual = await ground.world(modeOf(manner, plan.salt)).run(plan, expected.at + 2_000);
  ground.left?.(actual.endedAt);
  tally.compared += 1;
  tally.deaths += actual.deaths;
  tally.transitions += actual.transitions;
  tally.ends[expected.status] = (tally.ends[expected.status] ?? 0) + 1;
  const faults = [
    ...actual.faults,
    ...differences(expected, actual, { manner, rests: plan.rest === undefined ? 0 : 1 }),
  ];
  return faults.length === 0 ? undefined : faults.join("\n");
}

interface Expected {
  readonly manner: Manner;
  /** How often all bodies were told to stop. */
  readonly rests: number;
}

function differences(
  expected: End,
  { view, undone, ledger, at, ...actual }: Actual,
  { manner, rests }: Expected,
): string[] {
  const faults: string[] = [];
  const compare = (what: string, here: unknown, there: unknown): void => {
    const [one, other] = [show(here), show(there)];
    if (one !== other) faults.push(`${what}: the engine says ${one}, and the interpreter ${other}`);
  };
  const { status } = expected;
  compare("status", view?.status, status);
  if (view?.status !== status) {
    faults.push(`the engine's failure: ${show(view?.failure)}, its reason: ${view?.reason}, at ${at} (${expected.at})`);
    faults.push(`failure there: ${show(expected.failure)}; undone: ${show(undone)} / ${show(expected.undone)}`);
    return faults;
  }
  if (status === "Suspended") return faults;
  compare("ledger", ledger, expected.ledger);
  compare("undone", undone, expected.undone);
  if (status !== "Runnable") {
    compare("data", plain(decodeValue(view.data)), expected.data);
    if (Math.abs(at - expected.at) > lateMs[manner]) faults.push(`it ended at ${at}, and not at ${expected.at}`);
  }
  if (status === "Complete")
    compare("result", plain(decodeValue(view.result === undefined ? view.data : view.result)), expected.result);
  if (status === "Failed") compare("failure", plainFailure(view.failure as Failure), expected.failure);
  const most = manner === "straight" ? 1 : manner === "crashing" ? actual.deaths + 1 : actual.transitions + 1;
  if (actual.mostBegins > most + rests)
    faults.push(`an attempt was begun ${actual.mostBegins} times, with ${actual.deaths} deaths`);
  return faults;
}

const show = (value: unknown): string => inspect(value, { depth: 12, breakLength: Infinity, sorted: true });

/** A store in memory whose clock is the world's. */
export function memoryWorld(mode: Mode): World {
  let now = 0;
  const { store } = new MemoryPersistenceProvider({ clock: () => now });
  const source: WorldStore = {
    ...withTransactions(store),
    set: async (ms) => void (now = ms),
  };
  return new World(source, mode);
}

/** Whether somebody asks for a number of cases. */
export const isAsked: boolean = process.env["PROPERTY_CASES"] !== undefined;

/** How many cases, and which: PROPERTY_CASES, PROPERTY_SEED, and PROPERTY_PATH for one that was found before. */
export function wanted(cases: number): { readonly numRuns: number; readonly seed: number; readonly path?: string } {
  const path = process.env["PROPERTY_PATH"];
  return {
    numRuns: Number(process.env["PROPERTY_CASES"] ?? cases),
    seed: Number(process.env["PROPERTY_SEED"] ?? 20_261_125),
    ...(path !== undefined && { path }),
  };
}

/** Draws cases until one disagrees; that is then made as small as it can be, and told with the seed that finds it again. */
export async function agree(
  ground: Ground,
  { mannerOf, ...parameters }: fc.Parameters<[Plan]> & { readonly mannerOf: (plan: Plan) => Manner },
): Promise<void> {
  const property = fc.asyncProperty(anyPlan, async (plan) => {
    const fault = await disagreement(plan, mannerOf(plan), ground);
    if (fault !== undefined) throw new Error(`${fault}\n${JSON.stringify(plan)}`);
  });
  await fc.assert(property, { includeErrorInReport: true, ...parameters });
}
