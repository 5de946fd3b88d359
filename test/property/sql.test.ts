import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { systemEnvironment } from "../../src/models/environment.ts";
import type { Database } from "../../src/persistence/database.ts";
import { PgliteDatabase } from "../../src/persistence/pglite/database.ts";
import { PostgresDatabase } from "../../src/persistence/postgres/database.ts";
import { SqlEngineStore } from "../../src/persistence/postgres/store.ts";
import { freshDatabase } from "../support/database.ts";
import { agree, emptyTally, type Manner, wanted } from "./agreement.ts";
import { World, type WorldStore } from "./world.ts";

const cases = process.env["TEST_QUICK"] === "1" ? 20 : 60;
const manners: readonly Manner[] = ["straight", "reloaded", "crashing", "crashing"];

interface Opened {
  readonly database: Database;
  close(): Promise<void>;
}

const sources: { readonly [name: string]: () => Promise<Opened> } = {
  pglite: async () => {
    const database = new PgliteDatabase({}, systemEnvironment());
    return { database, close: () => database.close() };
  },
  postgres: async () => {
    const { url, drop } = await freshDatabase();
    const database = new PostgresDatabase({ url }, systemEnvironment());
    const close = async (): Promise<void> => {
      await database.close();
      await drop();
    };
    return { database, close };
  },
};

for (const [name, open] of Object.entries(sources)) {
  describe(`On ${name}`, () => {
    let opened: Opened;
    let source: WorldStore;
    before(async () => {
      opened = await open();
      source = await clocked(opened.database);
    });
    after(() => opened.close());

    test("random workflows end as an independent interpreter says, straight, reloaded and with crashes", async (t) => {
      const tally = emptyTally();
      let now = 0;
      await agree(
        {
          tally,
          world: (mode) => new World(source, mode, now),
          left: (endedAt) => (now = (Math.ceil(endedAt / 60_000) + 1) * 60_000), // some things tick by the clock
        },
        { mannerOf: ({ salt }) => manners[salt % 4] ?? "straight", ...wanted(0), numRuns: cases },
      );
      t.diagnostic(JSON.stringify(tally));
      assert.ok(tally.compared > 0);
    });
  });
}

/** A store on this database whose clock stands where it was set. */
async function clocked(database: Database): Promise<WorldStore> {
  const store = new SqlEngineStore(database, systemEnvironment(), {
    testClock: true,
    capabilities: { listenNotify: false },
  });
  await store.initialize();
  const text = `update ${store.tables.testClock} set at = to_timestamp($1::float8 / 1000)`;
  const set = async (ms: number): Promise<void> => void (await database.query({ name: "", text, values: [ms] }));
  const make = "create table ledger (n bigserial, run text not null, what text not null)";
  await database.query({ name: "", text: make, values: [] });
  const read = "select what from ledger where run = $1 order by n";
  const ledger = async (runId: string): Promise<readonly string[]> =>
    (await database.query<{ what: string }>({ name: "", text: read, values: [runId] })).map(({ what }) => what);
  return { store, set, ledger };
}
