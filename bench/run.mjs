/**
 * This engine, its peers and the practical limit in one run on one PostgreSQL:
 *   node run.mjs [--peers a,b] [--workloads W1,W2] [--reps 5] [--seconds 10] [--runs 250000] [--out reports/bench]
 *
 * Every engine first measures each workload unrecorded, to find how much of it takes `--seconds` (0: the common measure's own size); W5
 * keeps its size, which is its point. Repetitions are the outer loop and engines the inner one, so that a noisy minute hits each alike;
 * each measurement is a process of its own on a fresh database. The limit is measured beside this engine in every repetition. Writes
 * `<out>.json` as it goes, and from it `<out>.md` and `<out>.svg`. Starts a PostgreSQL of its own unless DATABASE_URL names a superuser's.
 */
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startCluster } from "../scripts/postgres-cluster.mjs";
import { writeReport } from "./report.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const common = path.join(here, "peers");
const everyPeer = "workflow-core,dbos,absurd,openworkflow,pg-boss,graphile-worker,restate,pg-boss:batch";
const { values } = parseArgs({
  options: {
    peers: { type: "string", default: everyPeer },
    workloads: { type: "string", default: "W1,W2,W3,W4,W5,W6" },
    reps: { type: "string", default: "5" },
    seconds: { type: "string", default: "10" },
    runs: { type: "string", default: "250000" },
    out: { type: "string", default: "reports/bench" },
  },
});
const reps = Number(values.reps);
const workloads = values.workloads.split(",");
const out = path.resolve(here, values.out);
const mostScale = 200;
const calibrations = 3;

const cluster = process.env.DATABASE_URL ? undefined : await startCluster({ logger: console.log });
const env = { ...process.env, DATABASE_URL: process.env.DATABASE_URL ?? cluster.url };
const bundled = path.join(here, "node_modules/node/bin/node"); // some peers need it, so all are measured on it
if (env.BENCH_NODE === undefined && fs.existsSync(bundled)) env.BENCH_NODE = bundled;
const node = env.BENCH_NODE ?? process.execPath;
const results = { raw: [], limit: [] };
fs.mkdirSync(path.dirname(out), { recursive: true });
try {
  const cells = await calibrated();
  for (let rep = 1; rep <= reps; rep += 1) {
    for (const { peer, workload, scale } of cells) {
      const record = await measured(peer, workload, scale);
      if (record !== undefined) keep(() => results.raw.push({ ...record, rep, scale }));
    }
    if (Number(values.runs) > 0) await besideLimit(rep);
  }
} finally {
  await cluster?.stop();
}
const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
console.log(`Written: ${(await writeReport(out, results, { reps, common, version })).join(", ")}`);

function keep(add) {
  add();
  fs.writeFileSync(`${out}.json`, JSON.stringify(results, null, 1));
}

/** Which engine does which workload, and how many times its standard size. */
async function calibrated() {
  const cells = [];
  for (const workload of workloads) {
    for (const peer of values.peers.split(",")) {
      const scale = await scaleOf(peer, workload);
      if (scale !== undefined) cells.push({ peer, workload, scale });
    }
  }
  return cells;
}

async function scaleOf(peer, workload) {
  const wanted = workload === "W5" ? 0 : Number(values.seconds);
  let scale = 1;
  for (let n = 0; n < calibrations; n += 1) {
    const record = await measured(peer, workload, scale);
    if (record === undefined) return undefined;
    if (record.error !== undefined || record.secs >= wanted || scale === mostScale) break;
    scale = Math.min(mostScale, Math.ceil((scale * wanted * 1.1) / record.secs));
  }
  return scale;
}

/** One measurement by the common measure; nothing if the engine does not do this workload, or cannot run here. */
async function measured(peer, workload, scale) {
  const answer = path.join(common, "results/one.json");
  fs.rmSync(answer, { force: true });
  const options = { peers: peer, workloads: workload, scale, reps: 1, out: "results/one.json" };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  await run([path.join(common, "run.mjs"), ...args]);
  return JSON.parse(fs.readFileSync(answer, "utf8")).raw[0];
}

/** The bare loop before and after this engine, on a database of their own. */
async function besideLimit(rep) {
  const limit = path.join(common, "skeleton.mjs");
  const said = await run([path.join(here, "throughput.mjs"), "--limit", limit, "--runs", values.runs, "--json"], false);
  keep(() => results.limit.push(...JSON.parse(said).map((line) => ({ ...line, rep }))));
}

function run(args, isShown = true) {
  const child = spawn(node, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (text) => {
    said += text;
    if (isShown) process.stdout.write(text);
  });
  return new Promise((resolve, reject) => {
    child.on("close", (code) => (code === 0 ? resolve(said) : reject(new Error(`${args[0]} ended with ${code}`))));
  });
}
