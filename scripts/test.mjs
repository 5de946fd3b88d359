/**
 * Runs the compiled tests: node scripts/test.mjs [part of a file's path ...]
 *
 * Starts one PostgreSQL server for all of them unless TEST_DATABASE_URL names one, and hands its address on as TEST_DATABASE_URL
 * (a superuser's, to the database `postgres`) and its programs' folder as TEST_POSTGRES_BIN. The last line is the verdict.
 */
import { setMaxListeners } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { findSystemBinaries } from "./postgres-binaries.mjs";
import { startCluster } from "./postgres-cluster.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const concurrency = 2;
const isQuick = process.env.TEST_QUICK === "1";
/** The same on every Node: a quick pass, on another one, leaves these out. */
const sameEverywhere = ["docs/", "types/", "seed/", "main-job/audit", "main-job/input", "main-job/whole-run"];

const interrupted = new AbortController();
setMaxListeners(0, interrupted.signal); // the runner listens once for each file
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.once(signal, () => interrupted.abort(new Error(`Stopped by ${signal}.`)));

const files = testFiles(process.argv.slice(2));
const cluster = await database();
const counts = { passed: 0, failed: 0, skipped: 0 };
try {
  await runAll(files, counts);
} finally {
  if (cluster !== undefined && counts.failed > 0) keepLog(cluster.logFile);
  await cluster?.stop();
}
verdict(counts);

/** The sources decide which tests there are: dist/ may still hold the output of a test that was removed. */
function testFiles(filters) {
  const sources = fs.readdirSync(path.join(root, "test"), { recursive: true }).map(String);
  const compiled = sources
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => path.join("dist", "test", name.replace(/\.ts$/, ".js")))
    .filter((file) => !isQuick || !sameEverywhere.some((part) => file.startsWith(path.join("dist", "test", part))))
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort();
  return compiled.map((file) => path.join(root, file));
}

async function database() {
  if (process.env.TEST_DATABASE_URL) {
    const binDir = findSystemBinaries(process.env.TEST_POSTGRES_BIN)?.binDir;
    if (binDir !== undefined) process.env.TEST_POSTGRES_BIN = binDir;
    return undefined;
  }
  const started = await startCluster({ logger: (line) => console.log(line) });
  process.env.TEST_DATABASE_URL = started.url;
  process.env.TEST_POSTGRES_BIN = started.binDir;
  return started;
}

async function runAll(chosen, tally) {
  if (chosen.length === 0) return;
  const watchdog = new URL("test-watchdog.mjs", import.meta.url).href;
  process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ""} --import=${watchdog}`.trim();
  const tests = run({ files: chosen, concurrency, signal: interrupted.signal });
  tests.on("test:pass", (test) => count(test, "passed", tally));
  tests.on("test:fail", (test) => count(test, "failed", tally));
  for await (const text of tests.compose(spec())) process.stdout.write(text);
}

/** A suite is not a test, and neither is a file that ended well. */
function count(test, outcome, tally) {
  if (test.details.type === "suite" && outcome === "passed") return;
  if (outcome === "passed" && path.resolve(root, test.name) === test.file) return;
  tally[test.skip !== undefined && outcome === "passed" ? "skipped" : outcome]++;
}

function keepLog(logFile) {
  fs.mkdirSync(path.join(root, "reports"), { recursive: true });
  fs.copyFileSync(logFile, path.join(root, "reports", "postgres.log"));
  console.log("The server's log is kept in reports/postgres.log.");
}

function verdict({ passed, failed, skipped }) {
  if (interrupted.signal.aborted) console.log(interrupted.signal.reason.message);
  else if (passed + failed === 0) console.log("No test ran.");
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  process.exitCode = failed > 0 || passed === 0 || interrupted.signal.aborted ? 1 : 0;
}
