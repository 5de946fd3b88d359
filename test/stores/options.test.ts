import assert from "node:assert/strict";
import { test } from "node:test";
import { PglitePersistenceProvider } from "workflow-core/pglite";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { settingsOf } from "../../src/persistence/postgres/settings.ts";

type Provider = new (options: unknown) => object;
type Wrong = readonly (readonly [options: unknown, what: string])[];

function refuses(name: string, Provider: Provider, wrong: Wrong): void {
  test(`${name} refuses options that are not known, or not what they must be, by their name`, () => {
    for (const [options, what] of wrong)
      assert.throws(() => new Provider(options), { code: "INVALID_REQUEST", what }, JSON.stringify(options));
  });
}

refuses("PostgresPersistenceProvider", PostgresPersistenceProvider as Provider, [
  [{ maxConnection: 5 }, "PostgresPersistenceProvider: maxConnection"],
  [{ batchRows: 5 }, "PostgresPersistenceProvider: batchRows"],
  [null, "PostgresPersistenceProvider: options"],
  [5, "PostgresPersistenceProvider: options"],
  [{ url: 5 }, "url"],
  [{ connection: { hots: "db" } }, "connection: hots"],
  [{ connection: "db" }, "connection: options"],
  [{ pooler: "pgbouncer" }, "pooler"],
  [{ migrate: "never" }, "migrate"],
  [{ applicationName: 5 }, "applicationName"],
  [{ maxConnections: "12" }, "maxConnections"],
  [{ capabilities: { skiplocked: false } }, "capabilities: skiplocked"],
  [{ capabilities: { skipLocked: "no" } }, "capabilities.skipLocked"],
]);

refuses("PglitePersistenceProvider", PglitePersistenceProvider as Provider, [
  [{ dir: ".workflow-core" }, "PglitePersistenceProvider: dir"],
  [".workflow-core", "PglitePersistenceProvider: options"],
  [{ directory: 5 }, "directory"],
  [{ fsync: "no" }, "fsync"],
  [{ transactionMs: "5 seconds" }, "transactionMs"],
  [{ deadlineMs: 0 }, "deadlineMs"],
  [{ migrate: "never" }, "migrate"],
]);

refuses("MemoryPersistenceProvider", MemoryPersistenceProvider as Provider, [
  [{ bucket: 5 }, "MemoryPersistenceProvider: bucket"],
  [null, "MemoryPersistenceProvider: options"],
  [{ buckets: 0 }, "buckets"],
  [{ clock: 5 }, "clock"],
  [{ transactionMs: 1.5 }, "transactionMs"],
]);

const inherited = Object.create({ schema: "tenant_a", buckets: 8 }) as object;
class Config {
  get schema(): string {
    return "tenant_a";
  }
  get buckets(): number {
    return 8;
  }
}

for (const Provider of [PostgresPersistenceProvider, PglitePersistenceProvider])
  test(`options of a ${Provider.name} count as well if they are inherited or getters, as in an application's class`, () => {
    for (const options of [inherited, new Config()]) {
      const { store } = new Provider(options);
      assert.deepEqual([store.tables.schema, store.buckets], ["tenant_a", 8]);
    }
  });

test("what a server lacks, and where it is, may be inherited or getters too", () => {
  const capabilities = Object.create({ listenNotify: false, skipLocked: false }) as object;
  const { store } = new PostgresPersistenceProvider({ capabilities });
  assert.deepEqual([store.capabilities.listenNotify, store.capabilities.skipLocked], [false, false]);
  const { client } = settingsOf({ connection: Object.create({ host: "db.example.com", port: 6543 }) as object });
  assert.deepEqual([client.host, client.port], ["db.example.com", 6543]);
});
