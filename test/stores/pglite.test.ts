import { systemEnvironment } from "../../src/models/environment.ts";
import type { Database, Statement } from "../../src/persistence/database.ts";
import { PgliteDatabase } from "../../src/persistence/pglite/database.ts";
import { SqlEngineStore } from "../../src/persistence/postgres/store.ts";
import { over } from "../support/over.ts";
import { engineStoreSuite } from "./suite.ts";

const env = systemEnvironment();

engineStoreSuite("PGlite", async () => {
  const database = new PgliteDatabase({}, env);
  await database.open();
  let schemas = 0;
  return {
    fresh: async () => {
      const schema = `s${(schemas += 1)}`;
      const store = new SqlEngineStore(apart(database, schema), env, { schema, testClock: true, alone: true });
      await store.initialize();
      return { store, advance: (ms) => advanceClock(database, store, ms) };
    },
    close: () => database.close(),
  };
});

/** Statements of one name differ by their schema, and the one session that there is keeps what it was told under each name. */
function apart(database: PgliteDatabase, schema: string): Database {
  const named = (statement: Statement): Statement =>
    statement.name === "" ? statement : { ...statement, name: `${schema}-${statement.name}` };
  return over<Database>(database, {
    lane: (lane, statement) => database.lane(lane, named(statement)),
    beat: (statement) => database.beat(named(statement)),
    hot: (statement) => database.hot(named(statement)),
    query: (statement) => database.query(named(statement)),
    transaction: (work) =>
      database.transaction((session) => work({ query: (statement) => session.query(named(statement)) })),
  });
}

async function advanceClock(database: Database, store: SqlEngineStore, ms: number): Promise<void> {
  const text = `update ${store.tables.testClock} set at = at + $1::float8 * interval '1 ms'`;
  await database.query({ name: "", text, values: [ms] });
}
