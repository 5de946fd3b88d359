/** W13: this engine on PGlite beside a bare loop on PGlite, each in a process of its own, in turn; and the longest block of the event loop. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { mark } from "./lib.mjs";

const script = fileURLToPath(new URL("w13-side.mjs", import.meta.url));

const sideOf = async (side, runs, fsync) => {
  const { stdout } = await promisify(execFile)(process.execPath, [script, side, runs, fsync]);
  return JSON.parse(stdout.trim().split("\n").at(-1));
};

await mark({
  id: "W13",
  title: "PGlite",
  postgres: false,
  goals: {
    "W1 with 100 in flight / bare loop": { atLeast: 0.45 },
    "W1 with 1,000 in flight / bare loop": { atLeast: 0.45 },
    "W2 with 100 in flight / bare loop": { atLeast: 0.45 },
    "W2 with 1,000 in flight / bare loop": { atLeast: 0.45 },
    "longest block of the event loop (ms)": { atMost: 50 },
  },
  options: { fsync: "on" },
  async measure({ values, count }) {
    const runs = count(20_000);
    const before = await sideOf("bare", runs, values.fsync);
    const engine = await sideOf("engine", runs, values.fsync);
    const after = await sideOf("bare", runs, values.fsync);
    const figures = {};
    for (const what of Object.keys(engine.rates)) {
      figures[`${what} / bare loop`] = (2 * engine.rates[what]) / (before.rates[what] + after.rates[what]);
    }
    figures["longest block of the event loop (ms)"] = engine.longestMs;
    for (const [what, longest] of Object.entries(engine.blocks)) figures[`longest block, ${what} (ms)`] = longest;
    for (const [what, rate] of Object.entries(engine.rates)) figures[`a second, ${what}`] = rate;
    for (const [what, rate] of Object.entries(before.rates)) {
      figures[`a second, ${what}, bare loop`] = (rate + after.rates[what]) / 2;
    }
    return figures;
  },
});
