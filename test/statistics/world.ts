import { after, before } from "node:test";
import { systemEnvironment } from "../../src/models/environment.ts";
import type { Database } from "../../src/persistence/database.ts";
import { MemoryEngineStore } from "../../src/persistence/memory/store.ts";
import { PgliteDatabase } from "../../src/persistence/pglite/database.ts";
import { PostgresDatabase } from "../../src/persistence/postgres/database.ts";
import { SqlStatistics } from "../../src/persistence/postgres/statistics.ts";
import { SqlEngineStore } from "../../src/persistence/postgres/store.ts";
import type { EngineStore } from "../../src/persistence/provider.ts";
import type { Statistics } from "../../src/persistence/statistics.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";

export interface World {
  readonly store: EngineStore;
  readonly statistics: Statistics;
  /** Sets the store's clock, which stands still. */
  at(iso: string): Promise<void>;
  /** A command of the test's own; absent in memory. */
  readonly database?: Database;
  readonly tables?: SqlEngineStore["tables"];
}

export type OpenWorld = () => Promise<World>;
export type StoreName = "memory" | "pglite" | "postgres";

/** Where a group of tests gets stores with nothing in them. */
export function worldsOf(name: StoreName): OpenWorld {
  if (name === "memory") return async () => inMemory();
  const env = systemEnvironment();
  const opened: Database[] = [];
  let fresh: FreshDatabase | undefined;
  before(async () => {
    if (name === "postgres") fresh = await freshDatabase();
    else opened.push(new PgliteDatabase({}, env));
  });
  after(async () => {
    await Promise.all(opened.map((database) => database.close()));
    await fresh?.drop();
  });
  let schemas = 0;
  return async () => {
    // A server's sessions know their statements by name, of one schema.
    if (fresh !== undefined) opened.push(new PostgresDatabase({ url: fresh.url, maxConnections: 8 }, env));
    const database = opened.at(-1);
    if (database === undefined) throw new Error("There is no database yet.");
    return inDatabase(database, `s${(schemas += 1)}`);
  };
}

function inMemory(): World {
  let now = 0;
  const store = new MemoryEngineStore({ clock: () => now });
  return { store, statistics: store.statistics, at: async (iso) => void (now = new Date(iso).getTime()) };
}

async function inDatabase(database: Database, schema: string): Promise<World> {
  const env = systemEnvironment();
  const store = new SqlEngineStore(database, env, { schema, testClock: true, alone: database.kind === "pglite" });
  await store.initialize();
  const { tables } = store;
  const text = `update ${tables.testClock} set at = $1::timestamptz`;
  return {
    store,
    statistics: new SqlStatistics(database, tables, env),
    at: async (iso) => void (await database.query({ name: "", text, values: [iso] })),
    database,
    tables,
  };
}
