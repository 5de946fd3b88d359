import { systemEnvironment } from "../../src/models/environment.ts";
import type { Database } from "../../src/persistence/database.ts";
import { PgliteDatabase } from "../../src/persistence/pglite/database.ts";
import { SqlEngineStore } from "../../src/persistence/postgres/store.ts";
import { engineStoreSuite } from "./suite.ts";

const env = systemEnvironment();

engineStoreSuite("PGlite", async () => {
  const database = new PgliteDatabase({}, env);
  await database.open();
  let schemas = 0;
  return {
    fresh: async () => {
      const schema = `s${(schemas += 1)}`;
      const store = new SqlEngineStore(database, env, { schema, testClock: true, alone: true });
      await store.initialize();
      return { store, advance: (ms) => advanceClock(database, store, ms) };
    },
    close: () => database.close(),
  };
});

async function advanceClock(database: Database, store: SqlEngineStore, ms: number): Promise<void> {
  const text = `update ${store.tables.testClock} set at = at + $1::float8 * interval '1 ms'`;
  await database.query({ name: "", text, values: [ms] });
}
