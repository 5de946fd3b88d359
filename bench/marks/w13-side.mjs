/** One side of W13: node w13-side.mjs <engine|bare> <runs> <fsync: on|off>. Ends with a line of JSON. */
import { createHost } from "workflow-core";
import { PglitePersistenceProvider } from "workflow-core/pglite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { chain } from "./lib.mjs";
import { bareLoop } from "./w13-bare.mjs";

const [side, runs, fsync] = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), "marks-pglite-"));
const options = { directory: join(directory, "store"), fsync: fsync !== "off" };

/** Answers how a run of so many steps is run to its end. */
const sides = {
  async engine() {
    const workflows = { 1: chain(1), 10: chain(10) };
    const host = createHost({
      workflows: Object.values(workflows),
      persistence: new PglitePersistenceProvider(options),
      concurrency: 5_000,
    });
    await host.start();
    const run = async (steps) => (await host.startWorkflow(workflows[steps], { x: 1 })).result();
    return { run, close: () => host.stop() };
  },
  bare: () => bareLoop(options),
};

const delay = monitorEventLoopDelay({ resolution: 1 });
const [rates, blocks] = [{}, { "start and warm-ups": 0 }];
delay.enable();
const { run, close } = await sides[side]();
for (const [name, steps, inFlight, count] of [
  ["W1 with 100 in flight", 1, 100, Number(runs)],
  ["W1 with 1,000 in flight", 1, 1_000, Number(runs)],
  ["W2 with 100 in flight", 10, 100, runs / 5],
  ["W2 with 1,000 in flight", 10, 1_000, runs / 5],
]) {
  await load(steps, inFlight, Math.max(inFlight, count / 4)); // a warm-up
  blocks["start and warm-ups"] = Math.max(blocks["start and warm-ups"], longestMs());
  delay.reset();
  const seconds = await load(steps, inFlight, Math.max(inFlight, count));
  rates[name] = (Math.max(inFlight, count) * steps) / seconds;
  blocks[name] = longestMs();
  delay.reset();
}
console.log(JSON.stringify({ rates, blocks, longestMs: Math.max(...Object.values(blocks)) }));
await close();
rmSync(directory, { recursive: true, force: true });
process.exit(0);

function longestMs() {
  return delay.max / 1e6;
}

async function load(steps, inFlight, count) {
  const began = performance.now();
  let taken = 0;
  const lane = async () => {
    while (taken++ < count) await run(steps);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return (performance.now() - began) / 1_000;
}
