import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Environment } from "../../src/models/environment.ts";
import { ask, directories, env, opened } from "./directories.ts";

const at = directories();

test("the log does not grow for ever, and dead rows are cleared away", async () => {
  const directory = at.started();
  // Housekeeping twenty times as often as it is.
  const hurried: Environment = { ...env, later: (ms, fn) => env.later(ms === 5_000 ? 250 : ms, fn) };
  const database = await opened({ directory, fsync: false }, hurried);
  await ask(database, "create table t (id int, v text)");
  for (let round = 0; round < 8; round += 1) {
    await ask(database, "insert into t select g, repeat('x', 1000) from generate_series(1, 40000) g");
    await ask(database, "delete from t");
  }
  const written = await ask<{ bytes: number }>(
    database,
    "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as bytes",
  );
  assert.ok((written[0]?.bytes ?? 0) > 300 * 1024 * 1024, "much was written");
  const until = performance.now() + 15_000;
  let vacuumed = 0;
  while (vacuumed === 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [table] = await ask<{ count: number }>(database, "select vacuum_count as count from pg_stat_user_tables");
    vacuumed = table?.count ?? 0;
  }
  assert.ok(vacuumed > 0);
  assert.ok(readdirSync(join(directory, "data", "pg_wal")).length < 16);
  await database.close();
});
