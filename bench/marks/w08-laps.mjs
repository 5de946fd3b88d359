/** W8: what a lap of a loop costs after many laps: one step, with few rows kept, and with a wait for an event under one key. */
import { defineWorkflow, event } from "workflow-core";
import { randomUUID } from "node:crypto";
import { median } from "../peers/lib.mjs";
import { hostOn, lineThrough, mark } from "./lib.mjs";

const next = event("next");
/** The laps measure themselves: the meter is read by the step that stands between two windows, and not counted. */
let lapped = async () => undefined;

const loop = (id, options) =>
  defineWorkflow({ id, version: 1 }, (flow) =>
    flow.while(
      (data, { lap }) => lap <= data.laps,
      (each) => each.run("step", async (_, { scope }) => lapped(scope.lap)),
      options,
    ),
  );
const all = loop("all-laps", {});
const few = loop("few-laps", { keepLaps: 10 });
const waiting = defineWorkflow({ id: "waiting-laps", version: 1 }, (flow) =>
  flow.while(
    (data, { lap }) => lap <= data.laps,
    (each) =>
      each.waitFor(next, { key: (data) => data.key, as: "got" }).run("step", async (_, { scope }) => lapped(scope.lap)),
  ),
);

await mark({
  id: "W8",
  title: "laps of a loop",
  goals: {
    "time a lap, last / first": { atMost: 1.1 },
    "Node.js CPU a lap, last / first": { atMost: 1.1 },
    "buffers a lap, last / first": { atMost: 1.1 },
    "time a lap of 100,000 with 10 kept, last / first": { atMost: 1.1 },
    "Node.js CPU a lap of 100,000 with 10 kept, last / first": { atMost: 1.1 },
    "buffers a lap of 100,000 with 10 kept, last / first": { atMost: 1.1 },
    "rows left of 100,000 laps with 10 kept": { atMost: 12 },
    "time a lap of 2,000 that waits under one key, last / first": { atMost: 1.1 },
    "Node.js CPU a lap of 2,000 that waits under one key, last / first": { atMost: 1.1 },
    "buffers a lap of 2,000 that waits under one key, last / first": { atMost: 1.1 },
  },
  async measure({ server, count }) {
    const database = await server.database();
    const host = await hostOn(database.url, [all, few, waiting]);
    const measured = { host, database };
    for (const workflow of [few, all, few]) await measureLaps(measured, { workflow, laps: 4_000, window: 1_000 }); // until Node.js has compiled what is hot
    const short = await measureLaps(measured, { workflow: all, laps: count(10_000), window: Math.max(2, count(500)) });
    const long = await measureLaps(measured, {
      workflow: few,
      laps: count(100_000),
      window: Math.max(2, count(2_500)),
    });
    const rows = await database.client.query("select from workflow_core.pointer where instance = $1", [long.id]);
    await measureLaps(measured, { workflow: waiting, laps: 1_000, window: 500, publish });
    const waits = await measureLaps(measured, {
      workflow: waiting,
      laps: count(2_000),
      window: Math.max(2, count(100)),
      publish,
    });
    await host.stop();
    return {
      ...compare(short, "a lap"),
      ...compare(long, "a lap of 100,000 with 10 kept"),
      "rows left of 100,000 laps with 10 kept": rows.rowCount,
      ...compare(waits, "a lap of 2,000 that waits under one key"),
    };
  },
});

function publish(host, key, lap) {
  return host.publishEvent(next, key, { lap });
}

async function measureLaps({ host, database: { meter } }, { workflow, laps, window, publish: publishFor }) {
  const windows = [];
  const key = randomUUID();
  lapped = async (lap) => {
    if (lap > 1 && lap % window === 1) windows.push({ lap: lap - window / 2, ...(await meter.end()) });
    if (lap % window === 1) await meter.begin();
    // Not awaited: the run goes on to its next wait while the event is on its way.
    if (publishFor !== undefined && lap < laps + 1) void publishFor(host, key, lap + 1);
    return { ok: lap };
  };
  const run = await host.startWorkflow(workflow, { key, laps: laps + 1 }); // the last window is closed by the lap behind it
  await publishFor?.(host, key, 1);
  await run.result();
  return { id: run.id, laps, window, windows };
}

/** The first and the last fifth of the windows, and a line through all of them, at lap 10 and at the last. */
function compare({ laps, window, windows }, what) {
  const figures = {};
  const end = Math.max(1, Math.floor(windows.length / 5));
  for (const [name, counted, unit, factor] of [
    ["time", "seconds", "ms", 1e3],
    ["Node.js CPU", "nodeCpu", "µs", 1e6],
    ["server CPU", "sessionCpu", "µs", 1e6],
    ["buffers", "buffers", "", 1],
  ]) {
    const values = windows.map((one) => (one[counted] / window) * factor);
    const [first, last] = [median(values.slice(0, end)), median(values.slice(-end))];
    const line = lineThrough(windows.map(({ lap }, n) => [lap, values[n]]));
    figures[`${name} ${what}, last / first`] = last / first;
    figures[`${name} ${what}, line at the last lap / at lap 10`] = line.at(laps) / line.at(10);
    figures[`${name} ${what}, first windows${unit && ` (${unit})`}`] = first;
    figures[`${name} ${what}, last windows${unit && ` (${unit})`}`] = last;
  }
  return figures;
}
