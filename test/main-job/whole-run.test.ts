import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { freshDatabase } from "../support/database.ts";
import { assertComplete, type Files, makeFiles, runClean } from "./job.ts";
import type { Summary } from "../../examples/order-fulfilment/report.ts";

const timeout = 120_000;

describe("whole runs", { concurrency: 2 }, () => {
  test(
    "a whole run on PostgreSQL ends with a clean audit, and so does the same command once more",
    { timeout },
    async (t) => {
      const database = await freshDatabase();
      t.after(() => database.drop());
      const files = makeFiles(t, 150);
      const summary = await runClean(t, database, [...files.args, "--pace", "10"]);
      assertWhole(summary, files);
      const again = await runClean(t, database, files.args);
      assert.deepEqual(endsOf(again), endsOf(summary));
      assert.equal(again.steps, 0);
    },
  );

  test(
    "a whole run on PGlite ends with a clean audit, and so does the same command once more",
    { timeout },
    async (t) => {
      const files = makeFiles(t, 150);
      const args = [...files.args, "--pace", "10", "--directory", files.directory];
      const summary = await runClean(t, "pglite", args);
      assertWhole(summary, files);
      assert.deepEqual(endsOf(await runClean(t, "pglite", args)), endsOf(summary));
    },
  );
});

/** Each kind of end is there. */
function assertWhole(summary: Summary, files: Files): void {
  assertComplete(summary, files);
  assert.ok(summary.compensated > 0 && summary.expired > 0 && summary.retries > 0, JSON.stringify(summary));
}

const endsOf = ({ complete, expired, failed, compensated, audit }: Summary) => ({
  ...{ complete, expired, failed, compensated, audit },
});
