/** What all reports share: the machine, numbers, tables, plots. */
import { arch, cpus, platform, release } from "node:os";

export function machine(version = process.version) {
  const [cpu] = cpus();
  return (
    `${new Date().toISOString().slice(0, 10)}, Node.js ${version}, ${cpus().length} cores (${cpu?.model ?? "unknown"}), ` +
    `${platform()} ${release()} ${arch()}`
  );
}

export const number = (value) =>
  Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));

export const table = (head, rows) => [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);

/** The chart as SVG; undefined where its library is not installed. */
export async function drawn(options, { height }) {
  const library = await import("echarts").catch(() => undefined);
  if (library === undefined) {
    console.log("No plot: its library (echarts) is not installed here.");
    return undefined;
  }
  const chart = library.init(null, null, { renderer: "svg", ssr: true, width: 1_200, height });
  chart.setOption({ animation: false, backgroundColor: "#ffffff", ...options });
  const svg = chart.renderToSVGString();
  chart.dispose(); // else it keeps the process
  return svg;
}
