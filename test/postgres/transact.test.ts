import assert from "node:assert/strict";
import { test } from "node:test";
import { PersistenceError } from "../../src/models/errors-storage.ts";
import { InvalidRequestError } from "../../src/models/errors.ts";
import { refuseTransactionControl } from "../../src/persistence/postgres/transaction-session.ts";
import type { TransactionSession } from "../../src/persistence/provider.ts";
import { eventRow, liveNode, pointer, startOne, startRow, transition, world } from "./store.ts";
import { breakAtCommit } from "./proxy.ts";
import { faultyPersistence } from "../support/faulty-store.ts";

const w = world();

async function ledger(): Promise<{ table: string; balance: () => Promise<unknown> }> {
  const table = `ledger_${Math.random().toString(36).slice(2)}`;
  await w.client.query(`create table ${table} (amount int primary key)`);
  const balance = async (): Promise<unknown> =>
    (await w.client.query<{ sum: number }>(`select coalesce(sum(amount), 0)::int as sum from ${table}`)).rows[0]?.sum;
  return { table, balance };
}

test("a step's queries and its transition hold together", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  const { table, balance } = await ledger();
  const { held, now } = await store.instances.transact(async (tx) => {
    await tx.query(`insert into ${table} values ($1)`, [5]);
    const { rows } = await tx.query(`select count(*) as n, $1::jsonb as j from ${table}`, [`{"a":1}`]);
    assert.deepEqual(rows, [{ n: 1, j: { a: 1 } }]);
    return transition(row, node, { pointers: [pointer("charge")] });
  });
  assert.deepEqual([held, now > 0, await balance()], [true, true, 5]);
  assert.equal((await store.instances.look([row]))[0]?.revision, 1);
});

test("what the step throws rolls everything back, and comes out as it is", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  const { table, balance } = await ledger();
  const failure = new Error("declined");
  const attempt = store.instances.transact(async (tx) => {
    await tx.query(`insert into ${table} values (5)`);
    throw failure;
  });
  await assert.rejects(attempt, (error) => error === failure);
  assert.equal(await balance(), 0);
  assert.equal((await store.instances.look([row]))[0]?.revision, 0);
});

test("what the fence refuses is rolled back, and did not hold", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  const { table, balance } = await ledger();
  const { held } = await store.instances.transact(async (tx) => {
    await tx.query(`insert into ${table} values (5)`);
    return transition(row, node, { revision: 3 });
  });
  assert.deepEqual([held, await balance()], [false, 0]);
});

test("a swallowed error of a query is the step's failure, with the error that it swallowed", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  const { table, balance } = await ledger();
  const attempt = store.instances.transact(async (tx) => {
    await tx.query(`insert into ${table} values (5)`);
    await tx.query(`insert into ${table} values (5)`).catch(() => undefined);
    return transition(row, node);
  });
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof PersistenceError && error.sqlState === "25P02" && error.errorClass === "invalid");
    assert.ok(error.cause instanceof PersistenceError && error.cause.sqlState === "23505");
    return true;
  });
  assert.equal(await balance(), 0);
});

test("a savepoint saves a step from its own error", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  const { table, balance } = await ledger();
  const { held } = await store.instances.transact(async (tx) => {
    await tx.query(`insert into ${table} values (5)`);
    await tx.query("savepoint before");
    await tx.query(`insert into ${table} values (5)`).catch(() => undefined);
    await tx.query("rollback to savepoint before");
    return transition(row, node);
  });
  assert.deepEqual([held, await balance()], [true, 5]);
});

test("a step can neither begin nor end the engine's transaction, in whatever form it tries", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  const { table, balance } = await ledger();
  for (const text of ["commit", "select 1; commit", "do $$ begin commit; end $$"]) {
    const attempt = store.instances.transact(async (tx) => {
      await tx.query(`insert into ${table} values (5)`);
      await tx.query(text);
      return transition(row, node);
    });
    await assert.rejects(attempt, (error) => error instanceof InvalidRequestError || error instanceof PersistenceError);
    assert.equal(await balance(), 0, text);
  }
});

test("texts that begin or end a transaction are known through comments, case and empty commands", () => {
  for (const text of [
    "begin",
    " BEGIN work",
    "-- why\ncommit",
    "/* a /* nested */ comment */ Rollback",
    ";; end",
    "abort",
    "start transaction",
    "start /* x */ transaction",
    "prepare transaction 'x'",
    "rollback prepared 'x'",
    "commit prepared 'x'",
    "\n\tRollback and chain",
  ]) {
    assert.throws(() => refuseTransactionControl(text), InvalidRequestError, text);
  }
  for (const text of [
    "select 1",
    "savepoint a",
    "release savepoint a",
    "rollback to a",
    "rollback work to savepoint a",
    "prepare x as select 1",
    "select 'commit'",
    "with ended as (select 1) select * from ended",
    "",
    "-- only",
    "/* open",
  ]) {
    assert.doesNotThrow(() => refuseTransactionControl(text), text);
  }
});

test("what would stay with the session is refused, since another step has it next", () => {
  for (const text of [
    "set search_path to tenant",
    "SET SESSION statement_timeout = 5",
    "set role poor",
    "/* a */ set/**/time zone 'UTC'",
    "reset all",
    "discard all",
    "deallocate all",
  ]) {
    assert.throws(() => refuseTransactionControl(text), /SET LOCAL/, text);
  }
  for (const text of [
    "set local search_path to tenant",
    "set constraints all deferred",
    "select set_config('a.b', 'c', true)",
  ])
    assert.doesNotThrow(() => refuseTransactionControl(text), text);
});

test("queries that a step asks for side by side run one after the other, and those it does not wait for still count", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  const { table, balance } = await ledger();
  const { held } = await store.instances.transact(async (tx) => {
    await Promise.all([1, 2, 4].map((amount) => tx.query(`insert into ${table} values ($1)`, [amount])));
    void tx.query(`insert into ${table} values (8)`);
    return transition(row, node);
  });
  assert.deepEqual([held, await balance()], [true, 15]);
});

test("a query after the step is refused", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  const kept: TransactionSession[] = [];
  await store.instances.transact((tx) => {
    kept.push(tx);
    return Promise.resolve(transition(row, node));
  });
  await assert.rejects(kept[0]?.query("select 1") ?? Promise.resolve(), InvalidRequestError);
});

test("a deferred constraint that fails at COMMIT is the step's failure", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  const { table, balance } = await ledger();
  await w.client.query(`create table ${table}_child (amount int references ${table} deferrable initially deferred)`);
  const attempt = store.instances.transact(async (tx) => {
    await tx.query(`insert into ${table}_child values (7)`);
    return transition(row, node);
  });
  await assert.rejects(
    attempt,
    (error) => error instanceof PersistenceError && error.sqlState === "23503" && error.errorClass === "invalid",
  );
  assert.deepEqual([await balance(), (await store.instances.look([row]))[0]?.revision], [0, 0]);
});

for (const passes of [true, false]) {
  test(`the answer to COMMIT is lost, and the transaction ${passes ? "held" : "did not hold"}: the row says so`, async () => {
    const direct = await w.store();
    const node = await liveNode(direct);
    const row = await startOne(direct, node);
    const { table, balance } = await ledger();
    const proxy = await breakAtCommit(w.url, passes);
    try {
      const store = await w.again(direct, { url: proxy.url });
      const attempt = store.instances.transact(async (tx) => {
        await tx.query(`insert into ${table} values (5)`);
        proxy.arm();
        return transition(row, node, { release: "park" });
      });
      if (passes) assert.equal((await attempt).held, true);
      else
        await assert.rejects(attempt, (error) => error instanceof PersistenceError && error.errorClass === "transient");
      assert.equal(await balance(), passes ? 5 : 0);
      assert.equal((await direct.instances.look([row]))[0]?.revision, passes ? 1 : 0);
      await store.close();
    } finally {
      await proxy.close();
    }
  });
}

test("the answer to COMMIT is lost, and nobody can ask the row: the instance is given up, and nothing is done again", async () => {
  const { store, database, initialize, close } = faultyPersistence(w.url);
  await initialize();
  try {
    const node = await liveNode(store);
    const row = await startOne(store, node);
    const { table, balance } = await ledger();
    database.fault = { name: "commit", nth: 1, when: "after", outageMs: 60_000 };
    const outcome = await store.instances.transact(async (tx) => {
      await tx.query(`insert into ${table} values ($1)`, [5]);
      return transition(row, node, { pointers: [pointer("charge")] });
    });
    assert.equal(outcome.held, false);
    database.heal();
    assert.equal(await balance(), 5);
    assert.equal((await store.instances.look([row]))[0]?.revision, 1);
  } finally {
    await close();
  }
});

test("starts and events in a caller's transaction come to life with its COMMIT, and not at all without", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const waiting = await startOne(store, node);
  const rows = [startRow({ key: "k", inputHash: "h" }), startRow()];
  const event = eventRow("paid", "k");
  for (const end of ["rollback", "commit"]) {
    await w.client.query("begin");
    const inside = store.inside(w.client);
    const [first, second] = rows;
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual(await inside.start([first, second, waiting, second]), [2, 3]);
    await inside.publish([event]);
    assert.deepEqual(await store.instances.look(rows), []); // nobody else sees them yet
    await w.client.query(end);
    assert.equal((await store.instances.look(rows)).length, end === "commit" ? 2 : 0);
  }
  assert.deepEqual(
    (
      await w.client.query(
        `select owner, epoch, due_at is not null as due from ${store.tables.instance} where id <> $1`,
        [waiting.id],
      )
    ).rows,
    [
      { owner: null, epoch: "0", due: true },
      { owner: null, epoch: "0", due: true },
    ],
  );
});

test("a transactional step can start and publish in its own transaction", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  const child = startRow();
  const { held } = await store.instances.transact(async (tx) => {
    assert.deepEqual(await store.inside(tx).start([child]), []);
    await store.inside(tx).publish([eventRow("paid", null)]);
    return transition(row, node);
  });
  assert.equal(held, true);
  assert.equal((await store.instances.look([child])).length, 1);
});
