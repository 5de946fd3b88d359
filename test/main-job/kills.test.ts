import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freshDatabase, rowsOf } from "../support/database.ts";
import { assertComplete, type Files, Job, makeFiles, type Place, runClean } from "./job.ts";

const wantedKills = process.env["TEST_QUICK"] === "1" ? 2 : 5;
const mostTries = 20;

/** A process that was killed is taken over sooner than in real life. */
const watch = ["--watch-ms", "250,1500,2500"];

test("killed with -9 again and again on PGlite, the job ends with a clean audit", async (t) => {
  const files = makeFiles(t, 200);
  await killAndGoOn(t, "pglite", files);
});

test("killed with -9 again and again on PostgreSQL, the job ends with a clean audit", async (t) => {
  const database = await freshDatabase();
  t.after(() => database.drop());
  await killAndGoOn(t, database, makeFiles(t, 200));
});

/** A kill counts if some orders were finished then, and some were not: what was so, the next process reads from the database. */
async function killAndGoOn(t: TestContext, place: Place, files: Files): Promise<void> {
  const all = [...files.args, ...watch, "--pace", "150", "--concurrency", "12", "--directory", files.directory];
  let kills = 0;
  for (let tries = 0; kills < wantedKills && tries < mostTries; tries += 1) {
    const job = new Job(t, place, all);
    if (await job.until(() => job.finishedBefore !== undefined || job.finished > 0)) {
      const before = job.finishedBefore ?? 0;
      if (isHalfDone(before, files)) kills += 1;
      if (kills >= wantedKills) {
        assert.equal(await job.ended(), 0, job.stdout + job.stderr);
        break;
      }
      await sleep(200 + Math.random() * 1_000);
    }
    await job.kill();
  }
  assert.equal(kills, wantedKills, "so many kills met a job that was half done");
  assertComplete(await runClean(t, place, all), files);
}

test("two processes share a PostgreSQL, one of them is killed with -9 again and again, and both audits are clean", async (t) => {
  const database = await freshDatabase();
  t.after(() => database.drop());
  const files = makeFiles(t, 300);
  // Slow, since one of the two goes on all the time, and there must be work left for five kills.
  const all = [...files.args, ...watch, "--pace", "250", "--concurrency", "8"];
  const first = new Job(t, database, all);
  await first.until(() => first.finished > 0);
  let kills = 0;
  let second = new Job(t, database, all);
  for (let tries = 0; kills < wantedKills && tries < mostTries && first.isAlive; tries += 1) {
    await second.until(() => second.finishedBefore !== undefined);
    await sleep(100 + Math.random() * 500);
    const wasAlive = second.isAlive;
    await second.kill();
    const closed = await closedOrders(database.url);
    if (wasAlive && isHalfDone(closed, files)) kills += 1;
    second = new Job(t, database, all);
  }
  assert.equal(kills, wantedKills, "so many kills met a job that was half done");
  for (const job of [first, second]) assert.equal(await job.ended(), 0, job.stdout + job.stderr);
  assertComplete(await runClean(t, database, all), files);
});

const isHalfDone = (closed: number, { orders, soldOut }: Files): boolean => closed > 0 && closed < orders - soldOut;

async function closedOrders(url: string): Promise<number> {
  const [row] = await rowsOf<{ count: number }>(
    url,
    "select count(*)::int as count from order_fulfilment.orders where status <> 'open'",
  );
  return row?.count ?? 0;
}
