import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/**
 * That the wrong wiring does not compile is shown by the compiler, which refuses an `@ts-expect-error` that expects too much. That
 * each fails for its own reason is shown here: the marks are taken away, and what the compiler says is compared with them.
 */

const root = fileURLToPath(new URL("../../../", import.meta.url)); // from dist/test/types
const topics = ["wiring", "scope", "shape", "flow", "time", "start"];
const files = topics.map((topic) => path.join(root, `test/types/refused-${topic}.ts`));
const mark = /^\s*\/\/ @ts-expect-error: (.+)$/;

interface Refusal {
  readonly file: string;
  /** The line behind the mark, from 1. */
  readonly line: number;
  readonly reason: string;
}

const refusals: readonly Refusal[] = files.flatMap((file) =>
  fs
    .readFileSync(file, "utf8")
    .split("\n")
    .flatMap((text, index) => {
      const reason = mark.exec(text)?.[1];
      return reason === undefined ? [] : [{ file, line: index + 2, reason }];
    }),
);

describe("wrong wiring does not compile, and the compiler says why", () => {
  const said = new Map<string, string[]>();

  before(() => {
    const config = ts.readConfigFile(path.join(root, "tsconfig.json"), (file) => ts.sys.readFile(file));
    const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, root);
    const compilerOptions = { ...options, noEmit: true, incremental: false, skipLibCheck: true };
    delete compilerOptions.tsBuildInfoFile;
    const host = ts.createCompilerHost(compilerOptions);
    const read = host.readFile.bind(host);
    host.readFile = (file) => {
      const text = read(file);
      return files.includes(path.resolve(file)) ? text?.replaceAll("@ts-expect-error", "@ts-would-fail --") : text;
    };
    const program = ts.createProgram(files, compilerOptions, host);
    for (const file of files) {
      const source = program.getSourceFile(file);
      assert.ok(source);
      for (const { start = 0, messageText } of program.getSemanticDiagnostics(source)) {
        const at = `${file}:${source.getLineAndCharacterOfPosition(start).line + 1}`;
        said.set(at, [...(said.get(at) ?? []), ts.flattenDiagnosticMessageText(messageText, " ")]);
      }
    }
  });

  for (const { file, line, reason } of refusals) {
    const at = `${path.basename(file)}:${line}`;
    test(`${at} says: ${reason}`, () => {
      const messages = said.get(`${file}:${line}`) ?? [];
      assert.ok(
        messages.some((message) => message.includes(reason)),
        `it says:\n${messages.join("\n") || "nothing"}`,
      );
    });
  }

  test("and nothing else in those files fails", () => {
    const expected = new Set(refusals.map(({ file, line }) => `${file}:${line}`));
    const others = [...said].filter(([at]) => !expected.has(at));
    assert.deepEqual(others, []);
    assert.ok(refusals.length > 60, `only ${refusals.length} refusals`);
  });
});
