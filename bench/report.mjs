/** What this engine and its peers were measured at, as Markdown and as a plot of how many times the best of the others it makes. */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { median } from "./peers/lib.mjs";
import { drawn, machine, number, table } from "./reporting.mjs";

const self = "workflow-core";
const names = {
  W1: "one-step runs a second",
  W2: "steps a second, in ten-step runs",
  W3: "three steps awaited, ms at p50",
  W4: "parallel steps a second, 50 to a parent",
  W5: "timers of 1 s, ms late at p99",
  W6: "events to waiting runs a second",
};
const isLess = (workload) => workload === "W3" || workload === "W5";
const main = { W3: "p50", W5: "late99" };
/** No durable engine on PostgreSQL: told beside the others, and no peer to be compared with. */
const beside = new Set(["restate", "pg-boss:batch", "graphile-worker:batch"]);

/** Writes `<out>.md` and, where the library for it is installed, `<out>.svg`. Answers the files. */
export async function writeReport(out, { raw, limit }, { reps, common, version }) {
  const workloads = [...new Set(raw.map(({ w }) => w))];
  const bars = workloads.flatMap((workload) => timesOthers(raw, workload));
  const plot = await drawn(chartOf(bars), { height: 90 + bars.length * 26 });
  const image = plot === undefined ? [] : [`![Times the others](${path.basename(out)}.svg)`, ""];
  const text = [
    `# Benchmarks`,
    "",
    `${machine(version)}; ${reps} repetitions. Medians, with ranges. "Others" are the cores that other processes used meanwhile.`,
    "",
    ...image,
    ...workloads.flatMap((workload) => workloadTable(raw, workload)),
    ...limitTable(limit),
    ...failures(raw),
    ...hashes(common),
  ];
  fs.writeFileSync(`${out}.md`, text.join("\n"));
  if (plot !== undefined) fs.writeFileSync(`${out}.svg`, plot);
  return plot === undefined ? [`${out}.md`] : [`${out}.md`, `${out}.svg`];
}

const recordsOf = (raw, workload, peer) => raw.filter((one) => one.w === workload && one.peer === peer && !one.error);

function workloadTable(raw, workload) {
  const peers = [...new Set(raw.filter(({ w }) => w === workload).map(({ peer }) => peer))];
  const columns = columnsOf(workload);
  const rows = peers.map((peer) => {
    const own = recordsOf(raw, workload, peer);
    return [peer, ...columns.map(([, value]) => spread(own.map(value)))];
  });
  return [`## ${workload}: ${names[workload] ?? ""}`, "", ...table(["", ...columns.map(([name]) => name)], rows), ""];
}

const cpuOf = ({ cpu, pgcpu = 0, srvcpu = 0, wf }) => ((cpu + pgcpu + srvcpu) * 1_000) / wf;

function columnsOf(workload) {
  const latency = { W3: ["p50", "p95", "p99"], W5: ["late50", "late99"] }[workload] ?? [];
  return [
    ["a second", ({ rate }) => rate],
    ...latency.map((name) => [`${name}, ms`, (record) => record[name]]),
    ["seconds", ({ secs }) => secs],
    ["runs", ({ wf }) => wf],
    ["CPU ms a run", cpuOf],
    ["of it the engine's process", ({ cpu, wf }) => (cpu * 1_000) / wf],
    ["commits a run", ({ xactPerWf }) => xactPerWf],
    ["writing ones", ({ wxPerWf }) => wxPerWf],
    ["WAL bytes a run", ({ walPerWf }) => walPerWf],
    ["RSS, MB", ({ rssMb }) => rssMb],
    ["others, cores", ({ other }) => other],
  ];
}

function spread(values) {
  const known = values.filter((value) => Number.isFinite(value));
  if (known.length === 0) return "–";
  const [least, most] = [Math.min(...known), Math.max(...known)];
  return least === most ? number(least) : `${number(median(known))} (${number(least)} to ${number(most)})`;
}

/** This engine against each other one that did the workload; above 1 it is better. */
function timesOthers(raw, workload) {
  const of = (peer) => median(recordsOf(raw, workload, peer).map((record) => record[main[workload] ?? "rate"]));
  const own = of(self);
  const peers = [...new Set(raw.filter(({ w, peer }) => w === workload && peer !== self).map(({ peer }) => peer))];
  return peers.flatMap((peer) => {
    const other = of(peer);
    if (own === null || other === null) return [];
    return [
      { name: `${workload} ${peer}`, times: isLess(workload) ? other / own : own / other, isPeer: !beside.has(peer) },
    ];
  });
}

function chartOf(bars) {
  const shown = [...bars].reverse();
  return {
    title: {
      text: `Times the others (logarithmic; green: durable engines on PostgreSQL)`,
      left: 10,
      top: 8,
      textStyle: { fontSize: 15 },
    },
    grid: { left: 220, right: 60, top: 50, bottom: 30 },
    xAxis: { type: "log", min: 0.1 },
    yAxis: { type: "category", data: shown.map(({ name }) => name) },
    series: [
      {
        type: "bar",
        barWidth: 14,
        data: shown.map(({ times, isPeer }) => ({
          value: Number(times.toPrecision(3)),
          itemStyle: { color: isPeer ? "#3b7d4f" : "#8a8a8a" },
        })),
        label: { show: true, position: "right", fontSize: 11 },
      },
    ],
  };
}

/** This engine and the bare loop: each repetition measures the loop before and after. */
function limitTable(limit) {
  const keys = [...new Set(limit.map(({ workload, inFlight }) => JSON.stringify({ workload, inFlight })))];
  const rows = keys.flatMap((key) => {
    const { workload, inFlight } = JSON.parse(key);
    const of = (which) =>
      limit.filter((one) => one.of === which && one.workload === workload && one.inFlight === inFlight);
    const [engine, loop] = [of("engine"), of("limit")];
    if (engine.length === 0 || loop.length === 0) return [];
    return [[workload, inFlight ?? 1, ...figuresOf(engine, loop)]];
  });
  if (rows.length === 0) return [];
  const head = ["workload", "in flight", "this engine", "bare loop", "share", "Node.js µs a run"];
  return ["## Beside the practical limit", "", ...table(head, rows), ""];
}

function figuresOf(engine, loop) {
  const name = ["stepsPerSecond", "p50Ms"].find((one) => engine[0][one] !== undefined);
  const [own, bare] = [engine, loop].map((lines) => lines.map((line) => line[name]));
  const share = name === "p50Ms" ? median(bare) / median(own) : median(own) / median(bare);
  const cpu = spread(engine.map(({ nodeCpuMicrosPerRun }) => nodeCpuMicrosPerRun));
  const unit = name === "p50Ms" ? " ms" : " steps/s";
  return [`${spread(own)}${unit}`, `${spread(bare)}${unit}`, `${Math.round(100 * share)} %`, cpu];
}

function failures(raw) {
  const failed = raw.filter(({ error }) => error !== undefined);
  if (failed.length === 0) return [];
  return [
    "## Not measured",
    "",
    ...failed.map(({ peer, w, rep, error }) => `- ${peer} ${w}, repetition ${rep}: ${error}`),
    "",
  ];
}

function hashes(common) {
  const files = fs.readdirSync(common, { recursive: true }).map(String).filter(isCommon).sort();
  const lines = files.map((file) => `- ${file} ${hashOf(path.join(common, file))}`);
  return ["## Hashes of the common measure (SHA-256)", "", ...lines, ""];
}

const isCommon = (file) =>
  file.endsWith(".mjs") &&
  !file.endsWith("workflow-core.mjs") &&
  !file.includes("node_modules") &&
  !file.includes("results");

const hashOf = (file) => createHash("sha256").update(fs.readFileSync(file)).digest("hex");
