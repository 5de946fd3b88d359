import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkflowHost } from "../../src/index.ts";
import type { FaultyDatabase, Fault } from "../support/faulty-store.ts";
import { arena, scaledTimes, until, within } from "./arena.ts";
import {
  type Act,
  assertRuns,
  differences,
  drive,
  type Everything,
  everything,
  type Leeway,
  remains,
  type Runs,
} from "./everything.ts";

const isQuick = process.env["TEST_QUICK"] === "1";
const atOnce = 8;
const world = arena();

/** What a run without faults leaves behind, and how often it sends each statement. */
interface Clean {
  readonly remains: (leeway: Leeway) => Promise<readonly string[]>;
  readonly runs: Runs;
  readonly sent: ReadonlyMap<string, number>;
  /** The same without what it sends until it has started. */
  readonly sentRunning: ReadonlyMap<string, number>;
}

let measured: Promise<Clean> | undefined;

/** Runs everything once without a fault. */
async function runClean(): Promise<Clean> {
  await (await world.host({ workflows: [] })).stop(); // makes the schema
  const all = everything("clean");
  const { host, database } = await world.faultyHost({ workflows: all.all, times: scaledTimes, pollMs: 100 });
  const atStart = new Map(database.sent);
  await drive(world, all, (act) => act(host));
  await host.stop();
  const sent = new Map(database.sent);
  const running = [...sent].map(([name, times]) => [name, times - (atStart.get(name) ?? 0)] as const);
  const sentRunning = new Map(running.filter(([, times]) => times > 0));
  return { remains: (leeway) => remains(world, all, leeway), runs: all.runs, sent, sentRunning };
}

const clean = (): Promise<Clean> => (measured ??= runClean());

interface Cell extends Fault {
  readonly label: string;
}

/** Faults at each of these statements, before it arrives or after it was carried out; `nths` says at which of its times. */
function cellsOf(
  sent: ReadonlyMap<string, number>,
  nths: (times: number) => readonly number[],
  fault: Pick<Fault, "outageMs"> & { readonly whens?: readonly Fault["when"][] } = {},
): readonly Cell[] {
  const { whens = ["before", "after"], ...rest } = fault;
  const named = [...sent].filter(([name]) => name !== ""); // the schema's: a host that cannot look at it does not start
  return named.flatMap(([name, times]) =>
    [...new Set(nths(times))].flatMap((nth) =>
      whens.map((when) => ({ name, nth, when, label: `${name} ${nth} ${when}`, ...rest })),
    ),
  );
}

/** Tries all cells, several at a time; answers how many faults were met, and what went wrong. */
async function tryAll(all: readonly Cell[], attempt: (cell: Cell) => Promise<boolean>) {
  const left = [...all];
  const problems: string[] = [];
  let fired = 0;
  const work = async (): Promise<void> => {
    for (let cell = left.shift(); cell !== undefined; cell = left.shift()) {
      const { label } = cell;
      await attempt(cell).then(
        (hasFired) => (fired += hasFired ? 1 : 0),
        (error: unknown) => problems.push(`${label}: ${error instanceof Error ? error.message : String(error)}`),
      );
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return { fired, problems };
}

test(
  "a lost connection at any statement, before or after it was carried out, changes nothing of what comes of it",
  { timeout: 240_000 },
  async (t) => {
    const all = cellsOf((await clean()).sent, (times) => (isQuick ? [1] : [1, 2, times].filter((nth) => nth <= times)));
    const { fired, problems } = await tryAll(all, meetOnce);
    t.diagnostic(`${all.length} cells, ${fired} faults met`);
    assert.deepEqual(problems, []);
    assert.ok(fired >= all.length * 0.9, `only ${fired} of ${all.length} faults were met`);
  },
);

async function meetOnce(fault: Cell): Promise<boolean> {
  const all = everything(fault.label);
  const options = { workflows: all.all, times: scaledTimes, pollMs: 100 };
  const { host, database } = await world.faultyHost(options, (one) => (one.fault = fault));
  await drive(world, all, (act) => act(host));
  if (isTimed(fault)) await until("its turn comes", () => database.hasFired, 2_000).catch(() => undefined);
  await within(15_000, host.stop(), "stopping");
  await assertAsClean(all, { retried: fault.name === "tx:query" });
  assertRuns(all, (await clean()).runs, 1);
  return database.hasFired;
}

async function assertAsClean(all: Everything, leeway: Leeway): Promise<void> {
  const expected = (await clean()).remains(leeway);
  assert.deepEqual(differences(await remains(world, all, leeway), await expected), []);
}

/** What goes on by itself, however little there is to do. */
const isTimed = ({ name }: Fault): boolean => /^(node|claim|event-un|subscription-un)/.test(name);

test(
  "a host that is cut off for ever at any statement is taken over, and changes nothing when it comes back",
  { timeout: 240_000 },
  async (t) => {
    const whens = isQuick ? (["after"] as const) : (["before", "after"] as const);
    const all = cellsOf((await clean()).sentRunning, () => [1], { outageMs: Infinity, whens });
    const { fired, problems } = await tryAll(all, cutOff);
    t.diagnostic(`${all.length} cells, ${fired} hosts cut off`);
    assert.deepEqual(problems, []);
    assert.ok(fired >= all.length * 0.8, `only ${fired} of ${all.length} hosts were cut off`);
  },
);

async function cutOff(fault: Cell): Promise<boolean> {
  const all = everything(`${fault.label} for ever`);
  const options = { workflows: all.all, times: scaledTimes, pollMs: 100 };
  const { host, database } = await world.faultyHost(options);
  database.fault = { ...fault, nth: (database.sent.get(fault.name) ?? 0) + fault.nth };
  const rescuer = database.fired.then(() => world.host(options));
  await drive(world, all, orElse(host, rescuer));
  await assertAsClean(all, { asked: true });
  assertRuns(all, (await clean()).runs, 2);
  if (database.hasFired) await comeBack(database);
  await within(15_000, host.stop(), "stopping the host that was cut off");
  if (database.hasFired) await within(15_000, (await rescuer).stop(), "stopping the other");
  await assertAsClean(all, { asked: true });
  return database.hasFired;
}

/** Acts on the first host until that is cut off, and then, with whatever has not answered, on the second. */
function orElse(first: WorkflowHost, second: Promise<WorkflowHost>): Act {
  return async <R>(act: (host: WorkflowHost) => Promise<R>): Promise<R> => {
    const tried = act(first).then(
      (value) => ({ value }),
      () => undefined,
    );
    const answered = await Promise.race([tried, second.then(() => undefined)]);
    return answered === undefined ? act(await second) : answered.value;
  };
}

/** The connections work again: whatever the host still had to say, it says now. */
async function comeBack(database: FaultyDatabase): Promise<void> {
  database.heal();
  const beats = database.sent.get("node-beat") ?? 0;
  await until("beats again", () => (database.sent.get("node-beat") ?? 0) > beats + 2);
}
