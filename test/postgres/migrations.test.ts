import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { SchemaOutdatedError } from "../../src/models/errors-storage.ts";
import { InvalidNameError } from "../../src/models/errors-values.ts";
import { InvalidRequestError } from "../../src/models/errors.ts";
import { groundStatements, migrations, schemaScript } from "../../src/persistence/postgres/migrations.ts";
import { PostgresPersistenceProvider } from "../../src/persistence/postgres/provider.ts";
import { defaultSchema } from "../../src/persistence/postgres/store.ts";
import { tablesOf, undelivered } from "../../src/persistence/postgres/tables.ts";
import { until } from "../chaos/arena.ts";
import { eventRow, liveNode, startOne, waiting, world } from "./store.ts";

const w = world();

const relations = async (schema: string): Promise<readonly string[]> =>
  (
    await w.client.query<{ name: string }>(
      `select pg_get_indexdef(c.oid) as name from pg_class c where relnamespace = $1::regnamespace and relkind = 'i'
       union all
       select c.relname || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || a.attnotnull::text
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
       where relnamespace = $1::regnamespace and relkind = 'r' order by 1`,
      [schema],
    )
  ).rows.map((row) => row.name.replaceAll(schema, "x"));

const initialize = async (options: object): Promise<void> => {
  const provider = new PostgresPersistenceProvider({ url: w.url, ...options });
  try {
    await provider.initialize();
  } finally {
    await provider.close();
  }
};

test("ten processes at once make one schema", async () => {
  const script = fileURLToPath(new URL("./migrate-process.js", import.meta.url));
  const processes = Array.from({ length: 10 }, () => promisify(execFile)(process.execPath, [script, w.url, "crowd"]));
  for (const { stderr } of await Promise.all(processes)) assert.equal(stderr, "");
  const { rows } = await w.client.query(
    "select schema_version, min_engine, buckets, (select count(*)::int from crowd.migration) as leases from crowd.meta",
  );
  assert.deepEqual(rows, [{ schema_version: migrations.length, min_engine: 1, buckets: 64, leases: 0 }]);
});

test("initializing again changes nothing, nor do five at once", async () => {
  await Promise.all(Array.from({ length: 5 }, () => initialize({ schema: "again" })));
  const before = await relations("again");
  await initialize({ schema: "again" });
  assert.deepEqual(await relations("again"), before);
});

test("an initialize that fails holds no session: nobody closes what did not open", async () => {
  const applicationName = "fails";
  const provider = new PostgresPersistenceProvider({ url: w.url, schema: "none", migrate: "check", applicationName });
  await assert.rejects(provider.initialize(), SchemaOutdatedError);
  const sessions = async (): Promise<number> =>
    (await w.client.query("select from pg_stat_activity where application_name = $1", [applicationName])).rows.length;
  await until("its sessions have ended", async () => (await sessions()) === 0, 5_000);
});

test("the script for migrating by hand is the one that the engine runs, and yields the same schema", async () => {
  const file = new URL("../../../migrations/001_initial_schema.sql", import.meta.url);
  const script = await readFile(file, "utf8");
  assert.equal(script, schemaScript(tablesOf(defaultSchema)), "run node scripts/write-migrations.mjs");
  await w.client.query(schemaScript(tablesOf("by_hand")));
  await initialize({ schema: "by_hand", migrate: "check" });
  await initialize({ schema: "by_engine" });
  assert.deepEqual(await relations("by_hand"), await relations("by_engine"));
});

test("check refuses what is not there and what is older, and creates nothing", async () => {
  await assert.rejects(
    initialize({ schema: "absent", migrate: "check" }),
    (error) => error instanceof SchemaOutdatedError && error.found === 0,
  );
  const { rows } = await w.client.query("select to_regnamespace('absent') as schema");
  assert.deepEqual(rows, [{ schema: null }]);
  await initialize({ schema: "older" });
  await w.client.query("update older.meta set schema_version = 0");
  await assert.rejects(initialize({ schema: "older", migrate: "check" }), SchemaOutdatedError);
});

test("a newer schema is used, unless it says that this engine is too old", async () => {
  await initialize({ schema: "newer" });
  await w.client.query("update newer.meta set schema_version = 99");
  await initialize({ schema: "newer" });
  await w.client.query("update newer.meta set min_engine = 2");
  await assert.rejects(
    initialize({ schema: "newer" }),
    (error) => error instanceof SchemaOutdatedError && error.message.includes("Upgrade"),
  );
});

test("a migration that was cut off is finished by the next process, once the lease has run out", async () => {
  const t = tablesOf("cut_off");
  for (const text of groundStatements(t)) await w.client.query(text);
  const [first] = migrations;
  assert.ok(first !== undefined);
  for (const text of first.statements(t).slice(0, 3)) await w.client.query(text);
  await w.client.query(`insert into ${t.meta} (schema_version, min_engine, buckets) values (0, 1, 16)`);
  await w.client.query(`insert into ${t.migration} (owner, expires_at) values ($1, now() + interval '300 ms')`, [
    randomUUID(),
  ]);
  await initialize({ schema: "cut_off", buckets: 16 });
  assert.equal((await relations("cut_off")).length, (await relations("by_engine")).length);
});

test("events that were delivered before deliveries were numbered are below all numbers, and others are still to be delivered", async () => {
  const t = tablesOf("unnumbered");
  const before = migrations.filter(({ version }) => version < 4);
  for (const text of [...groundStatements(t), ...before.flatMap((migration) => migration.statements(t))])
    await w.client.query(text);
  await w.client.query(`insert into ${t.meta} (schema_version, min_engine, buckets) values (3, 1, 64)`);
  await w.client.query(
    `insert into ${t.event} (bucket, id, topic, published_at, name, looked)
     select n, gen_random_uuid(), gen_random_uuid(), now(), 'e', n = 1 from generate_series(1, 2) n`,
  );
  await initialize({ schema: "unnumbered" });
  const { rows } = await w.client.query<{ number: string }>(`select number::text from ${t.event} order by looked desc`);
  assert.deepEqual(
    rows.map(({ number }) => number),
    ["0", undelivered],
  );
});

test("the number of buckets is fixed when the schema is made", async () => {
  const store = await w.store({ schema: "sixteen", buckets: 16 });
  assert.equal(store.buckets, 16);
  assert.equal((await w.again(store)).buckets, 16);
  await assert.rejects(initialize({ schema: "sixteen", buckets: 64 }), InvalidRequestError);
  assert.throws(() => new PostgresPersistenceProvider({ buckets: 0 }), InvalidRequestError);
});

test("a role without the right to create anything can work in a schema that is up to date", async () => {
  await initialize({ schema: "theirs" });
  const role = `worker_${randomUUID().slice(0, 8)}`;
  await w.client.query(`create role ${role} login password 'x'`);
  await w.client.query(`grant usage on schema theirs to ${role}`);
  await w.client.query(`grant select, insert, update, delete on all tables in schema theirs to ${role}`);
  try {
    const url = new URL(w.url);
    url.username = role;
    url.password = "x";
    const store = await w.store({ schema: "theirs", url: url.href });
    const node = await liveNode(store);
    const row = await startOne(store, node);
    await store.instances.commit([waiting(row, node, ["paid", "k"])]);
    const event = eventRow("paid", "k");
    await store.events.publish([event]);
    assert.equal((await store.events.deliver([event])).delivered, 1);
    await store.close();
  } finally {
    await w.client.query(`drop owned by ${role}`);
    await w.client.query(`drop role ${role}`);
  }
});

test("a schema name that could be anything but a name is refused before it meets SQL", () => {
  for (const schema of [
    "",
    "A",
    "a-b",
    'x"; drop schema public; --',
    "pg_catalog",
    "information_schema",
    "1a",
    "a".repeat(49),
    "a.b",
    "ä",
  ]) {
    assert.throws(
      () => new PostgresPersistenceProvider({ url: "postgresql://localhost/x", schema }),
      InvalidNameError,
      schema,
    );
  }
});
