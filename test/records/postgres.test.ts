import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import { PglitePersistenceProvider } from "workflow-core/pglite";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { WorkflowError } from "../../src/models/errors.ts";
import { bucketOf } from "../../src/models/identity.ts";
import { systemEnvironment } from "../../src/models/environment.ts";
import { PostgresDatabase } from "../../src/persistence/postgres/database.ts";
import { SqlRecordBackend } from "../../src/persistence/postgres/records/backend.ts";
import { listInstances } from "../../src/persistence/postgres/records/instance-statements.ts";
import { SqlStatistics } from "../../src/persistence/postgres/statistics.ts";
import { SqlEngineStore } from "../../src/persistence/postgres/store.ts";
import { RecordProvider } from "../../src/persistence/record-provider.ts";
import { until } from "../chaos/arena.ts";
import { type FreshDatabase, freshDatabase } from "../support/database.ts";
import { FaultyDatabase } from "../support/faulty-store.ts";

const order = { workflowDefinitionId: "order" };
let database: FreshDatabase;
let client: pg.Client;
let persistence: PostgresPersistenceProvider;

before(async () => {
  database = await freshDatabase();
  client = new pg.Client(database.url);
  client.on("error", () => undefined);
  await client.connect();
  persistence = new PostgresPersistenceProvider(database.url);
  await persistence.initialize();
});
after(async () => {
  await persistence.close();
  await client.end();
  await database.drop();
});

/** Waits until a session of the provider waits for a lock. */
const waitsForLock = (): Promise<void> =>
  until("somebody waits for a lock", async () => {
    const { rows } = await client.query<{ count: number }>(
      "select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    return (rows[0]?.count ?? 0) > 0;
  });

test("an instance that is deleted while its owner commits leaves nothing behind", async () => {
  const { id } = await persistence.createWorkflowInstance(order);
  const { tables } = persistence.store;
  const bucket = bucketOf(id, persistence.store.buckets);
  const owner = new pg.Client(database.url);
  await owner.connect();
  await owner.query("begin");
  await owner.query(`update ${tables.instance} set revision = revision + 1 where bucket = $1 and id = $2`, [
    bucket,
    id,
  ]);
  const deleted = persistence.deleteWorkflowInstance(id);
  await waitsForLock();
  await owner.query(
    `insert into ${tables.pointer} (bucket, instance, path, seq, attempts, status, took_ms, ended_at)
     values ($1, $2, 'a', 1, 1, 1, 0, now())`,
    [bucket, id],
  );
  await owner.query("commit");
  await owner.end();
  assert.equal(await deleted, true);
  assert.deepEqual((await persistence.getExecutionPointersByInstance(id)).items, []);
});

test("an update waits for a commit that is under way, and judges what it left", async () => {
  const { id, revision } = await persistence.createWorkflowInstance(order);
  const owner = new pg.Client(database.url);
  await owner.connect();
  await owner.query("begin");
  await owner.query(
    `update ${persistence.store.tables.instance} set revision = revision + 1, status = 2 where id = $1`,
    [id],
  );
  const [stale, ended] = [
    assert.rejects(persistence.updateWorkflowInstance({ id, revision, description: "x" }), { code: "STALE_RECORD" }),
    assert.rejects(persistence.updateWorkflowInstance({ id, status: "Suspended" }), { code: "INSTANCE_ENDED" }),
  ];
  await waitsForLock();
  await owner.query("commit");
  await owner.end();
  await Promise.all([stale, ended]);
});

test("batches that change the same instances in any order do not stand in each other's way", async () => {
  const made = await persistence.createWorkflowInstances(Array.from({ length: 100 }, () => order));
  const changes = made.map(({ id }) => ({ id, description: "changed" }));
  const rounds = Array.from({ length: 12 }, (_, n) => (n % 2 === 0 ? changes : changes.toReversed()));
  await Promise.all(rounds.map((batch) => persistence.updateWorkflowInstances(batch)));
  assert.equal((await persistence.getWorkflowInstance(made[0]?.id ?? ""))?.revision, 12);
});

test("a transaction sees what its isolation promises", async () => {
  const { id } = await persistence.createWorkflowInstance({ ...order, data: 1 });
  const other = new PostgresPersistenceProvider(database.url);
  await other.initialize();
  const seen = async (isolation: "read committed" | "repeatable read"): Promise<readonly unknown[]> => {
    const tx = await persistence.beginTransaction({ isolation });
    const before = (await tx.getWorkflowInstance(id))?.data;
    await other.updateWorkflowInstance({ id, data: Number(before) + 1 });
    const afterwards = (await tx.getWorkflowInstance(id))?.data;
    await tx.rollback();
    return [before, afterwards];
  };
  assert.deepEqual(await seen("read committed"), [1, 2]);
  assert.deepEqual(await seen("repeatable read"), [2, 2]);
  await other.close();
});

test("a transaction that the database gave up is a conflict, and runs again only where that is asked for", async () => {
  const { id } = await persistence.createWorkflowInstance({ ...order, data: 1 });
  let runs = 0;
  const contended = (attempts: number): Promise<unknown> =>
    persistence.executeTransaction(
      async (tx) => {
        runs += 1;
        const read = await tx.getWorkflowInstance(id);
        if (runs === 1)
          await client.query(`update ${persistence.store.tables.instance} set revision = revision + 1 where id = $1`, [
            id,
          ]);
        await tx.updateWorkflowInstance({ id, data: Number(read?.data) + 1 });
      },
      { isolation: "serializable", attempts },
    );
  await assert.rejects(contended(1), (error) => error instanceof WorkflowError && error.errorClass === "conflict");
  assert.equal(runs, 1);
  runs = 0;
  await contended(3);
  assert.deepEqual([runs, (await persistence.getWorkflowInstance(id))?.data], [2, 2]);
});

test("a transaction whose connection is lost stores nothing, and says so", async () => {
  const tx = await persistence.beginTransaction();
  const { id } = await tx.createWorkflowInstance(order);
  const { rows } = await tx.query("select pg_backend_pid() as pid");
  const [{ pid }] = rows as [{ readonly pid: number }];
  await client.query("select pg_terminate_backend($1)", [pid]);
  await assert.rejects(tx.commit(), (error) => error instanceof WorkflowError && error.shouldRetry());
  await assert.rejects(tx.getWorkflowInstance(id), { code: "TRANSACTION_OVER" });
  assert.equal(await persistence.getWorkflowInstance(id), null);
});

/** Records on a database whose answers are lost where a test says so. */
class FaultyProvider extends RecordProvider {
  readonly database: FaultyDatabase;
  readonly store: SqlEngineStore;
  protected readonly backend: SqlRecordBackend;
  protected readonly statistics: SqlStatistics;
  protected readonly env = systemEnvironment();

  constructor(url: string) {
    super();
    this.database = new FaultyDatabase(new PostgresDatabase({ url }, this.env));
    this.store = new SqlEngineStore(this.database, this.env);
    this.backend = new SqlRecordBackend(this.database, this.store, this.env);
    this.statistics = new SqlStatistics(this.database, this.store.tables, this.env);
  }

  override initialize(): Promise<void> {
    return this.store.initialize();
  }

  override close(): Promise<void> {
    return this.store.close();
  }
}

test("a write whose answer was lost is not sent again: the caller is told that nothing is known of it", async () => {
  const faulty = new FaultyProvider(database.url);
  await faulty.initialize();
  const isUnknown = (error: unknown): boolean => error instanceof WorkflowError && error.shouldRetry();
  const { id, revision } = await faulty.createWorkflowInstance(order);
  faulty.database.failNext("record-instance-update", "after");
  await assert.rejects(faulty.updateWorkflowInstance({ id, description: "x" }), isUnknown);
  assert.equal((await faulty.getWorkflowInstance(id))?.revision, revision + 1);
  faulty.database.failNext("record-instance-read", "after");
  assert.equal((await faulty.getWorkflowInstance(id))?.id, id, "a read is simply repeated");
  let lost = "";
  faulty.database.failNext("commit", "after");
  const worked = faulty.executeTransaction(
    async (tx) => {
      lost = (await tx.createWorkflowInstance(order)).id;
    },
    { attempts: 10 },
  );
  await assert.rejects(worked, isUnknown);
  assert.ok((await faulty.getWorkflowInstance(lost)) !== null);
  await faulty.close();
});

test("a store that does not answer is not healthy, and says why", async () => {
  const closed = new PostgresPersistenceProvider(database.url);
  const { isHealthy, problem, time, store } = await closed.healthCheck();
  assert.deepEqual([isHealthy, time, store], [false, null, "postgres"]);
  assert.match(problem ?? "", /not open/);
});

test("a listing reads along the index of births, from its beginning and from any place", async () => {
  const { tables } = persistence.store;
  await client.query(`insert into ${tables.instance} (bucket, id, created_at, turned_at, version, definition, frontier)
    select 0, gen_random_uuid(), timestamptz '2020-01-01' + n * interval '1 second', now(), 1, 'many', '{}'
    from generate_series(1, 20000) n`);
  await client.query(`analyze ${tables.instance}`);
  const after = { at: `${Date.UTC(2020, 0, 1, 2) * 1000}`, key: "00000000-0000-0000-0000-000000000000" };
  for (const place of [null, after]) {
    const { text, values } = listInstances(tables, {}, { limit: 50, offset: 0, after: place });
    const { rows } = await client.query<{ "QUERY PLAN": string }>(`explain (analyze, costs off, timing off) ${text}`, [
      ...values,
    ]);
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    assert.match(plan, /Index Scan Backward using instance_created/);
    const read = Number(/instance_created[^\n]*\(actual rows=(\d+)/.exec(plan)?.[1]);
    assert.ok(read < 1_000, plan);
  }
});

test("the whole schema can be vacuumed", async () => {
  await persistence.optimize({ vacuum: true });
});

const oneSession = { PGlite: PglitePersistenceProvider, memory: MemoryPersistenceProvider };
for (const [name, Provider] of Object.entries(oneSession))
  test(`a transaction that takes too long on the one session of ${name} is rolled back, and the store goes on`, async () => {
    const embedded = new Provider({ transactionMs: 100 });
    await embedded.initialize();
    let id = "";
    const env = systemEnvironment();
    const worked = embedded.executeTransaction(async (tx) => {
      id = (await tx.createWorkflowInstance(order)).id;
      await env.sleep(400);
      await tx.createWorkflowInstance(order);
    });
    await assert.rejects(worked, { code: "TRANSACTION_TOO_LONG" });
    assert.equal(await embedded.getWorkflowInstance(id), null);
    await embedded.close();
  });
