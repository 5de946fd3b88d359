import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freshDatabase, rowsOf } from "../support/database.ts";
import { assertComplete, type Files, Job, makeFiles, type Place, runClean } from "./job.ts";

const wantedKills = process.env["TEST_QUICK"] === "1" ? 2 : 3;
const mostTries = 20;
const timeout = 240_000;

/** A process that was killed is taken over sooner than in real life. */
const watch = ["--watch-ms", "250,1500,2500"];

/** For those that are to be killed: there must be work left for all kills. */
const slow = ["--pace", "400", "--concurrency", "8"];

/** For who goes on after the last kill. */
const fast = ["--pace", "5"];

describe("a job that is killed with -9 again and again", { concurrency: 3 }, () => {
  test("ends with a clean audit on PGlite", { timeout }, async (t) => {
    await killAndGoOn(t, "pglite", makeFiles(t, 200));
  });

  test("ends with a clean audit on PostgreSQL", { timeout }, async (t) => {
    const database = await freshDatabase();
    t.after(() => database.drop());
    await killAndGoOn(t, database, makeFiles(t, 200));
  });

  test("ends with two clean audits if another process shares its PostgreSQL", { timeout }, async (t) => {
    const database = await freshDatabase();
    t.after(() => database.drop());
    await killBesideAnother(t, database, makeFiles(t, 800));
  });
});

/** A kill counts if some orders were finished then, and some were not: what was so, the next process reads from the database. */
async function killAndGoOn(t: TestContext, place: Place, files: Files): Promise<void> {
  const all = [...files.args, ...watch, "--directory", files.directory];
  let kills = 0;
  let said = "";
  for (let tries = 0; kills < wantedKills && tries < mostTries; tries += 1) {
    const job = new Job(t, place, [...all, ...slow]);
    // Once some are finished, a moment of work is enough: on a fast machine too there must be work left for all kills.
    const finished = (): number => Math.max(job.finishedBefore ?? 0, job.finished);
    if (await job.until(() => finished() > 0)) await sleep(Math.random() * 1_000);
    const wasAlive = job.isAlive;
    await job.kill();
    if (wasAlive && isHalfDone(finished(), files)) kills += 1;
    said = job.stdout + job.stderr;
  }
  assert.equal(kills, wantedKills, `so many kills met a job that was half done; the last one said:\n${said}`);
  assertComplete(await runClean(t, place, [...all, ...fast]), files);
}

async function killBesideAnother(t: TestContext, database: { readonly url: string }, files: Files): Promise<void> {
  const all = [...files.args, ...watch];
  const first = new Job(t, database, [...all, "--pace", "500", "--concurrency", "4"]);
  await first.until(() => first.finished > 0);
  let kills = 0;
  for (let tries = 0; kills < wantedKills && tries < mostTries && first.isAlive; tries += 1) {
    const second = new Job(t, database, [...all, ...slow]);
    await second.until(() => second.finishedBefore !== undefined);
    await sleep(100 + Math.random() * 400);
    const wasAlive = second.isAlive;
    await second.kill();
    if (wasAlive && isHalfDone(await closedOrders(database.url), files)) kills += 1;
  }
  assert.equal(kills, wantedKills, `so many kills met a job that was half done:\n${first.stdout}${first.stderr}`);
  const last = new Job(t, database, [...all, ...fast]);
  for (const job of [last, first]) assert.equal(await job.ended(), 0, job.stdout + job.stderr);
  assertComplete(await runClean(t, database, all), files);
}

const isHalfDone = (closed: number, { orders, soldOut }: Files): boolean => closed > 0 && closed < orders - soldOut;

async function closedOrders(url: string): Promise<number> {
  const [row] = await rowsOf<{ count: number }>(
    url,
    "select count(*)::int as count from order_fulfilment.orders where status <> 'open'",
  );
  return row?.count ?? 0;
}
