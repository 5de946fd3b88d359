import assert from "node:assert/strict";
import { test } from "node:test";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { freshDatabase, rowsOf, runOnce } from "../support/database.ts";
import { work } from "./performance.ts";

test("updates that touch no index are told apart, and who keeps old rows from being freed", async () => {
  const database = await freshDatabase();
  const persistence = new PostgresPersistenceProvider(database.url);
  try {
    await persistence.initialize();
    await work({ store: persistence.store });
    await persistence.close(); // its sessions hand their statistics in
    await persistence.initialize();
    const before = await persistence.analyzePerformance();
    const { hot } = await hotShare(database.url); // not at the same time: it would be a transaction that is told
    assert.equal(before.tables.find(({ table }) => table === "instance")?.hotUpdateRatio, hot);
    assert.equal(before.pools.find(({ name }) => name === "general")?.waiting, 0);
    assert.equal(before.oldestTransactionMs, null);
  } finally {
    await persistence.close();
    await database.drop();
  }
});

async function hotShare(url: string): Promise<{ readonly hot: number }> {
  const [row] = await rowsOf<{ hot: number }>(
    url,
    "select n_tup_hot_upd::float8 / n_tup_upd as hot from pg_stat_user_tables where relname = 'instance'",
  );
  assert.ok(row !== undefined);
  return row;
}

test("slow queries come from pg_stat_statements, of this schema alone, the slowest first", async (t) => {
  const database = await freshDatabase();
  const persistence = new PostgresPersistenceProvider(database.url);
  try {
    const [has] = await rowsOf<{ loaded: boolean }>(
      database.url,
      "select current_setting('shared_preload_libraries') like '%pg_stat_statements%' as loaded",
    );
    if (has?.loaded !== true) return t.skip("this server has not loaded pg_stat_statements");
    await runOnce(database.url, "create schema elsewhere");
    await runOnce(database.url, "create extension pg_stat_statements schema elsewhere");
    await persistence.initialize();
    await work({ store: persistence.store });
    await runOnce(database.url, "select pg_sleep(0.05)");
    const { slowQueries, unavailable } = await persistence.analyzePerformance({ slowQueries: 5 });
    assert.equal(slowQueries.length, 5);
    assert.ok(slowQueries.every(({ query }) => query.includes(`"workflow_core".`)));
    const averages = slowQueries.map(({ avgDurationMs }) => avgDurationMs);
    assert.deepEqual(
      [...averages].sort((a, b) => b - a),
      averages,
    );
    assert.deepEqual(
      unavailable.filter(({ what }) => what.startsWith("slowQueries")),
      [],
    );
    const all = await persistence.analyzePerformance({ slowQueries: 1_000 });
    const start = all.slowQueries.find(({ query }) => query.includes(`insert into "workflow_core"."instance"`));
    assert.equal(start?.calls, 20);
  } finally {
    await persistence.close();
    await database.drop();
  }
});

test("a role without rights gets what it may see, and is told what it may not", async () => {
  const database = await freshDatabase();
  const role = `analyst_${Date.now()}`;
  await runOnce(database.url, `create role ${role} login`);
  await runOnce(database.url, `grant create on database ${new URL(database.url).pathname.slice(1)} to ${role}`);
  const url = new URL(database.url);
  url.username = role;
  const persistence = new PostgresPersistenceProvider(url.href);
  try {
    await persistence.initialize();
    const analysis = await persistence.analyzePerformance();
    assert.ok(analysis.tables.length > 5);
    const hidden = analysis.unavailable.find(({ what }) => what === "oldestTransactionMs of other roles");
    assert.match(hidden?.remedy ?? "", /pg_read_all_stats/);
    assert.ok((await persistence.getStorageStats()).totalSizeBytes > 0);
    assert.equal((await persistence.getWorkflowStats()).totalWorkflows, 0);
  } finally {
    await persistence.close();
    await database.drop();
    await runOnce(process.env["TEST_DATABASE_URL"] ?? "", `drop role if exists ${role}`);
  }
});
