import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { snippetsOf } from "./snippets.ts";

const page = fs.readFileSync(fileURLToPath(new URL("../../../docs/patterns.md", import.meta.url)), "utf8"); // from dist/test/docs

interface Pattern {
  readonly number: number;
  readonly isOriginal: boolean;
  readonly mark: string;
  readonly text: string;
}

const patterns: readonly Pattern[] = page
  .split(/^### /m)
  .slice(1)
  .map((text) => {
    const [, number = "", star = "", mark = ""] = /^(\d+)(\\\*)? .*: (direct|by recipe|not)\n/.exec(text) ?? [];
    return { number: Number(number), isOriginal: star !== "", mark, text };
  });

test("the page has the 43 patterns, each once", () => {
  const numbers = patterns.map(({ number }) => number).sort((a, b) => a - b);
  assert.deepEqual(
    numbers,
    Array.from({ length: 43 }, (_, n) => n + 1),
  );
});

test("all 20 originals are here, and all but one of the others", () => {
  const originals = patterns.filter(({ isOriginal }) => isOriginal).map(({ number }) => number);
  assert.deepEqual(
    [...originals].sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, n) => n + 1),
  );
  const missing = patterns.filter(({ mark }) => mark !== "direct" && mark !== "by recipe");
  assert.deepEqual(
    missing.map(({ number, mark }) => [number, mark]),
    [[38, "not"]],
  );
});

test("each that is here has one snippet of at most 15 lines, which runs in both modes", () => {
  for (const { number, mark, text } of patterns) {
    const snippets = snippetsOf("patterns.md", text);
    assert.equal(snippets.length, mark === "not" ? 0 : 1, `pattern ${number}`);
    for (const { code, purpose } of snippets) {
      const lines = code.split("\n").filter((line) => line.trim() !== "");
      assert.ok(lines.length <= 15, `pattern ${number} has ${lines.length} lines`);
      assert.ok(purpose.kind === "run" && purpose.together, `pattern ${number}`);
      assert.ok(code.includes(`wcp-${number}"`), `pattern ${number} describes no workflow of its number`);
    }
  }
});
