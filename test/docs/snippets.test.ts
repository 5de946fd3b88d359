import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";
import { freshDatabase } from "../support/database.ts";
import { documentsOf, printsOf, type Purpose, type Snippet, snippetsOf } from "./snippets.ts";

/**
 * The documents are true: each snippet compiles as it stands, and runs, in a process of its own, in an empty directory. Those that
 * say so share one process, in which they run straight, and another, in which a host dies after every transition.
 */

const root = fileURLToPath(new URL("../../../", import.meta.url)); // from dist/test/docs
/** Within the package, so that its own name resolves as a user's does. */
const built = fs.mkdtempSync(path.join(root, "dist", "snippets-"));
const patienceMs = 120_000;

const snippets = documentsOf(root).flatMap((name) => snippetsOf(name, fs.readFileSync(path.join(root, name), "utf8")));

type Runnable = Snippet & { readonly purpose: Purpose & { readonly kind: "run" } };
const isRunnable = (snippet: Snippet): snippet is Runnable => snippet.purpose.kind === "run";
const runnable = snippets.filter(isRunnable);

const nameOf = ({ document, line }: Snippet): string => `${document}:${line}`;
const fileOf = (snippet: Snippet, extension: string): string =>
  path.join(built, `${nameOf(snippet).replace(/[^\w]+/g, "-")}.${extension}`);

/** A snippet as a module, between what its marker hides. */
const moduleOf = ({ code, purpose }: Runnable): string =>
  `import { assert, pause, staging } from "../test/docs/stage.js";
const { clear, resultOf, stage } = staging(); void [assert, pause, resultOf, stage];
${purpose.before}\n${code}\n${purpose.after}\nawait clear();\nexport {};\n`;

function compile(): readonly string[] {
  const config = ts.readConfigFile(path.join(root, "tsconfig.json"), (file) => ts.sys.readFile(file));
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, root);
  const compilerOptions = { ...options, incremental: false, declaration: false, sourceMap: false };
  delete compilerOptions.outDir; // beside their sources; and what they import is what a user gets
  delete compilerOptions.tsBuildInfoFile;
  const program = ts.createProgram(
    runnable.map((snippet) => fileOf(snippet, "ts")),
    compilerOptions,
  );
  const found = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
  return found.map(({ file, start, messageText }) => {
    const text = ts.flattenDiagnosticMessageText(messageText, "\n");
    const line = file?.text.slice(start).split("\n")[0];
    return `${path.basename(file?.fileName ?? "")}, at ${line}: ${text}`;
  });
}

describe("the documents", { concurrency: 2 }, () => {
  let faults: readonly string[] = [];

  before(() => {
    for (const snippet of runnable) fs.writeFileSync(fileOf(snippet, "ts"), moduleOf(snippet));
    faults = compile();
  });
  after(() => fs.rmSync(built, { recursive: true, force: true }));

  test("hold no snippet that is neither run nor marked as a fragment", () => {
    assert.ok(runnable.length > 0);
    assert.deepEqual(snippets.filter(({ purpose }) => purpose.kind === "unmarked").map(nameOf), []);
  });

  test("compile as they stand", () => assert.deepEqual(faults, []));

  const together = runnable.filter(({ purpose }) => purpose.together);
  for (const mode of ["straight", "crash"] as const) {
    let problems: Promise<ReadonlyMap<string, string>> | undefined;
    for (const snippet of together) {
      const how = mode === "crash" ? "with a crash after every transition" : "beside others";
      test(`${nameOf(snippet)} runs on ${snippet.purpose.store} ${how}`, async () => {
        assert.equal(printsOf(snippet), "", "what runs together cannot print");
        problems ??= problemsOf(together, mode);
        assert.equal((await problems).get(fileOf(snippet, "js")), undefined);
      });
    }
  }

  for (const snippet of runnable.filter(({ purpose }) => !purpose.together)) {
    test(`${nameOf(snippet)} runs on ${snippet.purpose.store}`, async () => {
      assert.equal(await said(snippet), printsOf(snippet));
    });
  }
});

/** Runs snippets in one process; answers what went wrong, by file. */
async function problemsOf(together: readonly Runnable[], mode: string): Promise<ReadonlyMap<string, string>> {
  const files = together.map((snippet) => fileOf(snippet, "js"));
  const runner = fileURLToPath(new URL("together.js", import.meta.url));
  const env = { ...process.env, SNIPPET_STORE: "memory", SNIPPET_MODE: mode };
  const run = promisify(execFile)(process.execPath, [runner, ...files], { env, timeout: patienceMs });
  const lines = (await run).stdout.split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => JSON.parse(line) as [string, string]));
}

/** What the snippet prints. Throws if it fails, or never comes to its end. */
async function said(snippet: Runnable): Promise<string> {
  const { store } = snippet.purpose;
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "workflow-core-snippet-"));
  const database = store === "postgres" ? await freshDatabase() : undefined;
  const env = { ...process.env, SNIPPET_STORE: store, DATABASE_URL: database?.url ?? "" };
  try {
    const run = promisify(execFile)(process.execPath, [fileOf(snippet, "js")], {
      cwd: directory,
      env,
      timeout: patienceMs,
    });
    return (await run).stdout;
  } finally {
    await database?.drop();
    fs.rmSync(directory, { recursive: true, force: true });
  }
}
