import pg from "pg";
import { PostgresPersistenceProvider } from "../../src/persistence/postgres/provider.ts";
import { freshDatabase } from "../support/database.ts";
import { engineStoreSuite } from "./suite.ts";

engineStoreSuite("PostgreSQL", async () => {
  const database = await freshDatabase();
  const client = new pg.Client(database.url);
  await client.connect();
  const open: PostgresPersistenceProvider[] = [];
  return {
    fresh: async () => {
      await open.pop()?.close();
      const schema = `s${Date.now()}_${Math.random().toString(36).slice(2)}`;
      const provider = new PostgresPersistenceProvider({ url: database.url, schema, testClock: true });
      open.push(provider);
      await provider.initialize();
      const { store } = provider;
      const text = `update ${store.tables.testClock} set at = at + $1::float8 * interval '1 ms'`;
      return { store, advance: async (ms) => void (await client.query(text, [ms])) };
    },
    close: async () => {
      await open.pop()?.close();
      await client.end();
      await database.drop();
    },
  };
});
