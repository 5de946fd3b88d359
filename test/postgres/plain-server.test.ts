import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createHost, defineWorkflow, type Flow, transactionalStep, type WorkflowHost } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { claimDue } from "../../src/persistence/postgres/claim-statements.ts";
import { purgeEvents } from "../../src/persistence/postgres/event-statements.ts";
import { releaseOwned } from "../../src/persistence/postgres/node-statements.ts";
import { type Arena, arena, scaledTimes } from "../chaos/arena.ts";
import { differences, drive, type Everything, everything, remains } from "../chaos/everything.ts";
import { plainServer } from "../support/plain-server.ts";

const plain = arena();
const full = arena();
const hosts: WorkflowHost[] = [];
after(() => Promise.all(hosts.map((host) => host.stop())));

const open = (world: Arena, capabilities: Partial<typeof plainServer>): PostgresPersistenceProvider =>
  new PostgresPersistenceProvider({ url: world.url, capabilities });

async function plainHost(workflows: Parameters<typeof createHost>[0]["workflows"]): Promise<WorkflowHost> {
  const persistence = open(plain, plainServer);
  const host = createHost({ persistence, workflows, pollMs: 50, times: scaledTimes });
  hosts.push(host);
  await host.start();
  return host;
}

const conditions = (world: Arena): Promise<readonly object[]> =>
  world.rows("select indexname from pg_indexes where schemaname = 'workflow_core' and indexdef like '% WHERE %'");

test("a server that lacks a capability is not asked for it", async () => {
  const store = open(plain, plainServer).store;
  const { transactions: _, ...capabilities } = store.capabilities;
  assert.deepEqual([capabilities, store.wakes], [plainServer, null]);
  const claim = { owner: "", buckets: [], definitions: [], limit: 1 };
  const picking = (tables: typeof store.tables): readonly string[] =>
    [claimDue(tables, claim), releaseOwned(tables, 64, 1), purgeEvents(tables, 0, 1)].map(({ text }) => text);
  assert.ok(picking(store.tables).every((text) => !text.includes("skip locked")));
  assert.ok(picking(open(plain, {}).store.tables).every((text) => text.includes("skip locked")));
  const provider = open(plain, plainServer);
  await provider.initialize();
  assert.deepEqual(await conditions(plain), []);
  for (let time = 0; time < 3; time += 1) await provider.getWorkflowInstances();
  const { rows } = await provider.executeTransaction((tx) => tx.query("select name from pg_prepared_statements"));
  assert.deepEqual(rows, []);
  await provider.close();
});

test("everything a host does leaves the same on a server without capabilities as on one with all of them", async () => {
  const left = async (world: Arena, all: Everything, host: WorkflowHost): Promise<readonly string[]> => {
    await drive(world, all, (act) => act(host));
    await host.stop();
    return remains(world, all);
  };
  const [without, withAll] = [everything("plain"), everything("full")];
  const expected = await left(full, withAll, await full.host({ workflows: withAll.all, pollMs: 50 }));
  const actual = await left(plain, without, await plainHost(without.all));
  assert.ok((await conditions(full)).length > 0);
  assert.deepEqual(differences(actual, expected), []);
});

const parcel = defineWorkflow({ id: "parcel", version: 1 }, (flow: Flow<number>) =>
  flow.delay(50).then(
    transactionalStep("ship", async (_: unknown, { tx, instanceId }) => {
      await tx.query("insert into ledger (run, step) values ($1, 'ship')", [instanceId]);
    }),
  ),
);

test("nodes that claim side by side without passing each other by run every run, each once", async () => {
  const both = [await plainHost([parcel]), await plainHost([parcel])] as const;
  const items = Array.from({ length: 150 }, (_, n) => ({ data: n }));
  const started = await Promise.all(both.map((host) => host.startWorkflows(parcel, items)));
  const runs = started.flat().map((one) => (one.status === "started" ? one.run : assert.fail(String(one.error))));
  await Promise.all(runs.map((run) => run.result()));
  const [shipped] = await plain.rows<{ readonly rows: number; readonly runs: number }>(
    "select count(*)::int as rows, count(distinct run)::int as runs from ledger where step = 'ship'",
  );
  assert.deepEqual({ ...shipped }, { rows: 300, runs: 300 });
});
