/**
 * The practical limit on PGlite: the loop of peers/skeleton.mjs, with its statements as they stand there, in the thread, through the
 * driver and with the fsync of this engine's own connection to PGlite.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { PgliteDatabase } from "../../dist/src/persistence/pglite/database.js";
import { systemEnvironment } from "../../dist/src/models/environment.js";

const buckets = 64;
const batchRows = 500;

/** Answers how a run of so many steps is run to its end. */
export async function bareLoop(options) {
  const database = new PgliteDatabase(options, systemEnvironment());
  await database.open();
  const { tables, start, commit } = skeletonStatements();
  for (const text of tables) await database.query({ name: "", text, values: [] });
  const node = randomUUID();
  const starts = batcher((rows) => database.lane(0, { name: "start", text: start, values: startValues(rows, node) }));
  const commits = batcher(async (rows) => {
    const refused = await database.lane(0, { name: "commit", text: commit, values: commitValues(rows, node) });
    if (refused.length > 0) throw new Error("refused by the fence");
  });
  const run = async (steps) => {
    const id = randomUUID();
    const bucket = parseInt(id.slice(0, 4), 16) % buckets;
    await starts({ bucket, id, data: '{"x":1}' });
    for (let revision = 1; revision <= steps; revision += 1) {
      const startedAt = new Date().toISOString();
      const outcome = JSON.stringify(await body(revision));
      const status = revision === steps ? 2 : 0;
      await commits({ bucket, id, revision, status, data: null, path: `step${revision}`, outcome, startedAt });
    }
  };
  return { run, close: () => database.close() };
}

const body = async (n) => ({ ok: n });

/** The tables and the two statements of the bare loop on PostgreSQL. */
function skeletonStatements() {
  const source = readFileSync(new URL("../peers/skeleton.mjs", import.meta.url), "utf8");
  const [, tables] = /for \(const statement of `([^`]+)`/.exec(source);
  const [start, commit] = [...source.matchAll(/text: `([^`]+)`/g)].map(([, text]) => text);
  return { tables: tables.split(";"), start, commit };
}

const column = (rows, name) => rows.map((row) => row[name]);

const startValues = (rows, node) => [column(rows, "bucket"), column(rows, "id"), node, column(rows, "data")];

const commitValues = (rows, node) => [
  ...["bucket", "id", "revision", "status", "data", "path"].map((name) => column(rows, name)),
  node,
  rows.map((_, n) => n + 1),
  ...["outcome", "startedAt"].map((name) => column(rows, name)),
];

/** While a batch is in flight, callers gather; the next one takes what came. */
function batcher(flush) {
  const waiting = [];
  let isBusy = false;
  const pump = async () => {
    if (isBusy) return;
    isBusy = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, batchRows).sort((a, b) => (a.item.id < b.item.id ? -1 : 1));
      try {
        await flush(batch.map(({ item }) => item));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    isBusy = false;
  };
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      setImmediate(pump);
    });
}
