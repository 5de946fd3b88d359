import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DatabaseUnreachableError,
  PersistenceError,
  PoolTooSmallError,
  UnsupportedDatabaseError,
} from "../../src/models/errors-storage.ts";
import { InvalidRequestError } from "../../src/models/errors.ts";
import { PostgresPersistenceProvider } from "../../src/persistence/postgres/provider.ts";
import { checkServer, type ServerFacts } from "../../src/persistence/postgres/server-check.ts";
import { eventually } from "../support/clocked-stores.ts";
import { goSilent, refuseOptions } from "./proxy.ts";
import { liveNode, pointer, startMany, startOne, startRow, transition, world } from "./store.ts";

const w = world();

const isTransient = (error: unknown): boolean => error instanceof PersistenceError && error.errorClass === "transient";

const terminate = async (applicationName: string): Promise<void> => {
  await w.client.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1", [
    applicationName,
  ]);
};

test("a pool that cannot hold the reserved connections is refused with the number that it takes", async () => {
  for (const [options, needed] of [
    [{ maxConnections: 7 }, 8],
    [{ maxConnections: 10, lanes: 5 }, 11],
  ] as const) {
    assert.throws(
      () => new PostgresPersistenceProvider({ url: w.url, ...options }),
      (error) =>
        error instanceof PoolTooSmallError &&
        error.needed === needed &&
        new RegExp(`\`maxConnections\`.* to ${needed} or more`).test(error.message),
    );
  }
  await w.client.query("create role narrow login superuser connection limit 4");
  try {
    const url = new URL(w.url);
    url.username = "narrow";
    await assert.rejects(new PostgresPersistenceProvider({ url: url.href }).initialize(), PoolTooSmallError);
  } finally {
    await w.client.query("drop role narrow");
  }
});

test("no more connections are opened than allowed, whatever is asked at once", async () => {
  const store = await w.store({ applicationName: "counted", maxConnections: 9 });
  const node = await liveNode(store);
  await store.wakes?.listen(() => undefined);
  const row = await startOne(store, node);
  await Promise.all([
    ...Array.from({ length: 50 }, () => store.instances.hasUnfinished("order", 1)),
    ...Array.from({ length: 50 }, () => store.instances.look([row])),
    ...Array.from({ length: 20 }, () => store.instances.start(node, [startRow()], 0)),
    ...Array.from({ length: 20 }, () => store.instances.start(node, [startRow()], 1)),
    ...Array.from({ length: 20 }, () => store.instances.start(node, [startRow()], store.sideLane)),
    store.nodes.beat(node),
  ]);
  const { rows } = await w.client.query(
    "select count(*)::int as n from pg_stat_activity where application_name = 'counted'",
  );
  assert.deepEqual(rows, [{ n: 9 }]);
});

test("a server that cannot be reached is named by host, port and database, never with the password", async () => {
  const provider = new PostgresPersistenceProvider("postgresql://somebody:s3cret@127.0.0.1:1/nowhere");
  await assert.rejects(provider.initialize(), (error) => {
    assert.ok(error instanceof DatabaseUnreachableError && error.shouldRetry());
    assert.equal(error.address, "127.0.0.1:1/nowhere");
    assert.ok(!`${error.message} ${JSON.stringify(error)} ${error.stack} ${String(error.cause)}`.includes("s3cret"));
    return true;
  });
});

test("a URL that cannot be read is refused without being shown", async () => {
  const provider = new PostgresPersistenceProvider("postgresql://somebody:s3cret@[nowhere/x");
  await assert.rejects(provider.initialize(), (error) => {
    assert.ok(error instanceof InvalidRequestError);
    assert.ok(!`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`.includes("s3cret"));
    return true;
  });
});

test("a server that is too old, read-only, reads NULL as a text, or a Citus with a forced plan is refused in words", async () => {
  const facts: ServerFacts = {
    versionNumber: 150_000,
    version: "15.0",
    readOnly: false,
    citus: false,
    planCacheMode: "force_generic_plan",
    arrayNulls: true,
    allowed: 97,
  };
  assert.doesNotThrow(() => checkServer(facts, "x"));
  assert.throws(
    () => checkServer({ ...facts, versionNumber: 140_011, version: "14.11" }, "x"),
    UnsupportedDatabaseError,
  );
  assert.throws(() => checkServer({ ...facts, citus: true }, "x"), InvalidRequestError);
  assert.throws(() => checkServer({ ...facts, readOnly: true }, "x"), isTransient);
  const literal = new PostgresPersistenceProvider({ url: w.url, connection: { options: "-c array_nulls=off" } });
  await assert.rejects(literal.initialize(), InvalidRequestError);
  const readOnly = new PostgresPersistenceProvider({
    url: w.url,
    connection: { options: "-c default_transaction_read_only=on" },
  });
  await assert.rejects(
    readOnly.initialize(),
    (error) => error instanceof PersistenceError && error.sqlState === "25006",
  );
});

test("every session can be lost at any time: the call under way may fail as transient, the next ones work", async () => {
  const store = await w.store({ applicationName: "shot" });
  const node = await liveNode(store);
  const rows = await startMany(store, node, 10);
  await store.nodes.beat(node);
  for (let round = 0; round < 5; round += 1) {
    await terminate("shot");
    await store.instances.hasUnfinished("order", 1); // pools try again by themselves
    await store.instances.look(rows);
    await store.nodes.beat(node);
    const batch = rows.map((row) => transition(row, node, { revision: round, pointers: [pointer(`p${round}`)] }));
    let refused: readonly number[] | undefined;
    for (let attempt = 0; attempt < 5 && refused === undefined; attempt += 1) {
      // The same transition again, as a committer does after an unknown outcome.
      refused = await store.instances.commit(batch).then(
        (reply) => reply.refused,
        (error: unknown) => {
          assert.ok(isTransient(error));
          return undefined;
        },
      );
    }
    assert.deepEqual(refused, []);
    const transacted = await store.instances.transact(async (tx) => {
      await tx.query("select 1");
      return transition(startRow(), node);
    });
    assert.equal(transacted.held, false);
  }
});

test("a session that is killed in the middle of a statement or a transaction: transient, and nothing holds", async () => {
  const store = await w.store({ applicationName: "shot2" });
  const node = await liveNode(store);
  const row = await startOne(store, node);
  const attempt = store.instances.transact(async (tx) => {
    const { rows } = await tx.query("select pg_backend_pid() as pid");
    await w.client.query("select pg_terminate_backend(($1::jsonb->>'pid')::int)", [JSON.stringify(rows[0])]);
    await tx.query("select 1").catch(() => undefined);
    return transition(row, node);
  });
  await assert.rejects(attempt, isTransient);
  assert.equal((await store.instances.look([row]))[0]?.revision, 0);
});

test("a server that falls silent costs a connection, never a hang", async () => {
  const direct = await w.store();
  const node = await liveNode(direct);
  const proxy = await goSilent(w.url);
  try {
    const store = await w.again(direct, { url: proxy.url, deadlineMs: 300 });
    await store.nodes.beat(node);
    const row = startRow();
    await store.instances.start(node, [row]);
    proxy.arm();
    const began = performance.now();
    await assert.rejects(store.instances.commit([transition(row, node)]), isTransient);
    await assert.rejects(store.nodes.list(), isTransient);
    assert.ok(performance.now() - began < 10_000);
    await store.close();
  } finally {
    await proxy.close();
  }
});

test("a store closes also where the network is gone without a word", { timeout: 60_000 }, async () => {
  const direct = await w.store();
  const proxy = await goSilent(w.url);
  const sockets = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
  const before = sockets();
  try {
    const store = await w.again(direct, { url: proxy.url });
    const node = await liveNode(store);
    await store.wakes?.listen(() => undefined);
    await store.nodes.beat(node);
    for (const lane of [0, 1, store.sideLane]) await store.instances.start(node, [startRow()], lane);
    await store.nodes.list();
    proxy.arm();
    await store.close();
    // Besides the proxy's own none is left, which would keep the process.
    await eventually(() => sockets() <= before + 2 * proxy.connected, "all sockets are closed");
  } finally {
    await proxy.close();
  }
});

test("where startup options are refused, as by a pooler, hot statements run without planner hints", async () => {
  const direct = await w.store();
  const proxy = await refuseOptions(w.url);
  try {
    const store = await w.again(direct, { url: proxy.url });
    const node = await liveNode(store);
    const row = await startOne(store, node);
    assert.deepEqual((await store.instances.commit([transition(row, node)])).refused, []);
    await store.close();
  } finally {
    await proxy.close();
  }
});

test("behind a pooler in transaction mode nothing is named and nobody listens", async () => {
  const store = await w.store({ pooler: "transaction" });
  assert.deepEqual(
    [store.capabilities.namedStatements, store.capabilities.listenNotify, store.wakes],
    [false, false, null],
  );
  const node = await liveNode(store);
  const row = await startOne(store, node);
  assert.deepEqual((await store.instances.commit([transition(row, node)])).refused, []);
});

test("the driver's global type parsers are left alone, and int8 that no number can hold comes back exact", async () => {
  const store = await w.store();
  const node = await liveNode(store);
  const row = await startOne(store, node);
  await store.instances.transact(async (tx) => {
    const { rows } = await tx.query(
      "select 7::int8 as small, 9007199254740993::int8 as large, array[1, null]::int8[] as several, 1.10::numeric as exact",
    );
    assert.deepEqual(rows, [{ small: 7, large: 9007199254740993n, several: [1, null], exact: "1.10" }]);
    return transition(row, node);
  });
  const { rows } = await w.client.query("select 7::int8 as small");
  assert.deepEqual(rows, [{ small: "7" }]);
});
