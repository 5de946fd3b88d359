import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { PersistenceError } from "../../src/models/errors-storage.ts";
import { InvalidRequestError, WorkflowError } from "../../src/models/errors.ts";
import type { PgliteDatabase } from "../../src/persistence/pglite/database.ts";
import { TransactionTooLongError } from "../../src/models/errors-storage.ts";
import { ask, directories, opened } from "./directories.ts";

const at = directories();
let database: PgliteDatabase;
before(async () => {
  database = await opened({ transactionMs: 300 });
  await ask(database, "create table t (id int primary key, v text)");
});
after(() => database.close());

const ids = async (): Promise<readonly number[]> =>
  (await ask<{ id: number }>(database, "select id from t order by id")).map(({ id }) => id);

/** How long the event loop stood still at most while `work` went on. */
/** The longest time for which nothing else could run, as a share of how long the work took. */
async function heldUp(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const began = last;
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  await work();
  clearInterval(timer);
  return longest / (performance.now() - began);
}

const slow = "select count(*) from generate_series(1, 3000000)";

test("parameters and answers are those of the PostgreSQL driver", async () => {
  const id = randomUUID();
  const text = `select $1::int[] as ints, $2::text[] as texts, $3::uuid[] as uuids, $4::boolean[] as flags, $5::jsonb[] as docs,
    $6::int8 as big, $7::jsonb as doc, $8::text as nothing, $9::bytea as bytes, $10::float8 as float, $11::int8[] as bigs,
    ($12::text[])::jsonb[] as parsed, $13::timestamptz as instant, count(*) as count`;
  const values = [
    [1, null, -3],
    ['a"b', "c\\d", "NULL", null, "{,}", ""],
    [id],
    [true, null, false],
    [`{"a":[1]}`, null, `"{"`],
    2 ** 53 - 1,
    JSON.stringify({ b: "ü" }),
    null,
    Buffer.from([0, 1, 255]),
    0.1,
    [2 ** 40, null],
    [`{"a":"\\"x"}`, null],
    new Date("2026-11-24T12:00:00.123Z"),
  ];
  const [row] = await ask<Record<string, unknown>>(database, text, values);
  assert.deepEqual(row, {
    ints: [1, null, -3],
    texts: ['a"b', "c\\d", "NULL", null, "{,}", ""],
    uuids: [id],
    flags: [true, null, false],
    docs: [{ a: [1] }, null, "{"],
    big: 2 ** 53 - 1,
    doc: { b: "ü" },
    nothing: null,
    bytes: Buffer.from([0, 1, 255]),
    float: 0.1,
    bigs: [2 ** 40, null],
    parsed: [{ a: '"x' }, null],
    instant: new Date("2026-11-24T12:00:00.123Z"),
    count: 1,
  });
});

test("errors carry their SQLSTATE and are classified as PostgreSQL's", async () => {
  const refused = [
    ["select 1 / 0", "22012", "invalid"],
    ["insert into t values (1, ''), (1, '')", "23505", "invalid"],
    ["select * from nowhere", "42P01", "permanent"],
    ["selct", "42601", "permanent"],
    ["select '\"\\u0000\"'::jsonb", "22P05", "invalid"],
  ] as const;
  for (const [text, sqlState, errorClass] of refused) {
    await assert.rejects(ask(database, text), (error) => {
      assert.ok(error instanceof PersistenceError);
      assert.deepEqual([error.sqlState, error.errorClass], [sqlState, errorClass]);
      return true;
    });
  }
  assert.deepEqual(await ids(), []);
});

test("a value that the driver cannot send costs neither the data nor the next statement", async () => {
  const circular: unknown[] = [];
  circular.push({ circular });
  await assert.rejects(database.query({ name: "", text: "select $1::jsonb", values: [{ circular }] }), WorkflowError);
  assert.deepEqual(await ids(), []);
});

test("an error that breaks the session does not break the next statement, nor its named statements", async () => {
  const named = { name: "one", text: "select $1::int as one", values: [1] };
  await database.query(named);
  await ask(database, "create table changing (a int)");
  await ask(database, "create view seen as select a from changing");
  await database.query({ name: "star", text: "select * from changing", values: [] });
  await ask(database, "drop view seen");
  await ask(database, "alter table changing add b int");
  await assert.rejects(
    database.query({ name: "star", text: "select * from changing", values: [] }),
    (error) => error instanceof PersistenceError && error.sqlState === "0A000",
  );
  assert.deepEqual(await database.query(named), [{ one: 1 }]);
  assert.deepEqual(await database.query({ name: "star", text: "select * from changing", values: [] }), []);
});

test("a transaction holds or is undone, and others wait for its end", async () => {
  const order: string[] = [];
  const first = database.transaction(async (session) => {
    await session.query({ name: "", text: "insert into t values (10, 'a')", values: [] });
    order.push("first");
    return "done";
  });
  const second = ids().then((found) => order.push(`saw ${found.join()}`));
  assert.equal(await first, "done");
  await second;
  assert.deepEqual(order, ["first", "saw 10"]);
  const error = new Error("no");
  await assert.rejects(
    database.transaction(async (session) => {
      await session.query({ name: "", text: "delete from t", values: [] });
      throw error;
    }),
    error,
  );
  assert.deepEqual(await ids(), [10]);
  await ask(database, "delete from t");
});

test("a transaction whose query failed cannot be committed", async () => {
  await assert.rejects(
    database.transaction(async (session) => {
      await session.query({ name: "", text: "insert into t values (11, '')", values: [] });
      await session.query({ name: "", text: "select 1 / 0", values: [] }).catch(() => undefined);
    }),
    (error) => error instanceof PersistenceError && error.sqlState === "25P02",
  );
  assert.deepEqual(await ids(), []);
});

test("a transaction that takes too long is rolled back, and lets nothing through afterwards", async () => {
  let late: Promise<unknown> | undefined;
  const began = performance.now();
  await assert.rejects(
    database.transaction(async (session) => {
      await session.query({ name: "", text: "insert into t values (12, '')", values: [] });
      await new Promise((resolve) => setTimeout(resolve, 600));
      late = session.query({ name: "", text: "insert into t values (13, '')", values: [] });
      await late;
    }),
    TransactionTooLongError,
  );
  assert.ok(performance.now() - began < 550);
  assert.deepEqual(await ids(), []);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await assert.rejects(late ?? Promise.resolve(), TransactionTooLongError);
  assert.deepEqual(await ids(), []);
});

test("a session is of no use after its transaction", async () => {
  const kept = await database.transaction(async (session) => session);
  await assert.rejects(kept.query({ name: "", text: "select 1", values: [] }), InvalidRequestError);
});

test("after an error that broke its session, a transaction writes nothing outside of it", async () => {
  const circular: unknown[] = [];
  circular.push({ circular });
  await assert.rejects(
    database.transaction(async (session) => {
      await session.query({ name: "", text: "insert into t values (14, '')", values: [] });
      await session.query({ name: "", text: "select $1::jsonb", values: [{ circular }] }).catch(() => undefined);
      await session.query({ name: "", text: "insert into t values (15, '')", values: [] });
    }),
    (error) => error instanceof PersistenceError && error.errorClass === "transient",
  );
  assert.deepEqual(await ids(), []);
});

test("the event loop is never held up, by a slow statement nor by many", async () => {
  await ask(database, "select 1");
  assert.ok((await heldUp(() => ask(database, slow))) < 0.7);
  const many = (): Promise<unknown> => Promise.all(Array.from({ length: 500 }, () => ask(database, "select 1")));
  assert.ok((await heldUp(many)) < 0.7);
});

test("a heartbeat goes before all that wait", async () => {
  const order: string[] = [];
  const statements = [ask(database, slow), ...Array.from({ length: 20 }, () => ask(database, "select 1"))];
  const waiting = Promise.all(statements.map((one) => one.then(() => order.push("statement"))));
  const beat = database.beat({ name: "beat", text: "select 1", values: [] }).then(() => order.push("beat"));
  await Promise.all([waiting, beat]);
  assert.ok(order.indexOf("beat") <= 1);
});

test("what is notified is heard, once its transaction is committed, and not after unlistening", async () => {
  const heard: string[] = [];
  const unlisten = await database.listen("Ch:1", { heard: (payload) => heard.push(payload), back: () => undefined });
  const notify = (payload: string): Promise<unknown> => ask(database, "select pg_notify('Ch:1', $1)", [payload]);
  await notify("a");
  await database
    .transaction(async (session) => {
      await session.query({ name: "", text: "select pg_notify('Ch:1', 'never')", values: [] });
      throw new Error("rolled back");
    })
    .catch(() => undefined);
  await notify("b");
  await ask(database, "select 1");
  assert.deepEqual(heard, ["a", "b"]);
  await unlisten();
  await notify("c");
  await ask(database, "select 1");
  assert.deepEqual(heard, ["a", "b"]);
});

test("a directory's database that does not answer in time is started anew, with its data and its listeners", async () => {
  const own = await opened({ directory: at.started(), deadlineMs: 400 });
  await ask(own, "create table kept (id int)");
  await ask(own, "insert into kept values (1)");
  let gaps = 0;
  const heard: string[] = [];
  await own.listen("ch", { heard: (payload) => heard.push(payload), back: () => (gaps += 1) });
  const began = performance.now();
  await assert.rejects(
    ask(own, "select count(*) from generate_series(1, 300000000)"),
    (error) => error instanceof PersistenceError && error.errorClass === "transient",
  );
  assert.ok(performance.now() - began < 2_000);
  assert.deepEqual(await ask(own, "select id from kept"), [{ id: 1 }]);
  await ask(own, "select pg_notify('ch', 'again')");
  await ask(own, "select 1");
  assert.deepEqual([gaps, heard], [1, ["again"]]);
  await own.close();
});

test("a database in memory that does not answer in time is lost, and says so", async () => {
  const own = await opened({ deadlineMs: 400 });
  await assert.rejects(ask(own, "select count(*) from generate_series(1, 300000000)"), PersistenceError);
  for (let time = 0; time < 2; time += 1) {
    await assert.rejects(
      ask(own, "select 1"),
      (error) => error instanceof PersistenceError && error.errorClass === "permanent",
    );
  }
  await own.close();
});

test("what waits is answered before the database closes, and nothing after", async () => {
  const own = await opened({ directory: at.started() });
  const waiting = [ask(own, slow), ask(own, "select 1 as one")];
  await own.close();
  assert.deepEqual(await waiting[1], [{ one: 1 }]);
  await assert.rejects(ask(own, "select 1"), PersistenceError);
  await own.close();
});
