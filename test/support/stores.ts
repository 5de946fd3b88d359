import { after, before, describe } from "node:test";
import { createHost, type WorkflowHost } from "workflow-core";
import type { CreateHostOptions } from "workflow-core";
import { PglitePersistenceProvider } from "workflow-core/pglite";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { freshDatabase, type FreshDatabase } from "./database.ts";

type Persistence = NonNullable<CreateHostOptions["persistence"]>;

/** A store for one group of tests. */
export interface StoreUnderTest {
  readonly name: "memory" | "pglite" | "postgres";
  /** Another way to the same data, for a host of its own; memory and PGlite have one. */
  readonly hasSql: boolean;
  host(options: Omit<CreateHostOptions, "persistence">): Promise<WorkflowHost>;
}

/** Runs a group of tests on each store, each with data of its own. */
export function onEveryStore(group: string, tests: (store: StoreUnderTest) => void): void {
  for (const name of ["memory", "pglite", "postgres"] as const) {
    describe(`${group} on ${name}`, () => tests(storeOf(name)));
  }
}

function storeOf(name: StoreUnderTest["name"]): StoreUnderTest {
  let open: () => Persistence;
  let database: FreshDatabase | undefined;
  const hosts: WorkflowHost[] = [];
  before(async () => {
    if (name === "postgres") {
      database = await freshDatabase();
      const { url } = database;
      open = () => new PostgresPersistenceProvider(url);
    } else open = () => (name === "memory" ? new MemoryPersistenceProvider() : new PglitePersistenceProvider({}));
  });
  after(async () => {
    await Promise.all(hosts.map((host) => host.stop()));
    await database?.drop();
  });
  return {
    name,
    hasSql: name !== "memory",
    async host(options) {
      const host = createHost({ ...options, persistence: open() });
      await host.start();
      hosts.push(host);
      return host;
    },
  };
}
