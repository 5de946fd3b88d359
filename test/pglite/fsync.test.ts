import assert from "node:assert/strict";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, test } from "node:test";
import { PGlite } from "@electric-sql/pglite";
import { NodeFS } from "@electric-sql/pglite/nodefs";
import { durableFiles, durableParameters } from "../../src/persistence/pglite/durable-files.ts";

const root = fs.mkdtempSync(join(tmpdir(), "wfc-fsync-"));
const data = join(root, "data");

/** Paths within the data directory that were synced, in order. */
const synced: string[] = [];
const sync = fs.fsyncSync;
fs.fsyncSync = (descriptor) => {
  synced.push(relative(data, fs.readlinkSync(`/proc/self/fd/${descriptor}`)));
  sync(descriptor);
};
syncBuiltinESMExports();
after(() => {
  fs.fsyncSync = sync;
  syncBuiltinESMExports();
  fs.rmSync(root, { recursive: true, force: true });
});

/** What was synced since the last time. */
const syncedSince = (): readonly string[] => synced.splice(0);

const isLog = (path: string): boolean => /^pg_wal\/[0-9A-F]{24}$/.test(path);

test("each commit syncs the log; a new part of the log and a checkpoint sync all that belongs to them", async (t) => {
  if (process.platform !== "linux") return t.skip("reads /proc");
  fs.mkdirSync(data);
  const startParams = durableParameters(PGlite.defaultStartParams);
  const database = await PGlite.create({ dataDir: data, fs: durableFiles(NodeFS, data), startParams });
  await database.query("create table t (id int)");
  syncedSince();
  for (let count = 0; count < 10; count += 1) await database.query("insert into t values (1)");
  const commits = syncedSince();
  assert.equal(commits.length, 10, "one sync a commit");
  assert.ok(commits.every(isLog));
  await database.query("select count(*) from t");
  assert.deepEqual(syncedSince(), [], "reading syncs nothing");
  await database.query("select pg_switch_wal()");
  await database.query("insert into t values (2)");
  const turned = syncedSince();
  assert.ok(
    turned.some((path) => path.startsWith("pg_wal/xlogtemp")),
    "the new file before it gets its name",
  );
  assert.ok(turned.includes("pg_wal"), "the folder that knows the name");
  assert.ok(isLog(turned.at(-1) ?? ""), "the commit itself");
  await database.query("checkpoint");
  const marked = syncedSince();
  const tables = marked.findLastIndex((path) => path.startsWith("base/"));
  assert.ok(tables >= 0 && marked.indexOf("global/pg_control") > tables, "the tables, then the mark");
  await database.close();
});
