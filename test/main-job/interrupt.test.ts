import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freshDatabase } from "../support/database.ts";
import { assertComplete, Job, makeFiles, type Place, runClean } from "./job.ts";

const timeout = 120_000;

describe("a job that is asked to stop", { concurrency: 3 }, () => {
  test("says by Ctrl-C on PostgreSQL what is left, and the same command goes on", { timeout }, async (t) => {
    const database = await freshDatabase();
    t.after(() => database.drop());
    await interruptAndGoOn(t, database, "SIGINT");
  });

  test("says by SIGTERM on PGlite what is left, and the same command goes on", { timeout }, async (t) => {
    await interruptAndGoOn(t, "pglite", "SIGTERM");
  });

  test("ends at once when it is asked again", { timeout }, async (t) => {
    const database = await freshDatabase();
    t.after(() => database.drop());
    const files = makeFiles(t, 50);
    const job = new Job(t, database, [...files.args, "--pace", "3600000"]); // calls that nobody waits for
    assert.ok(await job.until(() => job.finished > 0), job.stdout + job.stderr);
    await sleep(2_500); // payments have come, and calls are under way
    job.child.kill("SIGINT");
    assert.ok(await job.until(() => job.stdout.includes("Again to stop at once.")), job.stdout + job.stderr);
    await sleep(600); // what comes sooner is the same Ctrl-C, handed on by npm
    job.child.kill("SIGINT");
    assert.equal(await job.ended(), 130);
    assert.doesNotMatch(job.stdout, /^Stopped/m);
  });
});

async function interruptAndGoOn(t: TestContext, place: Place, signal: "SIGINT" | "SIGTERM"): Promise<void> {
  const files = makeFiles(t, 60);
  const args = [...files.args, "--directory", files.directory];
  const job = new Job(t, place, [...args, "--pace", "60"]);
  assert.ok(await job.until(() => job.finished > 0), job.stdout + job.stderr);
  job.child.kill(signal);
  assert.equal(await job.ended(), signal === "SIGINT" ? 130 : 143, job.stdout + job.stderr);
  assert.match(job.stdout, /^Stopping when the steps under way have ended\. Again to stop at once\.$/m);
  assert.match(job.stdout, /^Stopped: [1-9]\d* of 60 orders are left, safe in .*\. The same command goes on\.$/m);
  // Whoever holds up the event loop, or waits for nothing, is told of by the heartbeat.
  assert.doesNotMatch(job.stdout, /No heartbeat was confirmed/);
  assertComplete(await runClean(t, place, [...args, "--pace", "5"]), files);
}
