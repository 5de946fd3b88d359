import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import pg from "pg";
import {
  checkInstanceChange,
  checkNewInstance,
  type CheckedInstanceFilter,
} from "../../src/models/records/workflow-instance-data.ts";
import { checkPointer } from "../../src/models/records/execution-pointer-data.ts";
import { checkHistoryEntry } from "../../src/models/records/execution-history-entry.ts";
import { checkNewEvent } from "../../src/models/records/event.ts";
import { topicOf } from "../../src/models/identity.ts";
import type { Statement } from "../../src/persistence/database.ts";
import { PostgresPersistenceProvider } from "../../src/persistence/postgres/provider.ts";
import {
  deleteSubscription,
  insertEvents,
  insertSubscriptions,
  markProcessed,
  readEvent,
} from "../../src/persistence/postgres/records/event-statements.ts";
import { insertHistory, resolveError } from "../../src/persistence/postgres/records/history-statements.ts";
import {
  deleteInstances,
  insertInstances,
  listInstances,
  lockInstances,
  readInstance,
  runnableInstances,
  updateInstances,
} from "../../src/persistence/postgres/records/instance-statements.ts";
import {
  insertPointers,
  readFrontier,
  startedPointers,
  updatePointers,
} from "../../src/persistence/postgres/records/pointer-statements.ts";
import { plannerHints } from "../../src/persistence/postgres/settings.ts";
import type { Tables } from "../../src/persistence/postgres/tables.ts";
import { type FreshDatabase, freshDatabase } from "../support/database.ts";

let database: FreshDatabase;
let persistence: PostgresPersistenceProvider;

before(async () => {
  database = await freshDatabase();
  persistence = new PostgresPersistenceProvider(database.url);
  await persistence.initialize();
});
after(async () => {
  await persistence.close();
  await database.drop();
});

/** Every statement of a record-level write, for rows that need not exist. */
function statements(t: Tables): readonly Statement[] {
  const ref = { bucket: 0, id: randomUUID() };
  const made = checkNewInstance({ workflowDefinitionId: "order", id: ref.id }, "instance", randomUUID);
  const change = checkInstanceChange({ id: ref.id, status: "Complete" }, "change");
  const pointers = [checkPointer({ path: "a" }, "pointer"), checkPointer({ path: "b" }, "pointer")];
  const entry = checkHistoryEntry({ workflowId: ref.id, type: "note" }, "entry", randomUUID);
  const event = checkNewEvent({ eventName: "paid", id: randomUUID() }, "event", randomUUID);
  const topic = topicOf("paid", null);
  const wait = {
    bucket: 0,
    topic,
    instance: ref.id,
    instanceBucket: 0,
    path: "a",
    name: "paid",
    key: null,
    since: null,
  };
  return [
    insertInstances(t, [{ ...made, bucket: 0 }]),
    updateInstances(t, [{ ...change, bucket: 0 }]),
    readInstance(t, ref),
    runnableInstances(t, 64, 10),
    lockInstances(t, [ref]),
    deleteInstances(t, [ref]),
    insertPointers(t, ref, pointers),
    updatePointers(t, ref, pointers),
    readFrontier(t, ref),
    startedPointers(t, ref),
    insertEvents(t, 64, [{ ...event, bucket: 0, topic }]),
    readEvent(t, 64, event.id),
    markProcessed(t, 64, event.id),
    insertSubscriptions(t, [wait]),
    deleteSubscription(t, wait),
    insertHistory(t, [{ ...entry, bucket: 0 }]),
    resolveError(t, 0, { instance: ref.id, path: "a" }),
    resolveError(t, 0, { instance: ref.id, revision: "1", n: 0 }),
  ];
}

/** What must stand in the condition by which an index is read. */
const whole: Readonly<Record<string, RegExp>> = {
  instance_pkey: /bucket.* = .*id.* = /,
  instance_due: /bucket.* = .*due_at <= /,
  pointer_pkey: /instance.* = /,
  event_pkey: /bucket.* = .*id.* = /,
  subscription_pkey: /topic.* = .*instance.* = .*path.* = /,
  subscription_instance: / = /,
  history_pkey: /instance.* = /,
  inbox_pkey: /instance.* = /,
  inbox_open: /instance.* = /,
};

interface PlanNode {
  readonly "Node Type": string;
  readonly "Index Name"?: string;
  readonly "Index Cond"?: string;
  readonly Plans?: readonly PlanNode[];
}

const nodesOf = (plan: PlanNode): readonly PlanNode[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

const tablesOf = (t: Tables): readonly string[] => [t.instance, t.pointer, t.history, t.inbox, t.event, t.subscription];

/** Instances and one row of each kind that hangs on them, four pointers, without statistics. */
const grow = (client: pg.Client, t: Tables, count: number): Promise<unknown> =>
  client.query(
    `with i as (insert into ${t.instance} (bucket, id, created_at, turned_at, version, definition, frontier)
       select n % 64, gen_random_uuid(), now(), now(), 1, 'order', '{}' from generate_series(1, $1::int) n returning bucket, id),
     h as (insert into ${t.history} (bucket, instance, revision, n, at, kind) select bucket, id, 1, 0, now(), 'note' from i),
     x as (insert into ${t.inbox} (bucket, instance, source, seq, created_at, kind) select bucket, id, 'r', 1, now(), 'suspend' from i),
     e as (insert into ${t.event} (bucket, id, topic, published_at, name) select bucket, gen_random_uuid(), gen_random_uuid(), now(), 'e' from i),
     s as (insert into ${t.subscription} (bucket, topic, instance, path, instance_bucket, since, created_at, name)
       select bucket, gen_random_uuid(), id, 'a', bucket, now(), now(), 'e' from i)
     insert into ${t.pointer} (bucket, instance, path, seq, attempts, status, took_ms, ended_at)
     select bucket, id, 'a' || n, 1, 1, 1, 0, now() from i cross join generate_series(1, 4) n`,
    [count],
  );

const lookAt = async (client: pg.Client, t: Tables): Promise<void> => {
  for (const table of tablesOf(t)) await client.query(`vacuum analyze ${table}`);
};

/** One session, with the hints (as PGlite's only one) or without (as those of the general pool), and a schema of its own. */
async function onSession(options: string, work: (client: pg.Client, t: Tables) => Promise<void>): Promise<void> {
  const schema = `s${randomUUID().replaceAll("-", "")}`;
  const provider = new PostgresPersistenceProvider({ url: database.url, schema });
  await provider.initialize();
  await provider.close();
  const client = new pg.Client({ connectionString: database.url, options });
  await client.connect();
  try {
    await work(client, provider.store.tables);
  } finally {
    await client.end();
  }
}

/** Each so often that its plan is kept; nothing stays of it. */
async function planAll(client: pg.Client, all: readonly Statement[]): Promise<void> {
  for (const statement of all) {
    await client.query("begin");
    for (let time = 0; time < 6; time += 1) await client.query({ ...statement, values: [...statement.values] });
    await client.query("rollback");
  }
}

async function checkPlan(client: pg.Client, { name, values }: Statement): Promise<void> {
  const given = values.map((value) => (value === null ? "null" : pg.escapeLiteral(`${value as string | number}`)));
  const { rows } = await client.query<{ "QUERY PLAN": readonly { Plan: PlanNode }[] }>(
    `explain (format json) execute "${name}"(${given.join(", ")})`,
  );
  const [root] = rows[0]?.["QUERY PLAN"] ?? [];
  assert.ok(root !== undefined);
  for (const node of nodesOf(root.Plan)) {
    if (node["Index Name"] === undefined && node["Node Type"] !== "Seq Scan") continue;
    const index = node["Index Name"] ?? "";
    assert.match(node["Index Cond"] ?? "", whole[index] ?? /never/, `${name}: ${node["Node Type"]} ${index}`);
    if (index === "pointer_pkey" && /^record-pointer-(in|up)/.test(name))
      assert.match(node["Index Cond"] ?? "", /path.* = /, `${name} reads all pointers of its instance`);
  }
}

/** Plans all while the tables are as they are, then lets them grow, and looks how what was kept would run. */
async function checkPlans(client: pg.Client, t: Tables): Promise<void> {
  const all = statements(t);
  await planAll(client, all);
  await grow(client, t, 5_000);
  for (const statement of all) await checkPlan(client, statement);
}

const sessions = { "with planner hints": plannerHints, "without planner hints": "" };

for (const [kind, options] of Object.entries(sessions))
  test(`plans of record-level writes that were made on tables never analyzed read by whole keys when those have grown, ${kind}`, () =>
    onSession(options, checkPlans));

test("plans of record-level writes that were made on tables vacuumed while empty read by whole keys when those have grown", () =>
  onSession(plannerHints, async (client, t) => {
    await lookAt(client, t);
    await checkPlans(client, t);
  }));

test("plans of record-level writes that were made on tables that the server takes for empty read by whole keys when those have grown", () =>
  onSession(plannerHints, async (client, t) => {
    await grow(client, t, 1);
    await lookAt(client, t);
    await checkPlans(client, t);
  }));

// Without hints a table of one page is read whole, even by one full key: nothing in a statement keeps the server from that. Its
// autovacuum looks at tables that grow within a minute, and that ends such a plan.
test("without planner hints, plans of record-level writes that were made on one page are given up when the server has looked again", () =>
  onSession("", async (client, t) => {
    await grow(client, t, 1);
    await lookAt(client, t);
    const all = statements(t);
    await planAll(client, all);
    await grow(client, t, 5_000);
    await lookAt(client, t);
    for (const statement of all) await checkPlan(client, statement);
  }));

/** Indexes by which pages are read, with filters whose runs are rare. */
const pages: readonly (readonly [string, CheckedInstanceFilter])[] = [
  ["instance_reference", { reference: "order 7" }],
  ["instance_correlation", { correlationId: "c 7" }],
  ["instance_tags", { tags: '{"order":"7"}' }],
  ["instance_open", { owner: randomUUID() }],
  ["instance_failed", { definition: "order", statuses: ["Failed"] }],
];

test("pages of what is rare among very many instances are read by an index, whatever it is rare by", async () => {
  const { tables: t } = persistence.store;
  const plain = new pg.Client({ connectionString: database.url });
  await plain.connect();
  await plain.query("begin");
  await plain.query(
    `insert into ${t.instance} (bucket, id, created_at, turned_at, completed_at, version, definition, status, frontier, reference, correlation_id, tags)
     select n % 64, gen_random_uuid(), now() + n * interval '1 s', now(), now(), 1, 'order', case when n % 5000 = 0 then 4 else 2 end, '{}',
       'order ' || n, 'c ' || n, jsonb_build_object('order', n::text, 'team', 'blue') from generate_series(1, 20000) n`,
  );
  await plain.query(`analyze ${t.instance}`);
  for (const [index, filter] of pages) {
    const { text, values } = listInstances(t, filter, { limit: 50, offset: 0, after: null });
    const { rows } = await plain.query<{ "QUERY PLAN": readonly { Plan: PlanNode }[] }>(
      `explain (format json) ${text}`,
      [...values],
    );
    const [root] = rows[0]?.["QUERY PLAN"] ?? [];
    assert.ok(root !== undefined);
    const used = nodesOf(root.Plan).flatMap((node) => node["Index Name"] ?? []);
    assert.deepEqual(used, [index]);
  }
  await plain.query("rollback");
  await plain.end();
});
