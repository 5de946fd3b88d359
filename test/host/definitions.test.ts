import assert from "node:assert/strict";
import { test } from "node:test";
import { createHost, DefinitionChangedError, defineWorkflow, type Flow } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { Incumbents } from "../../src/host/incumbents.ts";
import { systemEnvironment } from "../../src/models/environment.ts";
import type { EngineStore } from "../../src/persistence/provider.ts";
import { liveNode } from "../stores/world.ts";
import { eventually } from "../support/clocked-stores.ts";
import { freshDatabase } from "../support/database.ts";
import { hostOn } from "../support/mortal.ts";
import { over } from "../support/over.ts";

const first = defineWorkflow({ id: "changing", version: 1 }, (flow: Flow<{ readonly n: number }>) =>
  flow.delay("1 hour").run("end", ({ n }) => n),
);
const second = defineWorkflow({ id: "changing", version: 1 }, (flow: Flow<{ readonly n: number }>) =>
  flow.delay("2 hours").run("finish", ({ n }) => n),
);

test("a definition changed in place is refused while unfinished runs rely on it, and says what differs", async () => {
  const database = await freshDatabase();
  const hostOf = (workflow: typeof first, onChanged?: "accept") =>
    createHost({
      workflows: [workflow],
      persistence: new PostgresPersistenceProvider(database.url),
      ...(onChanged !== undefined && { onChanged }),
    });
  const host = hostOf(first);
  await host.start();
  const run = await host.startWorkflow(first, { n: 1 });
  await host.stop();

  await assert.rejects(hostOf(second).start(), (error: unknown) => {
    assert.ok(error instanceof DefinitionChangedError);
    assert.match(error.difference, /step "delay" was .*3600000.* and is .*7200000/);
    assert.match(error.difference, /step "finish" is new/);
    assert.match(error.difference, /step "end" is gone/);
    return true;
  });

  const accepting = hostOf(second, "accept");
  await accepting.start();
  assert.equal(await accepting.getRun(run.id).terminate(), true);
  await assert.rejects(accepting.getRun(run.id).result(), { code: "WORKFLOW_TERMINATED" });
  await accepting.stop();

  const free = hostOf(first);
  await free.start(); // nothing unfinished relies on the other one
  await free.stop();
  await database.drop();
});

const timeout = 30_000;
const times = { beatMs: 100, staleMs: 600, deadMs: 1_000 };
const withTimes = { workflows: [second], times };
const memory = (): EngineStore => new MemoryPersistenceProvider().store;

/** A store that knows the first definition, of which no run is left. */
async function storeOfFirst(): Promise<EngineStore> {
  const store = memory();
  await (await hostOn(store, { workflows: [first] })).stop();
  return store;
}

/** Counts how often somebody looks which nodes there are. */
class Watched {
  looks = 0;
  readonly store: EngineStore;

  constructor(store: EngineStore) {
    const list: EngineStore["nodes"]["list"] = () => {
      this.looks += 1;
      return store.nodes.list();
    };
    this.store = over(store, { nodes: over(store.nodes, { list }) });
  }
}

test("a definition changed in place is refused while another process has the other one, and accepted when that has stopped", async () => {
  const store = memory();
  const host = await hostOn(store, { workflows: [first], label: "shop 1", times });
  await assert.rejects(hostOn(store, withTimes), (error: unknown) => {
    assert.ok(error instanceof DefinitionChangedError);
    assert.equal(error.process, "shop 1");
    assert.match(error.message, /differs from the one that a running process \("shop 1"\) still has: /);
    assert.match(error.message, /Stop that process first\. Or else: Register it as version 2 beside the old one/);
    assert.match(error.difference, /step "finish" is new/);
    return true;
  });
  await host.stop();
  await (await hostOn(store, withTimes)).stop();
});

test("what a process started until it stopped stands in the way of the changed definition", async () => {
  const store = memory();
  const host = await hostOn(store, { workflows: [first], times: { ...times, beatMs: 60_000, staleMs: 90_000 } });
  const watched = new Watched(store);
  const starting = hostOn(watched.store, {
    workflows: [second],
    times: { ...times, deadMs: 60_000 },
  });
  const refused = assert.rejects(
    starting,
    (error) => error instanceof DefinitionChangedError && error.process === undefined,
  );
  await eventually(() => watched.looks > 0, "the other host waits");
  await host.startWorkflow(first, { n: 1 });
  await host.stop();
  await refused;
});

test("a definition changed in place is accepted after a crash, once the node's beat has stood still for long enough", async () => {
  const store = await storeOfFirst();
  const dead = await liveNode(store, ["changing@1"]);
  const said: string[] = [];
  const nothing = (): void => undefined;
  const logger = { debug: nothing, info: (line: string) => said.push(line), warn: nothing, error: nothing };
  const began = performance.now();
  const host = await hostOn(store, { ...withTimes, logger });
  assert.ok(performance.now() - began >= times.deadMs);
  assert.equal(said.filter((line) => line.startsWith("A definition has changed")).length, 1);
  await eventually(
    async () => (await store.nodes.list()).some(({ id, state }) => id === dead && state === "dead"),
    "the new host finds it dead",
  );
  await host.stop();
});

test("a definition changed in place is accepted as soon as others have found its node dead", { timeout }, async () => {
  const store = await storeOfFirst();
  const dead = await liveNode(store, ["changing@1"]);
  const starting = hostOn(store, { workflows: [second], times: { ...times, deadMs: 60_000 } });
  assert.ok(await store.nodes.declareDead(dead, 0, 0));
  await (await starting).stop();
});

test("a definition changed in place is accepted beside a live process where the author says so, and beside one without it", async () => {
  const store = memory();
  const host = await hostOn(store, { workflows: [first], times });
  await (await hostOn(store, { ...withTimes, onChanged: "accept" })).stop();
  await host.stop();
  const other = defineWorkflow({ id: "other", version: 1 }, (flow: Flow<object>) => flow.delay("1 hour"));
  const neighbour = await hostOn(store, { workflows: [other], times });
  await (await hostOn(store, { workflows: [first], times })).stop();
  await neighbour.stop();
});

test("a host that is stopped while it waits for a node to be gone does not wait any longer", { timeout }, async () => {
  const store = await storeOfFirst();
  await liveNode(store, ["changing@1"]);
  const watched = new Watched(store);
  const persistence = { store: watched.store, initialize: async () => undefined, close: async () => undefined };
  const host = createHost({ workflows: [second], persistence, times: { ...times, deadMs: 60_000 } });
  const refused = assert.rejects(host.start(), { code: "DEFINITION_CHANGED" });
  await eventually(() => watched.looks > 1, "the host waits");
  await host.stop();
  await refused;
});

test("nodes that an embedded store remembers are not of this process's time", { timeout }, async () => {
  const store = over(await storeOfFirst(), { alone: true });
  await liveNode(store, ["changing@1"]);
  await (await hostOn(store, { workflows: [second], times: { ...times, deadMs: 60_000 } })).stop();
});

test("a time without the database is none in which a node's beat stood still", async () => {
  const store = memory();
  await liveNode(store, ["changing@1"]);
  let now = 0;
  let looks = 0;
  const env = systemEnvironment({
    monotonic: () => now,
    sleep: async () => {
      looks += 1;
      now += looks === 1 ? 60_000 : 250; // after the first look the database was away for a minute
    },
  });
  const incumbents = new Incumbents({ store, env, deadMs: 15_000, stop: new AbortController().signal });
  assert.equal(await incumbents.livingWith("changing@1"), undefined);
  assert.equal(looks, 1 + (15_000 - 500) / 250);
  assert.equal(await incumbents.livingWith("changing@1"), undefined); // of another definition of the same process, at once
  assert.equal(looks, 1 + (15_000 - 500) / 250);
});
