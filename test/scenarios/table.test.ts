import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { cases } from "./cases.ts";

const page = fs.readFileSync(fileURLToPath(new URL("../../../docs/scenarios.md", import.meta.url)), "utf8"); // from dist/test/scenarios

interface Row {
  readonly row: string;
  readonly name: string;
  readonly end: string;
  readonly remark: string;
}

const rows: readonly Row[] = page
  .split("\n")
  .filter((line) => /^\| \d/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, row = "", name = "", end = "", remark = ""]) => ({ row, name, end, remark }));

const numbered = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}${n + 1}`);

test("the page lists every scenario and every defect, each once", () => {
  const all = [
    ...numbered("", 52),
    ...numbered("3.5.", 25),
    ...numbered("2.9.", 5),
    ...numbered("5.4.", 16),
    ...numbered("6.", 4),
  ];
  assert.deepEqual(
    rows.map(({ row }) => row),
    all,
  );
});

test("what ends the same or differs is played under its name, and nothing else is", () => {
  const told = rows.filter(({ end }) => end === "same" || end === "differs");
  assert.deepEqual(
    cases.map(({ row, name }) => `${row} ${name}`).sort(),
    told.map(({ row, name }) => `${row} ${name}`).sort(),
  );
});

test("every row says what became of it, and why, unless it is the same", () => {
  for (const { row, end, remark } of rows) {
    assert.ok(["same", "differs", "not yet", "none", "mode"].includes(end), `${row}: ${end}`);
    assert.ok(end === "same" || remark !== "", row);
  }
});
