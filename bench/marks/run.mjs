/**
 * All marks, or some, in turn and repeatedly: npm run marks -- [--only W7,W8] [--reps 3] [--scale 1] [--out reports/marks] [--pin-seconds 600] …
 *
 * Repetitions are the outer loop, so that a noisy minute hits all marks alike. Starts a PostgreSQL of its own unless DATABASE_URL names a
 * superuser's. Writes `<out>.json` after every mark, and from it `<out>.md` and `<out>.svg`. Other options go on to the marks.
 */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startCluster } from "../../scripts/postgres-cluster.mjs";
import { writeReport } from "./report.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const scripts = {
  W7: "w07-backlog.mjs",
  W8: "w08-laps.mjs",
  W9: "w09-two-processes.mjs",
  W10: "w10-idle-and-wake.mjs",
  W11: "w11-transactional.mjs",
  W12: "w12-payloads.mjs",
  W13: "w13-pglite.mjs",
  growth: "growth.mjs",
  soak: "soak.mjs",
  startup: "startup.mjs",
};

const { values, rest } = options();
const chosen = values.only === undefined ? Object.keys(scripts) : values.only.split(",");
const unknown = chosen.filter((id) => !Object.hasOwn(scripts, id));
if (unknown.length > 0) throw new Error(`No mark is called ${unknown.join(", ")}: ${Object.keys(scripts).join(", ")}.`);
const out = path.resolve(here, "..", values.out);
mkdirSync(path.dirname(out), { recursive: true });

const cluster = process.env.DATABASE_URL ? undefined : await startCluster({ logger: console.log });
const env = { ...process.env, DATABASE_URL: process.env.DATABASE_URL ?? cluster.url };
const results = [];
const failures = [];
try {
  for (let rep = 1; rep <= Number(values.reps); rep += 1) {
    for (const id of chosen) {
      const { result, code } = await runMark(scripts[id]);
      if (result === undefined) failures.push({ id, rep, code });
      else results.push({ ...result, rep });
      writeFileSync(`${out}.json`, JSON.stringify({ results, failures }, null, 1));
    }
  }
} finally {
  await cluster?.stop();
}
const written = await writeReport(out, { results, failures, scale: Number(values.scale) });
console.log(`Written: ${written.join(", ")}`);
process.exitCode = failures.length === 0 ? 0 : 1;

function options() {
  const known = {
    only: { type: "string" },
    reps: { type: "string", default: "3" },
    scale: { type: "string", default: "1" },
    out: { type: "string", default: "reports/marks" },
  };
  const parsed = parseArgs({ options: known, strict: false, tokens: true });
  const given = parsed.tokens.filter((token) => token.kind === "option" && !Object.hasOwn(known, token.name));
  const values = Object.fromEntries(Object.keys(known).map((name) => [name, parsed.values[name]]));
  const positionals = [...parsed.positionals]; // of an option that is not known here, its value
  return { values, rest: given.map(({ name, value }) => `--${name}=${value ?? positionals.shift() ?? ""}`) };
}

/** Shows what the mark says to people, and answers what it says to programs. */
function runMark(script) {
  const args = [path.join(here, script), "--reps=1", `--scale=${values.scale}`, ...rest];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (text) => (said += text));
  return new Promise((resolve) => {
    child.on("close", (code) => {
      const lines = said.split("\n").filter((line) => line !== "");
      const json = lines.find((line) => line.startsWith('{"id"'));
      for (const line of lines) if (line !== json) console.log(line);
      resolve({ code, result: json === undefined ? undefined : JSON.parse(json) });
    });
  });
}
