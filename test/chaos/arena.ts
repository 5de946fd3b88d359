import { after, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { createHost, type CreateHostOptions, type WorkflowHost } from "../../src/index.ts";
import { PostgresPersistenceProvider } from "../../src/persistence/postgres/provider.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { faultyPersistence, type FaultyDatabase } from "../support/faulty-store.ts";

/** Nodes watch each other this closely in tests that do not measure the promised times. */
export const scaledTimes = { beatMs: 150, staleMs: 600, deadMs: 900 } as const;

export interface FaultyHost {
  readonly host: WorkflowHost;
  readonly database: FaultyDatabase;
}

type Options = Omit<CreateHostOptions, "persistence">;

/** What the tests of one file share: a database of their own with a ledger, and a client that looks behind the engine's back. */
export interface Arena {
  readonly url: string;
  rows<R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<readonly R[]>;
  host(options: Options): Promise<WorkflowHost>;
  /** `prepare` is called before the host starts: for faults that meet it at its start. */
  faultyHost(options: Options, prepare?: (database: FaultyDatabase) => void): Promise<FaultyHost>;
}

export function arena(): Arena {
  let database: FreshDatabase | undefined;
  let client: pg.Client | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const hosts: WorkflowHost[] = [];
  const broken: FaultyDatabase[] = [];
  const url = (): string => {
    if (database === undefined) throw new Error("The arena is not made yet.");
    return database.url;
  };
  before(async () => {
    database = await freshDatabase();
    client = new pg.Client(database.url);
    client.on("error", () => undefined);
    await client.connect();
    await client.query("create table ledger (run text not null, step text not null, at timestamptz default now())");
    await client.query("create index on ledger (run)");
  });
  after(async () => {
    for (const one of broken) one.heal();
    await Promise.all(hosts.map((host) => within(30_000, host.stop(), "stopping a host").catch(() => undefined)));
    await client?.end();
    await database?.drop();
  });
  const started = async (host: WorkflowHost): Promise<WorkflowHost> => {
    hosts.push(host);
    await host.start();
    return host;
  };
  return {
    get url() {
      return url();
    },
    async rows<R extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) {
      const asked = last.then(() => {
        if (client === undefined) throw new Error("The arena is not made yet.");
        return client.query<R>(text, [...values]);
      });
      last = asked.catch(() => undefined);
      return (await asked).rows;
    },
    host: (options) => started(createHost({ ...options, persistence: new PostgresPersistenceProvider(url()) })),
    async faultyHost(options, prepare) {
      const persistence = faultyPersistence(url());
      broken.push(persistence.database);
      prepare?.(persistence.database);
      return { host: await started(createHost({ ...options, persistence })), database: persistence.database };
    },
  };
}

/** The promise's answer, or an error that says what did not happen in time. */
export async function within<T>(ms: number, promise: Promise<T>, what: string): Promise<T> {
  const stop = new AbortController();
  const late = sleep(ms, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`${what}: nothing happened within ${ms} ms`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
    late.catch(() => undefined);
  }
}

/** Waits until the condition holds. */
export async function until(what: string, condition: () => Promise<boolean> | boolean, ms = 15_000): Promise<void> {
  const began = performance.now();
  while (!(await condition())) {
    if (performance.now() - began > ms) throw new Error(`${what}: not within ${ms} ms`);
    await sleep(20);
  }
}

/** What no instance may be in once all is quiet: unfinished, owned by nobody, and due never though something could be done. */
export const orphans = `select i.id, i.definition, i.status, i.owner, n.state, i.due_at, i.frontier from workflow_core.instance i
  left join workflow_core.node n on n.id = i.owner where i.status < 2`;
