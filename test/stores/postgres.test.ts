import pg from "pg";
import { PostgresPersistenceProvider } from "../../src/persistence/postgres/provider.ts";
import { allTables } from "../../src/persistence/postgres/tables.ts";
import type { ServerCapabilities } from "../../src/persistence/provider.ts";
import { freshDatabase } from "../support/database.ts";
import { plainServer } from "../support/plain-server.ts";
import { engineStoreSuite, type StoreSource } from "./suite.ts";

/** One schema for all tests, emptied for each: to make it anew takes longer than most of them. */
const on = (capabilities: ServerCapabilities) => async (): Promise<StoreSource> => {
  const database = await freshDatabase();
  const provider = new PostgresPersistenceProvider({ url: database.url, testClock: true, capabilities });
  await provider.initialize();
  const client = new pg.Client(database.url);
  await client.connect();
  const { store } = provider;
  const rows = [...allTables(store.tables)].filter(([name]) => name !== "meta" && name !== "migration");
  const empty = rows.map(([, table]) => `delete from ${table}`).join(";");
  const move = `update ${store.tables.testClock} set at = at + $1::float8 * interval '1 ms'`;
  return {
    fresh: async () => {
      await client.query(empty);
      return { store, advance: async (ms) => void (await client.query(move, [ms])) };
    },
    close: async () => {
      await provider.close();
      await client.end();
      await database.drop();
    },
  };
};

engineStoreSuite("PostgreSQL", on({}));
engineStoreSuite("PostgreSQL with all capabilities off", on(plainServer));
