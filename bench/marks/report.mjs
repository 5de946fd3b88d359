/** What the marks measured, as Markdown and as a plot of how much of each goal is used. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { median } from "../peers/lib.mjs";
import { drawn, machine, number, table } from "../reporting.mjs";
import { goalText, keeps } from "./lib.mjs";

/** Writes `<out>.md` and, where the library for it is installed, `<out>.svg`. Answers the files. */
export async function writeReport(out, { results, failures, scale }) {
  const marks = marksOf(results);
  const plot = await plotOf(marks.flatMap(({ goals }) => goals));
  const files = [`${out}.md`];
  if (plot !== undefined) {
    files.push(`${out}.svg`);
    writeFileSync(files[1], plot);
  }
  const image = plot === undefined ? [] : [`![How much of each goal is used](${path.basename(out)}.svg)`, ""];
  writeFileSync(
    files[0],
    [...heading(results, scale), ...image, ...summary(marks), ...details(marks), ...bad(failures)].join("\n"),
  );
  return files;
}

/** One entry a mark, with its figures over all repetitions. */
function marksOf(results) {
  return [...new Set(results.map(({ id }) => id))].map((id) => {
    const own = results.filter((result) => result.id === id);
    const names = [...new Set(own.flatMap(({ figures }) => Object.keys(figures)))];
    const figures = names.map((name) => spread(name, own));
    const goals = figures.filter(({ goal }) => goal !== undefined).map((figure) => ({ id, ...figure }));
    return { id, title: own[0].title, reps: own.length, figures, goals, other: spread("other", own.map(asFigure)) };
  });
}

const asFigure = ({ goals, other }) => ({ goals, figures: { other } });

function spread(name, results) {
  const values = results.map(({ figures }) => figures[name]).filter((value) => value !== undefined);
  const goal = results[0].goals[name];
  if (values.length === 0) return { name, goal };
  return { name, goal, median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

function heading(results, scale) {
  const note = scale === 1 ? [] : [`**Measured at scale ${scale}: to try the scripts, not to judge by.**`, ""];
  return [
    "# Marks",
    "",
    ...note,
    `${machine()}; ${Math.max(0, ...results.map(({ rep }) => rep))} repetitions. Medians, with ranges. ` +
      `"Others" are the cores that other processes used meanwhile.`,
    "",
  ];
}

function summary(marks) {
  const rows = marks.flatMap(({ id, goals, other }) =>
    goals.map((one) => [id, one.name, shown(one), goalText(one.goal), verdictOf(one), shown(other)]),
  );
  return ["## Goals", "", ...table(["mark", "figure", "measured", "goal", "", "others"], rows), ""];
}

const verdictOf = ({ median: value, goal }) =>
  value === undefined ? "not measured" : keeps(value, goal) ? "reached" : "**missed**";

function details(marks) {
  return marks.flatMap(({ id, title, figures, reps, other }) => [
    `## ${id}: ${title}`,
    "",
    `${reps} repetitions; others used ${shown(other)} cores.`,
    "",
    ...table(
      ["figure", "median (range)"],
      figures.map((figure) => [figure.name, shown(figure)]),
    ),
    "",
  ]);
}

const bad = (failures) =>
  failures.length === 0
    ? []
    : [
        "## Not measured",
        "",
        ...failures.map(({ id, rep, code }) => `- ${id}, repetition ${rep}: ended with ${code}`),
        "",
      ];

const shown = ({ median: value, least, most }) =>
  value === undefined ? "–" : least === most ? number(value) : `${number(value)} (${number(least)} to ${number(most)})`;

/** How much of what a goal allows is used: up to 1 it is reached. */
const share = (value, { atMost, atLeast }) => (atMost === undefined ? atLeast / value : value / atMost);

async function plotOf(goals) {
  const measured = goals.filter(({ median: value }) => value !== undefined && value > 0).reverse();
  return measured.length === 0 ? undefined : drawn(chartOf(measured), { height: 90 + measured.length * 26 });
}

function chartOf(goals) {
  const bars = goals.map(({ median: value, goal }) => ({
    value: Number(share(value, goal).toPrecision(3)),
    itemStyle: { color: keeps(value, goal) ? "#3b7d4f" : "#b5483a" },
  }));
  const ranges = goals.map(({ least, most, goal }, n) => [share(least, goal), share(most, goal), n]);
  return {
    title: {
      text: "Share of what each goal allows: up to 1 it is reached (median, range)",
      left: 10,
      top: 8,
      textStyle: { fontSize: 15 },
    },
    grid: { left: 470, right: 60, top: 50, bottom: 30 },
    xAxis: { type: "value", min: 0, max: ({ max }) => Math.max(1.2, Math.min(3, Math.ceil(max * 10) / 10)) },
    yAxis: {
      type: "category",
      data: goals.map(({ id, name }) => `${id}: ${name}`),
      axisLabel: { width: 450, overflow: "truncate" },
    },
    series: [
      {
        type: "bar",
        data: bars,
        barWidth: 14,
        label: { show: true, position: "insideLeft", color: "#ffffff", fontSize: 11 },
        markLine: {
          silent: true,
          symbol: "none",
          label: { show: false },
          lineStyle: { color: "#222222" },
          data: [{ xAxis: 1 }],
        },
      },
      { type: "custom", data: ranges, encode: { x: [0, 1], y: 2 }, renderItem: whisker, clip: true, z: 3 },
    ],
  };
}

/** The line from the least to the most of what was measured. */
function whisker(_, api) {
  const [from, to] = [0, 1].map((side) => api.coord([api.value(side), api.value(2)]));
  return {
    type: "line",
    shape: { x1: from[0], y1: from[1], x2: to[0], y2: to[1] },
    style: { stroke: "#222222", lineWidth: 1.5 },
  };
}

// node report.mjs FILE.json: writes the report anew.
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [, , file, scale = "1"] = process.argv;
  if (file === undefined || !existsSync(file)) throw new Error("node report.mjs <file.json> [scale]");
  console.log(
    await writeReport(file.replace(/\.json$/, ""), { ...JSON.parse(readFileSync(file, "utf8")), scale: Number(scale) }),
  );
}
