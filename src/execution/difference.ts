import { isRecord } from "../models/value-class.ts";
import { canonicalGraph } from "../models/workflow-definition.ts";

/** What differs between two graphs, a line for each step: for the error that refuses a changed definition. */
export function differenceOf(before: unknown, after: unknown): string {
  // A database that keeps JSON gives it back with its fields in an order of its own.
  const [old, now] = [stepsOf(canonicalGraph(before)), stepsOf(canonicalGraph(after))];
  const lines: string[] = [];
  for (const [path, facts] of now) {
    const earlier = old.get(path);
    if (earlier === undefined) lines.push(`step "${path}" is new`);
    else if (earlier !== facts) lines.push(`step "${path}" was ${earlier} and is ${facts}`);
  }
  for (const path of old.keys()) if (!now.has(path)) lines.push(`step "${path}" is gone`);
  if (lines.length === 0) lines.push("the order of its steps");
  const more = lines.length > shownLines ? [`and ${lines.length - shownLines} more`] : [];
  return [...lines.slice(0, shownLines), ...more].join("; ");
}

const shownLines = 5;

/** Every step by its path, with its own facts but none of the steps inside it. */
function stepsOf(graph: unknown, found = new Map<string, string>()): Map<string, string> {
  if (Array.isArray(graph)) for (const item of graph) stepsOf(item, found);
  if (!isRecord(graph)) return found;
  if (typeof graph["path"] === "string" && typeof graph["kind"] === "string") {
    found.set(
      graph["path"],
      JSON.stringify(Object.fromEntries(Object.entries(graph).filter(([, value]) => !holdsSteps(value)))),
    );
  }
  for (const value of Object.values(graph)) stepsOf(value, found);
  return found;
}

const holdsSteps = (value: unknown): boolean =>
  (isRecord(value) && "nodes" in value) ||
  (Array.isArray(value) && value.some((item) => isRecord(item) && "block" in item));
