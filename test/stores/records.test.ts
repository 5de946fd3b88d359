import { after, before, describe, test } from "node:test";
import { PglitePersistenceProvider } from "workflow-core/pglite";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { describePersistence, MemoryPersistenceProvider } from "workflow-core/testing";
import { type FreshDatabase, freshDatabase } from "../support/database.ts";
import { plainServer } from "../support/plain-server.ts";

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

const databases: FreshDatabase[] = [];
const onPostgres = (name: string, capabilities: Partial<typeof plainServer>): void =>
  onStore(name, true, async () => {
    const database = await freshDatabase();
    databases.push(database);
    return new PostgresPersistenceProvider({ url: database.url, capabilities });
  });
onPostgres("PostgreSQL", {});
onPostgres("PostgreSQL with all capabilities off", plainServer);
after(() => Promise.all(databases.map((database) => database.drop())));
