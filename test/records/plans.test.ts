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
  insertEvents,
  insertSubscriptions,
  markProcessed,
  readEvent,
} from "../../src/persistence/postgres/records/event-statements.ts";
import { insertHistory } from "../../src/persistence/postgres/records/history-statements.ts";
import {
  deleteInstances,
  insertInstances,
  listInstances,
  lockInstances,
  readInstance,
  runnableInstances,
  updateInstances,
} from "../../src/persistence/postgres/records/instance-statements.ts";
import { insertPointers, updatePointers } from "../../src/persistence/postgres/records/pointer-statements.ts";
import { plannerHints } from "../../src/persistence/postgres/settings.ts";
import type { Tables } from "../../src/persistence/postgres/tables.ts";
import { type FreshDatabase, freshDatabase } from "../support/database.ts";

let database: FreshDatabase;
let client: pg.Client;
let persistence: PostgresPersistenceProvider;

before(async () => {
  database = await freshDatabase();
  persistence = new PostgresPersistenceProvider(database.url);
  await persistence.initialize();
  client = new pg.Client({ connectionString: database.url, options: plannerHints }); // as the one session of PGlite
  await client.connect();
});
after(async () => {
  await client.end();
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
    insertEvents(t, 64, [{ ...event, bucket: 0, topic }]),
    readEvent(t, 64, event.id),
    markProcessed(t, 64, event.id),
    insertSubscriptions(t, [wait]),
    insertHistory(t, [{ ...entry, bucket: 0 }]),
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

test("plans of record-level writes that were made on empty tables read by whole keys when the tables have grown", async () => {
  const { tables: t } = persistence.store;
  const all = statements(t);
  for (const statement of all) {
    await client.query("begin");
    for (let time = 0; time < 6; time += 1) await client.query({ ...statement, values: [...statement.values] });
    await client.query("rollback");
  }
  await client.query(
    `with i as (insert into ${t.instance} (bucket, id, created_at, turned_at, version, definition, frontier)
       select n % 64, gen_random_uuid(), now(), now(), 1, 'order', '{}' from generate_series(1, 5000) n returning bucket, id)
     insert into ${t.pointer} (bucket, instance, path, seq, attempts, status, took_ms, ended_at)
     select bucket, id, 'a' || n, 1, 1, 1, 0, now() from i cross join generate_series(1, 4) n`,
  );
  for (const { name, values } of all) {
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
      if (index === "pointer_pkey" && name.startsWith("record-pointer"))
        assert.match(node["Index Cond"] ?? "", /path.* = /, `${name} reads all pointers of its instance`);
    }
  }
});

/** Indexes by which pages are read, with filters whose runs are rare. */
const pages: readonly (readonly [string, CheckedInstanceFilter])[] = [
  ["instance_reference", { reference: "order 7" }],
  ["instance_correlation", { correlationId: "c 7" }],
  ["instance_tags", { tags: '{"order":"7"}' }],
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
