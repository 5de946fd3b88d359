/**
 * Throughput and latency of the engine on PostgreSQL, in the workloads that also measure the practical limit: a bare loop of
 * group-committed starts and transitions.
 *
 *   npm run build && DATABASE_URL=postgres://… node bench/throughput.mjs [--limit FILE] [--runs 40000] [--json]
 *
 * `--limit FILE` runs that program on the same database before and after, and gives its figures beside.
 */
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { createHost, defineWorkflow } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";

const { values } = parseArgs({
  options: {
    limit: { type: "string" },
    runs: { type: "string", default: "40000" },
    json: { type: "boolean", default: false },
  },
});
const runs = Number(values.runs);
const url = process.env["DATABASE_URL"];
if (url === undefined) throw new Error("DATABASE_URL names the database to measure on.");

const stepsOf = (count) =>
  defineWorkflow({ id: `bench-${count}`, version: 1 }, (flow) => {
    let chain = flow;
    for (let n = 1; n <= count; n += 1) chain = chain.run(`step-${n}`, async () => ({ ok: n }));
    return chain;
  });
const alone = "three steps, one run at a time";
const [one, three, ten] = [stepsOf(1), stepsOf(3), stepsOf(10)];

const kinds = { W1: "one-step runs", W2: "ten-step runs" };

/** What the limit's lines say, in the form of this engine's own results. */
function limit() {
  if (values.limit === undefined) return [];
  const env = { ...process.env, DATABASE_URL: url };
  const said = execFileSync(process.execPath, [values.limit], { encoding: "utf8", env });
  return said.split("\n").flatMap((line) => {
    const many = /^(W\d), (\d+) in flight: (\d+) runs\/s, (\d+) steps\/s$/.exec(line);
    if (many !== null) {
      const [inFlight, runsPerSecond, stepsPerSecond] = many.slice(2).map(Number);
      return [{ of: "limit", workload: kinds[many[1]], inFlight, runsPerSecond, stepsPerSecond }];
    }
    const one = /^W3: p50 ([\d.]+) ms, p99 ([\d.]+) ms$/.exec(line);
    return one === null ? [] : [{ of: "limit", workload: alone, p50Ms: Number(one[1]), p99Ms: Number(one[2]) }];
  });
}

/** Until the compiler of Node.js has seen enough. */
async function warmUp(host) {
  for (const [workflow, count] of [
    [one, 20_000],
    [ten, 2_000],
    [three, 200],
  ]) {
    let taken = 0;
    const lap = async () => {
      while (taken++ < count) await (await host.startWorkflow(workflow, { x: 1 })).result();
    };
    await Promise.all(Array.from({ length: 100 }, lap));
  }
}

async function measure(host) {
  const results = [];
  for (const [workload, workflow, steps, inFlight, count] of [
    ["one-step runs", one, 1, 1, runs / 80],
    ["one-step runs", one, 1, 100, runs],
    ["one-step runs", one, 1, 1000, runs],
    ["ten-step runs", ten, 10, 100, runs / 5],
    ["ten-step runs", ten, 10, 1000, runs / 5],
  ]) {
    const began = performance.now();
    const cpu = process.cpuUsage();
    let taken = 0;
    const lap = async () => {
      while (taken++ < count) await (await host.startWorkflow(workflow, { x: 1 })).result();
    };
    await Promise.all(Array.from({ length: inFlight }, lap));
    const seconds = (performance.now() - began) / 1e3;
    const { user, system } = process.cpuUsage(cpu);
    results.push({
      of: "engine",
      workload,
      inFlight,
      runsPerSecond: Math.round(count / seconds),
      stepsPerSecond: Math.round((count * steps) / seconds),
      nodeCpuMicrosPerRun: Math.round((user + system) / count),
    });
  }
  const took = [];
  for (let n = 0; n < 500; n += 1) {
    const began = performance.now();
    await (await host.startWorkflow(three, { x: 1 })).result();
    took.push(performance.now() - began);
  }
  took.sort((a, b) => a - b);
  results.push({
    of: "engine",
    workload: alone,
    p50Ms: Number(took[250].toFixed(2)),
    p99Ms: Number(took[495].toFixed(2)),
  });
  return results;
}

const before = limit();
const host = createHost({
  workflows: [one, three, ten],
  persistence: new PostgresPersistenceProvider(url),
  concurrency: 5_000,
});
await host.start();
await warmUp(host);
const own = await measure(host);
await host.stop();
const results = [...before, ...own, ...limit()];
if (values.json) console.log(JSON.stringify(results, null, 2));
else console.table(results);
