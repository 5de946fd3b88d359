import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { claimDue, claimInstance, disownStrays } from "../../src/persistence/postgres/claim-statements.ts";
import { commitTransitions } from "../../src/persistence/postgres/commit-statement.ts";
import {
  deliverEvents,
  lookForEvents,
  startTriggered,
  undeliveredEvents,
  unlookedSubscriptions,
} from "../../src/persistence/postgres/event-statements.ts";
import { lookAtInstances, readInbox, requestInstance } from "../../src/persistence/postgres/instance-statements.ts";
import { releaseOwned } from "../../src/persistence/postgres/node-statements.ts";
import { plannerHints } from "../../src/persistence/postgres/settings.ts";
import { startInstances } from "../../src/persistence/postgres/start-statement.ts";
import type { SqlEngineStore } from "../../src/persistence/postgres/store.ts";
import type { Statement } from "../../src/persistence/database.ts";
import {
  allBuckets,
  buckets,
  definitionName,
  eventRow,
  liveNode,
  pointer,
  sorted,
  startRow,
  subscriptionOf,
  transition,
  waiting,
  world,
} from "./store.ts";

const w = world();

/** Index and table of each scan in a plan, and whether it hashes or merges tables. */
interface Scan {
  readonly node: string;
  readonly table: string;
  readonly index: string;
  readonly condition: string;
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Index Cond"?: string;
  readonly Plans?: readonly PlanNode[];
}

const scansOf = (plan: PlanNode): readonly Scan[] => {
  const { "Relation Name": table, "Node Type": node, Plans: inner = [] } = plan;
  const bitmap = inner.find((child) => child["Node Type"] === "Bitmap Index Scan");
  const { "Index Name": index = "", "Index Cond": condition = "" } = bitmap ?? plan;
  const own = table === undefined || node === "ModifyTable" ? [] : [{ node, table, index, condition }];
  return [...own, ...inner.flatMap(scansOf)];
};

async function explain(client: pg.Client, statement: Statement): Promise<readonly Scan[]> {
  const values = statement.values
    .map((value) => (value === null ? "null" : pg.escapeLiteral(`${value as string | number}`)))
    .join(", ");
  const { rows } = await client.query<{ "QUERY PLAN": readonly { Plan: PlanNode }[] }>(
    `explain (format json) execute "${statement.name}"(${values})`,
  );
  const [root] = rows[0]?.["QUERY PLAN"] ?? [];
  assert.ok(root !== undefined);
  return scansOf(root.Plan);
}

interface Case {
  readonly name: string;
  readonly statement: Statement;
  /** The only ways in which tables may be read. */
  readonly through: Readonly<Record<string, readonly string[]>>;
}

/** One statement of each hot kind, for instances that need not exist. */
function hotStatements(store: SqlEngineStore, node: string): readonly Case[] {
  const t = store.tables;
  const rows = sorted(Array.from({ length: 3 }, () => startRow()));
  const [row] = rows;
  assert.ok(row !== undefined);
  const commit = commitTransitions(t);
  const byKey = { instance: ["instance_pkey"], node: ["node_pkey", ""] };
  const delivery = {
    ...byKey,
    event: ["event_pkey", "event_since", "event_of_topic", "event_unlooked"],
    subscription: ["subscription_pkey", "subscription_unlooked"],
    inbox: ["inbox_pkey"],
    trigger: ["trigger_event"],
  };
  return [
    { name: "start", statement: startInstances(t)(node, rows), through: byKey },
    { name: "start of one", statement: startInstances(t)(node, [row]), through: byKey },
    { name: "commit", statement: commit(rows.map((ref) => transition(ref, node))), through: byKey },
    { name: "commit of one", statement: commit([transition(row, node, { pointers: [pointer("a")] })]), through: byKey },
    {
      name: "wide commit",
      statement: commit(
        rows.map((ref) => waiting(ref, node, ["paid", "k"], { prune: [{ block: "a#1", keep: "stacked" }] })),
      ),
      through: {
        ...byKey,
        pointer: ["pointer_pkey"],
        subscription: ["subscription_pkey"],
        inbox: ["inbox_pkey", "inbox_open"],
      },
    },
    {
      name: "claim",
      statement: claimDue(t, { owner: node, buckets: allBuckets, definitions: [definitionName], limit: 10 }),
      through: { ...byKey, instance: ["instance_pkey", "instance_due"] },
    },
    {
      name: "release",
      statement: releaseOwned(t, buckets, 100),
      through: { ...byKey, instance: ["instance_pkey", "instance_open"] },
    },
    {
      name: "disown",
      statement: disownStrays(t, buckets, node, []),
      through: { ...byKey, instance: ["instance_pkey", "instance_open"] },
    },
    { name: "claim of one", statement: claimInstance(t, node, row), through: byKey },
    { name: "look", statement: lookAtInstances(t, rows), through: byKey },
    { name: "inbox", statement: readInbox(t, rows), through: { ...byKey, inbox: ["inbox_pkey", "inbox_open"] } },
    {
      name: "request",
      statement: requestInstance(t, row, { requestId: "r", kind: "suspend", payload: null }),
      through: { ...byKey, inbox: ["inbox_pkey"] },
    },
    { name: "deliver", statement: deliverEvents(t, [eventRow("paid", "k")]), through: delivery },
    {
      name: "start for events",
      statement: startTriggered(t, [{ ...row, event: eventRow("paid", "k") }], '{"format":1,"pointers":{}}'),
      through: { ...byKey, event: ["event_pkey", "event_unlooked"], inbox: ["inbox_pkey"] },
    },
    { name: "look for events", statement: lookForEvents(t, [subscriptionOf(row, "paid", "k")]), through: delivery },
    { name: "undelivered", statement: undeliveredEvents(t, 0, 100), through: { event: ["event_unlooked"] } },
    {
      name: "unlooked",
      statement: unlookedSubscriptions(t, 0, 100),
      through: { subscription: ["subscription_unlooked"] },
    },
  ];
}

/** Instances, pointers, events and subscriptions, without statistics. */
async function grow(store: SqlEngineStore, node: string, count: number): Promise<void> {
  const t = store.tables;
  await w.client.query(
    `with i as (insert into ${t.instance} (bucket, id, owner, epoch, created_at, turned_at, version, definition, frontier)
       select n % 64, gen_random_uuid(), case when n % 5 > 0 then $1::uuid end, 1, now(), now(), 1, 'order', '{}' from generate_series(1, $2::int) n
       returning bucket, id),
     p as (insert into ${t.pointer} (bucket, instance, path, seq, attempts, status, took_ms, ended_at) select bucket, id, 'a', 1, 1, 1, 0, now() from i),
     x as (insert into ${t.inbox} (bucket, instance, source, seq, created_at, kind) select bucket, id, 'r', 1, now(), 'suspend' from i),
     s as (insert into ${t.subscription} (bucket, topic, instance, path, instance_bucket, since, created_at, name)
       select bucket, gen_random_uuid(), id, 'a', bucket, now(), now(), 'e' from i)
     insert into ${t.event} (bucket, id, topic, published_at, name) select bucket, gen_random_uuid(), gen_random_uuid(), now(), 'e' from i`,
    [node, count],
  );
}

/** Plans every hot statement while the tables are as they are, then lets them grow, and looks how the kept plans would run. */
async function checkPlans(rowsBefore: number): Promise<void> {
  const store = await w.store();
  const node = await liveNode(store);
  if (rowsBefore > 0) await grow(store, node, rowsBefore);
  if (rowsBefore > 0)
    for (const table of Object.values(store.tables).slice(4, 11)) await w.client.query(`analyze ${table}`);
  const client = new pg.Client({ connectionString: w.url, options: plannerHints });
  await client.connect();
  try {
    await checkCases(client, store, node);
  } finally {
    await client.end();
  }
}

async function checkCases(client: pg.Client, store: SqlEngineStore, node: string): Promise<void> {
  const cases = hotStatements(store, node);
  for (const { statement } of cases) {
    for (let time = 0; time < 6; time += 1) await client.query({ ...statement, values: [...statement.values] });
  }
  await grow(store, node, 20_000);
  for (const { name, statement, through } of cases) {
    for (const scan of await explain(client, statement)) {
      const allowed = through[scan.table] ?? [];
      assert.ok(allowed.includes(scan.index), `${name} reads ${scan.table} by ${scan.node} ${scan.index}`);
      assert.ok(scan.table === "node" || scan.condition !== "", `${name} reads all of ${scan.table} by ${scan.index}`);
      if (scan.index === "pointer_pkey")
        assert.match(scan.condition, /bucket.* = .*instance.* = .*path.* [=<>] /, name);
      if (scan.index === "event_of_topic")
        assert.match(scan.condition, /topic.* = .*number.* [=<>] /, `${name}: ${scan.condition}`);
      if (scan.index === "event_since")
        assert.match(scan.condition, /topic.* = .*published_at.* >= /, `${name}: ${scan.condition}`);
      if (scan.index === "instance_pkey") assert.match(scan.condition, /bucket.* = .*id.* = /, name);
    }
  }
}

test("plans that were made on empty tables read by key when the tables have grown", () => checkPlans(0));

test("plans that were made on tiny, analyzed tables read by key when the tables have grown", () => checkPlans(50));

test("plans that were made on tables that the server takes for empty read by key when they have grown", () =>
  checkPlans(1));

test("a batch on 20,000 rows costs no pass over the table, on the store's own sessions that planned it when it was empty", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const [row] = sorted([startRow()]);
  assert.ok(row !== undefined);
  await store.instances.start(node, [row]);
  for (let revision = 0; revision < 6; revision += 1)
    await store.instances.commit([transition(row, node, { revision })]);
  await grow(store, node, 20_000);
  const scanned = async (): Promise<number> => {
    const { rows } = await w.client.query<{ n: number }>(
      "select (seq_tup_read)::float8 as n from pg_stat_user_tables where relid = $1::regclass",
      [store.tables.instance],
    );
    return rows[0]?.n ?? -1;
  };
  const refs = (
    await w.client.query<{ bucket: number; id: string }>(
      `select bucket, id from ${store.tables.instance} where owner is not null and bucket % 2 = 0 and revision = 0 order by bucket, id limit 500`,
    )
  ).rows;
  const before = await scanned();
  const { refused } = await store.instances.commit(refs.map((ref) => transition(ref, node)));
  assert.deepEqual(refused, []);
  await store.close(); // hands the statistics in
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(
    (await scanned()) - before < 100_000,
    "this client's own look for refs reads the table once or twice, a batch by table 500 times",
  );
});
