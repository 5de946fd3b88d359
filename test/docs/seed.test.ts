import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as core from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import * as testing from "workflow-core/testing";

/** The page that maps the seed names tests, files and members; all of them are there. */

const root = fileURLToPath(new URL("../../../", import.meta.url)); // from dist/test/docs
const page = fs.readFileSync(path.join(root, "docs/seed.md"), "utf8");

interface Row {
  readonly seed: string;
  readonly here: string;
  readonly state: string;
  readonly shownBy: string;
}

const rows: readonly Row[] = page
  .split("\n")
  .filter((line) => /^\| /.test(line) && !line.startsWith("| the seed says") && !line.startsWith("| ---"))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
  .map(([, seed = "", here = "", state = "", shownBy = ""]) => ({ seed, here, state, shownBy }));

/** What a type alone is: there is nothing of it at run time. */
const sources =
  fs.readFileSync(path.join(root, "src/index.ts"), "utf8") +
  fs.readFileSync(path.join(root, "src/postgres.ts"), "utf8");

test("every sentence has a state, and whatever is done is shown by a test", () => {
  assert.ok(rows.length > 40);
  for (const { seed, state, shownBy } of rows) {
    assert.match(state, /^(done|partly|not yet)$/, seed);
    const isPaper = seed === "License" || seed.startsWith("Changelog");
    if (state === "done" && !isPaper) assert.match(shownBy, /^\[[^\]]+\]\([^)]+\) "[^"]+"$/, seed);
  }
});

test("each test that is named is there", () => {
  for (const { seed, shownBy } of rows.filter((row) => row.shownBy !== "")) {
    const [, label = "", link = "", name = ""] = /^\[([^\]]+)\]\(([^)]+)\) "(.+)"$/.exec(shownBy) ?? [];
    assert.equal(link, `../${label}`, seed);
    const text = fs.readFileSync(path.join(root, label), "utf8");
    assert.ok(text.includes(`"${name}"`), `${label} has no test "${name}" (${seed})`);
  }
});

test("each link leads to a file", () => {
  for (const [, link = ""] of page.matchAll(/\]\((?!https?:)([^)#]+)/g))
    assert.ok(fs.existsSync(path.join(root, "docs", link)), link);
});

test("each method that the page gives the store is one of its methods", () => {
  const named = rows.flatMap(({ here }) => [
    ...here.matchAll(/`(?:tx\.)?((?:create|get|update|execute|begin|analyze|initialize)\w*)(?:\(|`)/g),
  ]);
  const names = [...new Set(named.map((match) => match[1] ?? ""))].filter(
    (name) => !["createHost", "createTime"].includes(name),
  );
  assert.ok(names.length >= 15, String(names));
  for (const name of names)
    assert.equal(typeof Reflect.get(PostgresPersistenceProvider.prototype, name), "function", name);
});

test("each class and type that the page names is exported", () => {
  const named = rows.flatMap(({ here }) =>
    [...here.matchAll(/`(?:new )?([A-Z][A-Za-z]+)[`(]/g)].map((match) => match[1] ?? ""),
  );
  const statuses = ["Runnable", "Suspended", "Complete", "Terminated", "Failed"];
  for (const name of new Set(named.filter((one) => !statuses.includes(one) && one !== one.toUpperCase())))
    assert.ok(name in core || name in testing || new RegExp(`\\b${name}\\b`).test(sources), name);
});
