import { after, before, describe, test } from "node:test";
import { PglitePersistenceProvider } from "workflow-core/pglite";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { describePersistence, MemoryPersistenceProvider } from "workflow-core/testing";
import { type FreshDatabase, freshDatabase } from "../support/database.ts";

type Provider = MemoryPersistenceProvider | PglitePersistenceProvider | PostgresPersistenceProvider;

/** The contract of records on a store that all its sentences share. */
function onStore(name: string, sql: boolean, open: () => Promise<Provider>): void {
  describe(`records on ${name}`, () => {
    let provider: Provider | undefined;
    before(async () => {
      provider = await open();
      await provider.initialize();
    });
    after(() => provider?.close());
    const create = async (): Promise<Provider> => provider ?? Promise.reject(new Error("not open"));
    describePersistence({ test, create, capabilities: { sql } });
  });
}

onStore("memory", false, async () => new MemoryPersistenceProvider());
onStore("PGlite", true, async () => new PglitePersistenceProvider());

let database: FreshDatabase | undefined;
onStore("PostgreSQL", true, async () => {
  database = await freshDatabase();
  return new PostgresPersistenceProvider(database.url);
});
after(() => database?.drop());
