import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Schedule, WorkflowHost } from "../../src/index.ts";
import { arena, scaledTimes, until } from "./arena.ts";
import { Child } from "./children.ts";
import { type Task, task } from "./schedule-workflows.ts";

const isQuick = process.env["TEST_QUICK"] === "1";
const kills = isQuick ? 4 : 9;
const second = 1_000;
const world = arena();

/** Each ticks once a second; what their runs take makes the ticks of the second and third meet unfinished runs. */
const schedules = [
  { id: "allow", overlap: "allow", catchUp: "all", data: { ms: 50 }, cron: "* * * * * *" },
  { id: "queue", overlap: "queue", catchUp: "all", data: { ms: 150 }, every: "1 second" },
  { id: "skip", overlap: "skip", catchUp: "one", data: { ms: 1_500 }, cron: "* * * * * *" },
] as const;

interface StartedRun {
  readonly tick: number;
  readonly from: number;
  /** When it was done; null if it is not. */
  readonly to: number | null;
  /** How often its work was done. */
  readonly times: number;
}

/** The runs of a schedule, in the order of their ticks. The key of each names its tick. */
async function runsOf(id: string): Promise<readonly StartedRun[]> {
  const rows = await world.rows<{ key: string; from: Date; to: Date | null; times: number }>(
    `select i.key, i.created_at as from, i.completed_at as to,
        (select count(*)::int from ledger l where l.run = i.id::text and l.step = 'done') as times
      from workflow_core.instance i where i.key like $1`,
    [`${id}@%`],
  );
  const runs = rows.map(({ key, from, to, times }) => ({
    tick: Date.parse(key.slice(id.length + 1)),
    from: from.getTime(),
    to: to?.getTime() ?? null,
    times,
  }));
  return runs.sort((one, other) => one.tick - other.tick);
}

/** Kills one of two processes around a tick, at any moment from shortly before until shortly behind it; now and then both at once. */
async function killAround(t: TestContext): Promise<void> {
  const begin = (): Promise<Child> => Child.running(t, world.url, { times: scaledTimes, pollMs: 50, concurrency: 8 });
  let pair = await Promise.all([begin(), begin()]);
  for (let n = 0; n < kills; n += 1) {
    const [{ ms }] = (await world.rows<{ ms: number }>(
      "select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms",
    )) as [{ ms: number }];
    await sleep(second - (ms % second) + (Math.random() - 0.4) * 250);
    const [first, other] = pair;
    const both = n % 4 === 3;
    await Promise.all((both ? [first, other] : [first]).map((child) => child.end("SIGKILL")));
    pair = both ? await Promise.all([begin(), begin()]) : [other, await begin()];
  }
}

/** Stops the ticks; resolves when all that they started is done. */
async function comeToRest(host: WorkflowHost): Promise<readonly Schedule[]> {
  const behind = async (): Promise<boolean> => {
    const all = await host.schedules.list();
    return all.every(({ nextAt }) => nextAt !== null && nextAt.getTime() > Date.now() - 3 * second);
  };
  await until("the ticks that nobody carried out are made up for", behind, 20_000);
  const paused = await Promise.all(schedules.map(({ id }) => host.schedules.pause(id)));
  const open = "select from workflow_core.instance where status < 2";
  await until("all runs are done", async () => (await world.rows(open)).length === 0, 20_000);
  return paused;
}

const ticksFrom = (first: number, last: number): number[] =>
  Array.from({ length: Math.round((last - first) / second) + 1 }, (_, n) => first + n * second);

function assertApart(runs: readonly StartedRun[]): void {
  runs.forEach(({ from }, n) => {
    const before = runs[n - 1];
    if (before !== undefined) assert.ok((before.to ?? Infinity) <= from, "a run began before the one before was done");
  });
}

test(
  "each tick of a schedule starts its run once, though nodes are killed with -9 around the ticks",
  { timeout: 90_000 },
  async (t) => {
    // It creates, and ends: whoever is alive looks after schedules, and only those that are killed shall.
    const creator = await world.host({ workflows: [task], concurrency: 0, times: scaledTimes });
    const firsts = new Map<string, number>();
    for (const { data, ...options } of schedules) {
      const made = await creator.schedules.create({ ...options, workflow: task, data: data satisfies Task });
      firsts.set(options.id, made.nextAt?.getTime() ?? 0);
    }
    await creator.stop();

    await killAround(t);
    const host = await world.host({ workflows: [task], times: scaledTimes, pollMs: 50 });
    const ended = await comeToRest(host);

    for (const { id, started, skipped, lastTickAt } of ended) {
      const runs = await runsOf(id);
      const due = ticksFrom(firsts.get(id) ?? 0, lastTickAt?.getTime() ?? 0);
      t.diagnostic(`${id}: ${due.length} ticks, ${started} runs, ${skipped} skipped`);
      assert.equal(runs.length, started, `${id}: as many runs as the schedule has started`);
      assert.ok(
        runs.every(({ times }) => times === 1),
        `${id}: the work of each run was done once`,
      );
      const ticks = runs.map(({ tick }) => tick);
      if (id !== "skip") assert.deepEqual(ticks, due, `${id}: a run for every tick, and no other`);
      else assert.ok(new Set(ticks).size === ticks.length && ticks.every((tick) => due.includes(tick)), id);
      if (id === "skip") assert.ok(started > 1 && skipped > 0 && started + skipped <= due.length, id);
      if (id !== "allow") assertApart(runs);
    }
  },
);
