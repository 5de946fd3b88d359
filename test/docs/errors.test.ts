import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as definition from "../../src/models/errors-definition.ts";
import * as instance from "../../src/models/errors-instance.ts";
import * as records from "../../src/models/errors-records.ts";
import * as storage from "../../src/models/errors-storage.ts";
import * as values from "../../src/models/errors-values.ts";
import { isErrorClass, isRetryable, WorkflowError } from "../../src/models/errors.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const page = fs.readFileSync(path.join(root, "docs/errors.md"), "utf8");

/** The cells of the table under a heading, without its head. */
const rowsUnder = (heading: string): readonly (readonly string[])[] =>
  (page.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "")
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2)
    .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")))
    .map((cells) => cells.slice(1, -1));

const sources = fs
  .readdirSync(path.join(root, "src"), { recursive: true })
  .map(String)
  .filter((name) => name.endsWith(".ts"))
  .map((name) => fs.readFileSync(path.join(root, "src", name), "utf8"))
  .map((text) => text.replaceAll(/^ *\*.*$/gm, "")); // examples in docblocks

/** Every code that the sources give an error or a failure, with what stands behind it. */
function codesInSources(): ReadonlySet<string> {
  const codes = sources.flatMap((text) => [
    ...[...text.matchAll(/readonly code(?:: [^=;]+)? ?= "([A-Z_]+)"/g)].map((match) => match[1] ?? ""),
    ...[...text.matchAll(/\bcode: "([A-Z_]+)"(?: \| "([A-Z_]+)")?/g)].flatMap((match) => [
      match[1] ?? "",
      match[2] ?? "",
    ]),
    ...[...text.matchAll(/code \?\? "([A-Z_]+)"/g)].map((match) => match[1] ?? ""),
  ]);
  return new Set(codes.filter((code) => code !== ""));
}

test("the page names every code that the engine can give, and no other", () => {
  const told = rowsUnder("Codes").map(([code]) => code ?? "");
  assert.equal(new Set(told).size, told.length, "a code stands there twice");
  assert.deepEqual([...told].sort(), [...codesInSources()].sort());
});

test("each code's error class is the one that the page tells", () => {
  const text = sources.join("\n");
  for (const [code, name, errorClass] of rowsUnder("Codes")) {
    assert.ok(code !== undefined && name !== undefined && errorClass !== undefined);
    if (!/^\w+$/.test(name) || errorClass.includes(" ")) continue;
    const declared = new RegExp(
      `class ${name} extends WorkflowError \\{[^}]*?errorClass(?:: ErrorClass)? = "([a-z-]+)"`,
    ).exec(text);
    assert.equal(declared?.[1], errorClass, `${code} (${name})`);
  }
});

test("the classes' retries and delays are those that the page tells", () => {
  const told = rowsUnder("Classes");
  assert.equal(told.length, 6);
  for (const [name, , retry, delay] of told) {
    assert.ok(isErrorClass(name), name);
    assert.equal(isRetryable(name) ? "yes" : "no", retry, name);
    assert.equal(String(new storage.PersistenceError("x", name).retryDelay()), delay, name);
  }
});

test("all errors of the engine are one hierarchy", () => {
  const all = Object.entries({ ...definition, ...instance, ...records, ...storage, ...values });
  for (const [name, exported] of all) {
    if (!name.endsWith("Error")) continue;
    assert.ok((exported as { prototype: unknown }).prototype instanceof WorkflowError, name);
  }
});
