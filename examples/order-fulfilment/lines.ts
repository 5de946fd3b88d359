import { readFile } from "node:fs/promises";
import type { z } from "zod";

/** A line that could not be used, and why. */
export interface BadLine {
  readonly line: number;
  readonly reason: string;
}

/** What a file of JSON lines holds: what is good in it, and what is not. */
export interface Lines<T> {
  readonly good: readonly T[];
  readonly bad: readonly BadLine[];
}

/** Reads a file with one JSON value a line. A bad line is told and left out; empty lines count, and mean nothing. */
export async function readLines<T>(
  file: string,
  schema: z.ZodType<T>,
  { idOf }: { readonly idOf: (value: T) => string },
): Promise<Lines<T>> {
  const text = await readFile(file, "utf8");
  const good: T[] = [];
  const bad: BadLine[] = [];
  const lineOfId = new Map<string, number>();
  text.split("\n").forEach((content, index) => {
    if (content.trim() === "") return;
    const line = index + 1;
    const parsed = parseLine(content, schema);
    if ("reason" in parsed) return void bad.push({ line, reason: parsed.reason });
    const id = idOf(parsed.value);
    const earlier = lineOfId.get(id);
    if (earlier !== undefined) return void bad.push({ line, reason: `"${id}" is on line ${earlier} already` });
    lineOfId.set(id, line);
    good.push(parsed.value);
  });
  return { good, bad };
}

function parseLine<T>(content: string, schema: z.ZodType<T>): { readonly value: T } | { readonly reason: string } {
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch (error) {
    return { reason: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  const checked = schema.safeParse(json);
  if (checked.success) return { value: checked.data };
  return { reason: checked.error.issues.map(({ path, message }) => sentence(path, message)).join("; ") };
}

const sentence = (path: readonly PropertyKey[], message: string): string =>
  path.length === 0 ? message : `${path.map(String).join(".")}: ${message}`;
