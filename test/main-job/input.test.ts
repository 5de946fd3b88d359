import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { freshDatabase } from "../support/database.ts";
import { freshDirectory, Job } from "./job.ts";

const timeout = 120_000;

const nowhere = { url: "postgresql://nobody@127.0.0.1:1/nowhere" };

const order = (id: string, change: object = {}): string =>
  JSON.stringify({
    id,
    email: "ann@example.com",
    address: "1 High Street, Leeds",
    items: [{ sku: "MUG-BLUE", quantity: 3, price: 9.99 }],
    total: 29.97,
    ...change,
  });

test("bad lines are reported with their number and the reason, and the rest goes on", { timeout }, async (t) => {
  const database = await freshDatabase();
  t.after(() => database.drop());
  const file = join(freshDirectory(t), "mine.ndjson");
  const lines = [
    order("A-1"),
    '{"id": "A-2", ',
    order("A-3", { email: "nobody" }),
    order("A-4", { items: [{ sku: "MUG-BLUE", quantity: 0, price: 9.99 }] }),
    "",
    order("A-5", { total: 30 }),
    order("A-1"),
    order("A-6"),
  ];
  writeFileSync(file, lines.join("\n"));
  const job = new Job(t, database, ["--orders", file, "--pace", "1"]);
  assert.equal(await job.ended(), 0, job.stdout + job.stderr);
  const told = job.stdout.split("\n").filter((line) => line.startsWith(file));
  assert.equal(told.length, 5);
  assert.match(told[0] ?? "", /, line 2: not JSON: /);
  assert.match(told[1] ?? "", /, line 3: email: /);
  assert.match(told[2] ?? "", /, line 4: items\.0\.quantity: /);
  assert.match(told[3] ?? "", /, line 6: total: must be the sum of quantity times price over the items$/);
  assert.match(told[4] ?? "", /, line 7: "A-1" is on line 1 already$/);
  assert.match(job.stdout, /orders +2 {2}and 5 bad lines, 0 refused/);
  assert.match(job.stdout, /The audit is clean: 2 charges, 0 refunds, 2 reservations/);
});

test("an id that was used for another order is refused by name, and the rest goes on", { timeout }, async (t) => {
  const database = await freshDatabase();
  t.after(() => database.drop());
  const file = join(freshDirectory(t), "mine.ndjson");
  writeFileSync(file, order("A-1"));
  assert.equal(await new Job(t, database, ["--orders", file, "--pace", "1"]).ended(), 0);
  writeFileSync(file, [order("A-1", { email: "bob@example.com" }), order("A-2")].join("\n"));
  const job = new Job(t, database, ["--orders", file, "--pace", "1"]);
  assert.equal(await job.ended(), 0, job.stdout + job.stderr);
  assert.match(job.stdout, /^Order A-1 was refused: Key "A-1" has started workflow "fulfil-order" with other data/m);
  assert.match(job.stdout, /orders +1 {2}and 0 bad lines, 1 refused/);
});

test("a file that is not there is named, and the exit code is 2", { timeout }, async (t) => {
  const job = new Job(t, nowhere, ["--orders", "/nowhere/orders.ndjson"]);
  assert.equal(await job.ended(), 2);
  assert.match(job.stderr, /^Cannot read \/nowhere\/orders\.ndjson: /);
});

test("an option that makes no sense is named, and the exit code is 2", { timeout }, async (t) => {
  const unknown = new Job(t, nowhere, ["--order", "x"]);
  assert.equal(await unknown.ended(), 2);
  assert.match(unknown.stderr, /--order/);
  const wrong = new Job(t, nowhere, ["--concurrency", "many"]);
  assert.equal(await wrong.ended(), 2);
  assert.equal(wrong.stderr, '--concurrency takes a whole number from 1, not "many".\n');
});

test("--help tells every option and ends with 0", { timeout }, async (t) => {
  const job = new Job(t, nowhere, ["--help"]);
  assert.equal(await job.ended(), 0);
  for (const option of ["--orders", "--payments", "--directory", "--concurrency", "--pace", "--json", "--watch-ms"]) {
    assert.ok(job.stdout.includes(option), option);
  }
});
