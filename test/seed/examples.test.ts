import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type FreshDatabase, freshDatabase, rowsOf, runOnce } from "../support/database.ts";

/** The examples of the seed, each as its reader would run it, on a real PostgreSQL. */

const root = fileURLToPath(new URL("../../../", import.meta.url)); // from dist/test/seed
const run = promisify(execFile);

describe("the seed's examples", () => {
  let database: FreshDatabase;
  beforeEach(async () => {
    database = await freshDatabase();
  });
  afterEach(() => database.drop());

  /** The lines that an example prints. */
  async function printed(name: string): Promise<readonly string[]> {
    const program = path.join(root, "dist/examples/seed", `${name}.js`);
    const env = { ...process.env, DATABASE_URL: database.url };
    const { stdout } = await run(process.execPath, [program], { env, timeout: 60_000 });
    return stdout.trimEnd().split("\n");
  }

  test("basic usage", async () => {
    assert.deepEqual(await printed("basic-usage"), [
      "Stored my_workflow, version 1: Runnable",
      "Found 1 runnable workflows",
    ]);
  });

  test("event-driven workflows", async () => {
    assert.deepEqual(await printed("event-driven"), [
      "Found 1 matching subscriptions",
      "Stored user_registered of user_123",
      "Welcome, ada@example.com",
    ]);
  });

  test("transaction support", async () => {
    assert.deepEqual(await printed("transactions"), [
      "Committed: 2 pointers, 1 entry of history",
      "Rolled back (the second write went wrong): the instance is not there",
    ]);
    const [imports] = await rowsOf<{ n: number }>(database.url, "select count(*)::int as n from imports");
    assert.equal(imports?.n, 1);
  });

  test("manual migration", async () => {
    assert.deepEqual(await printed("manual-migration"), [
      "SCHEMA_OUTDATED: run migrations/001_initial_schema.sql first",
    ]);
    const [before] = await rowsOf<{ n: number }>(database.url, tablesMade);
    assert.equal(before?.n, 0, "a check creates nothing");
    await migrateByHand(database.url);
    assert.deepEqual(await printed("manual-migration"), ["The schema is as it should be; the store is healthy"]);
    await migrateByHand(database.url);
    assert.deepEqual(await printed("basic-usage"), [
      "Stored my_workflow, version 1: Runnable",
      "Found 1 runnable workflows",
    ]);
  });

  test("environment configuration", async () => {
    assert.deepEqual(await printed("environment-configuration"), ["Runs on postgres", "Hello, Ada"]);
  });

  test("monitoring", async () => {
    const lines = await printed("monitoring");
    assert.deepEqual(lines.slice(0, 4), [
      "Total workflows: 3",
      "Running workflows: 0",
      "Complete: 2, failed: 1, error rate: 0.33",
      "Step charge/charge: 3 times, 1 failed",
    ]);
    const [, tables, whole] = /^Tables: (\d+) bytes, database: (\d+) bytes$/.exec(lines[4] ?? "") ?? [];
    assert.ok(Number(tables) > 100_000 && Number(whole) > Number(tables), lines[4]);
    assert.match(lines[5] ?? "", /^Not known: slowQueries\. .*pg_stat_statements/);
  });

  test("monitoring, with slow queries", async (t) => {
    const loaded = "select current_setting('shared_preload_libraries') like '%pg_stat_statements%' as loaded";
    const [has] = await rowsOf<{ loaded: boolean }>(database.url, loaded);
    if (has?.loaded !== true) return t.skip("this server has not loaded pg_stat_statements");
    await runOnce(database.url, "create extension pg_stat_statements");
    const slow = (await printed("monitoring")).filter((line) => /^Slow query: .+ \(\d+\.\d\dms avg\)$/.test(line));
    assert.equal(slow.length, 3);
  });

  test("error handling", async () => {
    assert.deepEqual(await printed("error-handling"), [
      "Database connection failed - will retry",
      "Connected",
      "Workflow error: DUPLICATE_RECORD, class invalid, retry: no",
    ]);
  });
});

const tablesMade =
  "select count(*)::int as n from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'workflow_core'";

/** With psql, as the page says; where there is none (the npm package of PostgreSQL lacks it), as one script over a connection. */
async function migrateByHand(url: string): Promise<void> {
  const script = path.join(root, "migrations/001_initial_schema.sql");
  const psql = path.join(process.env["TEST_POSTGRES_BIN"] ?? "", "psql");
  if (fs.existsSync(psql)) await run(psql, [url, "-v", "ON_ERROR_STOP=1", "-q", "-f", script]);
  else await runOnce(url, fs.readFileSync(script, "utf8"));
}
