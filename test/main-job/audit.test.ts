import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Summary } from "../../examples/order-fulfilment/report.ts";
import { freshDatabase, runOnce } from "../support/database.ts";
import { type Files, Job, makeFiles, type Place, runClean } from "./job.ts";

const books = "order_fulfilment";

const tamperings = [
  {
    name: "a second charge",
    sql: `insert into ${books}.ledger select * from ${books}.ledger where order_id = 'ORD-00001' and kind = 'charge'`,
    found: /^ORD-00001 \(\w+\): has 2 charges$/,
  },
  {
    name: "a refund of a shipped order",
    sql: `insert into ${books}.ledger select id, 'refund', total from ${books}.orders where status = 'shipped' limit 1`,
    found: /^ORD-\d+ \(shipped\): has 1 refunds, not 0$/,
  },
  {
    name: "a charge of another amount",
    sql: `update ${books}.ledger set amount = amount + 1 where order_id = 'ORD-00001'`,
    found: /^ORD-00001 \(\w+\): has \d odd entries in the ledger$/,
  },
  {
    name: "a reservation that is neither shipped nor released",
    sql: `update ${books}.reservations set status = 'reserved' where order_id = 'ORD-00001'`,
    found: /^ORD-00001 \(\w+\): has \d items that were not \w+$/,
  },
  {
    name: "an order that is gone",
    sql: `delete from ${books}.orders where id = 'ORD-00001'`,
    found: /^ORD-00001 \(\w+\): was never opened$/,
  },
  {
    name: "a row of no order",
    sql: `insert into ${books}.ledger values ('ORD-X', 'charge', 1)`,
    found: /^ledger: a row of "ORD-X", which is no order$/,
  },
];

test("the audit finds what is wrong in the books, says it, and the exit code is 1", { timeout: 120_000 }, async (t) => {
  const files = makeFiles(t, 20);
  const database = await freshDatabase();
  t.after(() => database.drop());
  await runClean(t, database, [...files.args, "--pace", "1"]);
  for (const { name, sql, found } of tamperings) {
    await runOnce(database.url, sql);
    const { audit } = await runDirty(t, database, files);
    assert.equal(audit.clean, false, name);
    assert.ok(
      audit.problems.some((problem) => found.test(problem)),
      `${name}: ${JSON.stringify(audit.problems)}`,
    );
  }
});

async function runDirty(t: TestContext, place: Place, files: Files): Promise<Summary> {
  const job = new Job(t, place, [...files.args, "--json"]);
  assert.equal(await job.ended(), 1, job.stdout + job.stderr);
  return JSON.parse(job.stdout);
}
