import assert from "node:assert/strict";
import { test } from "node:test";
import { createHost, defineWorkflow, type Flow } from "../../src/index.ts";
import { PglitePersistenceProvider } from "../../src/persistence/pglite/provider.ts";
import { commit, liveNode, startMany, view } from "../stores/world.ts";
import { directories } from "./directories.ts";

const at = directories();

test("instances outlive their process, and its nodes can be declared dead at once, since nobody else can be there", async () => {
  const directory = at.started();
  const first = new PglitePersistenceProvider({ directory });
  await first.initialize();
  const node = await liveNode(first.store);
  const rows = await startMany(first.store, node, 3);
  for (const row of rows) assert.ok(await commit(first.store, row, node));
  await first.close();

  const second = new PglitePersistenceProvider({ directory });
  await second.initialize();
  const { store } = second;
  assert.deepEqual([store.name, store.alone, store.wakes, store.lanes], ["pglite", true, null, 2]);
  assert.equal(await store.nodes.declareDead(node, 0, 0), true);
  assert.equal(await store.nodes.release(10), 3);
  for (const row of rows)
    assert.deepEqual([(await view(store, row)).revision, (await view(store, row)).owner], [1, null]);
  await second.close();
});

test("a provider may be closed twice, and closed before it was opened", async () => {
  const provider = new PglitePersistenceProvider({ directory: at.started() });
  await provider.close();
  await provider.initialize();
  await provider.close();
  await provider.close();
});

test("a provider whose initialize fails leaves the directory to others", async () => {
  const directory = at.empty();
  const checking = new PglitePersistenceProvider({ directory, migrate: "check" });
  await assert.rejects(checking.initialize(), { code: "SCHEMA_OUTDATED" });
  const other = new PglitePersistenceProvider({ directory });
  await other.initialize();
  await other.close();
  await checking.initialize(); // it is no worse for having failed
  await checking.close();
});

test("two hosts at once on one embedded store are refused, one after the other are not", async () => {
  const persistence = new PglitePersistenceProvider({});
  const workflow = defineWorkflow({ id: "alone", version: 1 }, (flow: Flow<object>) => flow.run("a", () => 1));
  const first = createHost({ workflows: [workflow], persistence });
  const second = createHost({ workflows: [workflow], persistence });
  await first.start();
  await assert.rejects(second.start(), /cannot use an embedded store that a running host uses/);
  await first.stop();
  await second.start();
  await second.stop();
});

test("of two hosts that start at once on one embedded store, one runs, and the other is refused until it has stopped", async () => {
  const persistence = new PglitePersistenceProvider({});
  const workflow = defineWorkflow({ id: "alone", version: 1 }, (flow: Flow<object>) => flow.run("a", () => 1));
  const hosts = [1, 2].map(() => createHost({ workflows: [workflow], persistence }));
  const starts = await Promise.allSettled(hosts.map((host) => host.start()));
  const [refused, ...others] = starts.flatMap((start) => (start.status === "rejected" ? [start] : []));
  assert.match(String(refused?.reason), /cannot use an embedded store that a running host uses/);
  assert.equal(others.length, 0);
  const isRunning = starts.map(({ status }) => status === "fulfilled");
  const [running, waiting] = isRunning[0] ? hosts : hosts.toReversed();
  await (await running?.startWorkflow(workflow, {}))?.result();
  await running?.stop();
  await waiting?.start();
  await waiting?.stop();
});
