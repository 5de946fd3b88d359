import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { freshDatabase } from "../support/database.ts";
import { assertComplete, Job, makeFiles, type Place, runClean } from "./job.ts";

test("Ctrl-C on PostgreSQL drains at once, says what is left, and the same command goes on", async (t) => {
  const database = await freshDatabase();
  t.after(() => database.drop());
  await interruptAndGoOn(t, database, "SIGINT");
});

test("SIGTERM on PGlite drains at once, says what is left, and the same command goes on", async (t) => {
  await interruptAndGoOn(t, "pglite", "SIGTERM");
});

async function interruptAndGoOn(t: TestContext, place: Place, signal: "SIGINT" | "SIGTERM"): Promise<void> {
  const files = makeFiles(t, 100);
  const args = [...files.args, "--pace", "60", "--directory", files.directory];
  const job = new Job(t, place, args);
  assert.ok(await job.until(() => job.finished > 0), job.stdout + job.stderr);
  const askedAt = performance.now();
  job.child.kill(signal);
  assert.equal(await job.ended(), signal === "SIGINT" ? 130 : 143, job.stdout + job.stderr);
  const tookMs = performance.now() - askedAt;
  assert.ok(tookMs < 5_000, `it took ${tookMs} ms`);
  assert.match(job.stdout, /^Stopped: [1-9]\d* of 100 orders are left, safe in .*\. The same command goes on\.$/m);
  assertComplete(await runClean(t, place, args), files);
}
