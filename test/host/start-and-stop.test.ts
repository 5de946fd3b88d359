import assert from "node:assert/strict";
import { test } from "node:test";
import { createHost, defineWorkflow, event, type Flow, HostStoppedError } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { PersistenceError } from "../../src/models/errors-storage.ts";
import type { EngineStore } from "../../src/persistence/provider.ts";
import { eventually, pause } from "../support/clocked-stores.ts";
import { freshDatabase, rowsOf } from "../support/database.ts";
import { hostOn } from "../support/mortal.ts";
import { over } from "../support/over.ts";

const timeout = 30_000;
const workflow = defineWorkflow({ id: "quick", version: 1 }, (flow: Flow<Readonly<Record<string, never>>>) =>
  flow.run("only", () => "ok").returns(() => "ok"),
);
const memory = (): EngineStore => new MemoryPersistenceProvider().store;

test(
  "a host that is stopped while it starts is stopped in the end, and its store closed after",
  { timeout },
  async () => {
    const store = memory();
    const calls: string[] = [];
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const persistence = {
      store,
      initialize: () => opened.then(() => void calls.push("opened")),
      close: async () => void calls.push("closed"),
    };
    const host = createHost({ workflows: [workflow], persistence });
    const starting = host.start();
    const stopping = host.stop();
    open();
    await Promise.all([starting, stopping]);
    await assert.rejects(host.startWorkflow(workflow, {}), HostStoppedError);
    assert.deepEqual(calls, ["opened", "closed"]);
    assert.deepEqual(
      (await store.nodes.list()).filter(({ state }) => state === "live"),
      [],
    );
  },
);

test("a host that is stopped while its start fails is stopped, and only who started it is told", async () => {
  const initialize = async (): Promise<void> => {
    throw new PersistenceError("gone", "permanent");
  };
  const host = createHost({
    workflows: [],
    persistence: { store: memory(), initialize, close: async () => undefined },
  });
  const starting = assert.rejects(host.start(), /gone/);
  await host.stop();
  await starting;
});

test("a start that fails leaves nothing behind that would keep the process", async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const store = memory();
  const register = async (): Promise<never> => {
    throw new PersistenceError("gone", "permanent");
  };
  const before = timers();
  const host = createHost({
    workflows: [workflow],
    persistence: {
      store: over(store, { nodes: over(store.nodes, { register }) }),
      initialize: async () => undefined,
      close: async () => undefined,
    },
  });
  await assert.rejects(host.start(), /gone/);
  assert.equal(timers(), before);
});

test("what is validated until after the host has stopped is refused as such", { timeout }, async () => {
  let validated = (): void => undefined;
  const asked = new Promise<void>((resolve) => (validated = resolve));
  const schema = {
    "~standard": { version: 1, vendor: "test", validate: (value: unknown) => asked.then(() => ({ value })) },
  } as const;
  const slow = defineWorkflow({ id: "slow", version: 1, data: schema }, (flow) => flow.run("only", () => 1));
  const told = event("told", schema);
  const closed = async (): Promise<never> => {
    throw new PersistenceError("The database is not open.", "transient");
  };
  const store = memory();
  const end = { start: store.instances.start.bind(store.instances), publish: store.events.publish.bind(store.events) };
  const host = createHost({
    workflows: [slow],
    persistence: {
      store,
      initialize: async () => undefined,
      close: async () =>
        void (Object.assign(store.instances, { start: closed }), Object.assign(store.events, { publish: closed })),
    },
  });
  await host.start();
  const late = [
    host.startWorkflow(slow, {}),
    host.startWorkflow(slow, {}, { key: "a" }),
    host.publishEvent(told, "k", {}),
    host.schedules.create({ id: "s", workflow: slow, data: {}, every: "1 hour" }),
  ];
  const outcomes = Promise.allSettled(late);
  await host.stop();
  validated();
  for (const outcome of await outcomes)
    assert.ok(
      outcome.status === "rejected" && outcome.reason instanceof HostStoppedError,
      String(Object.values(outcome)),
    );
  Object.assign(store.instances, end);
});

test(
  "a provider that several hosts share is closed by the last one, and they hear hints on one connection",
  { timeout },
  async (t) => {
    const database = await freshDatabase();
    t.after(() => database.drop());
    const persistence = new PostgresPersistenceProvider({ url: database.url, applicationName: "shared" });
    const hosts = [1, 2].map(() => createHost({ workflows: [workflow], persistence }));
    for (const host of hosts) await host.start();
    const connections = async (state: string): Promise<number> =>
      (await rowsOf(database.url, `select pid from pg_stat_activity where application_name = 'shared' and ${state}`))
        .length;
    assert.equal(await connections("query like 'listen%'"), 1);
    const [first, second] = hosts;
    await first?.stop();
    const run = await second?.startWorkflow(workflow, {});
    assert.equal(await run?.result(), "ok");
    await second?.stop();
    assert.equal(await connections("true"), 0);
  },
);

test("lanes are open, and know what batches need, before the first run comes", { timeout }, async (t) => {
  const database = await freshDatabase();
  t.after(() => database.drop());
  const persistence = new PostgresPersistenceProvider({ url: database.url, applicationName: "warm", lanes: 3 });
  const host = createHost({ workflows: [workflow], persistence });
  await host.start();
  t.after(() => host.stop());
  const committed = "application_name = 'warm' and state = 'idle' and query like 'with own as%'";
  const sessions = `select pid from pg_stat_activity where ${committed}`;
  await eventually(async () => (await rowsOf(database.url, sessions)).length === 3, "three lanes are ready");
});

test("nothing goes on of a node that was declared dead while it booted", { timeout }, async () => {
  const store = memory();
  let sweeps = 0;
  let isFirst = true;
  const unblock: EngineStore["instances"]["unblock"] = async (definitions, limit) => {
    if (isFirst) {
      isFirst = false;
      const node = (await store.nodes.list()).find(({ state }) => state === "live");
      assert.ok(node !== undefined && (await store.nodes.declareDead(node.id, node.beat, 0)));
      await eventually(async () => (await store.nodes.list()).length > 1, "it goes on as another");
    }
    return store.instances.unblock(definitions, limit);
  };
  const undelivered: EngineStore["events"]["undelivered"] = (olderMs, limit, after) => {
    sweeps += 1;
    return store.events.undelivered(olderMs, limit, after);
  };
  const view = over(store, {
    instances: over(store.instances, { unblock }),
    events: over(store.events, { undelivered }),
  });
  const times = { beatMs: 20, staleMs: 20_000, deadMs: 60_000 };
  const host = await hostOn(view, { workflows: [workflow], pollMs: 20, times });
  await eventually(() => sweeps > 2, "it sweeps");
  await host.stop();
  const before = sweeps;
  await pause(200);
  assert.equal(sweeps, before);
});
