import { after, before, describe } from "node:test";
import { createHost, type CreateHostOptions, type WorkflowHost } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { systemEnvironment } from "../../src/models/environment.ts";
import type { Transition } from "../../src/models/transition.ts";
import { PgliteDatabase } from "../../src/persistence/pglite/database.ts";
import { SqlEngineStore } from "../../src/persistence/postgres/store.ts";
import type { EngineStore } from "../../src/persistence/provider.ts";
import { freshDatabase, runOnce } from "./database.ts";

type Options = Omit<CreateHostOptions, "persistence">;

/** A store whose time stands still until a test moves it. Hosts on it come and go; what it holds stays. */
export interface ClockedStore {
  readonly name: "memory" | "pglite" | "postgres";
  host(options: Options): Promise<WorkflowHost>;
  /** A host that gives every instance away after each transition, so that each is claimed and loaded anew: what a crash leaves. */
  forgetfulHost(options: Options): Promise<WorkflowHost>;
  /** What time it is, in milliseconds since the epoch. */
  now(): number;
  advance(ms: number): Promise<void>;
  moveTo(iso: string): Promise<void>;
}

interface Source {
  open(): Promise<EngineStore>;
  set(ms: number): Promise<void>;
  close(): Promise<void>;
}

const beginning = "2026-01-01T00:00:00Z";

/** Runs a group of tests on each store, each with data and a clock of its own. */
export function onEveryClock(group: string, tests: (store: ClockedStore) => void): void {
  for (const [name, make] of Object.entries(sources)) {
    describe(`${group} on ${name}`, () => tests(clocked(name as ClockedStore["name"], make)));
  }
}

function clocked(name: ClockedStore["name"], make: (now: () => number) => Promise<Source>): ClockedStore {
  let source: Source | undefined;
  let now = Date.parse(beginning);
  const hosts: WorkflowHost[] = [];
  const ready = (): Source => {
    if (source === undefined) throw new Error("The store is not made yet.");
    return source;
  };
  const move = (to: number): Promise<void> => {
    now = to;
    return ready().set(to);
  };
  before(async () => {
    source = await make(() => now);
  });
  after(async () => {
    await Promise.all(hosts.map((host) => host.stop()));
    await source?.close();
  });
  const start = async (options: Options, store: EngineStore): Promise<WorkflowHost> => {
    const persistence = { store, initialize: async () => undefined, close: async () => undefined };
    // Nobody tells a host that time was moved: it must look often.
    const host = createHost({ pollMs: 10, ...options, persistence });
    await host.start();
    hosts.push(host);
    return host;
  };
  return {
    name,
    host: async (options) => start(options, await ready().open()),
    forgetfulHost: async (options) => start(options, forgetful(await ready().open())),
    now: () => now,
    advance: (ms) => move(now + ms),
    moveTo: (iso) => move(Date.parse(iso)),
  };
}

const sources: { readonly [N in ClockedStore["name"]]: (now: () => number) => Promise<Source> } = {
  memory: async (now) => {
    const { store } = new MemoryPersistenceProvider({ clock: now });
    return { open: async () => store, set: async () => undefined, close: async () => undefined };
  },
  pglite: async (now) => {
    const env = systemEnvironment();
    const database = new PgliteDatabase({}, env);
    const open = async (): Promise<SqlEngineStore> => {
      const store = new SqlEngineStore(database, env, { testClock: true, wakes: false });
      await store.initialize();
      return store;
    };
    const { tables } = await open();
    const text = `update ${tables.testClock} set at = to_timestamp($1::float8 / 1000)`;
    const set = async (ms: number): Promise<void> => void (await database.query({ name: "", text, values: [ms] }));
    await set(now());
    return { open, set, close: () => database.close() };
  },
  postgres: async (now) => {
    const database = await freshDatabase();
    const providers: PostgresPersistenceProvider[] = [];
    const open = async (): Promise<SqlEngineStore> => {
      const provider = new PostgresPersistenceProvider({ url: database.url, testClock: true, pooler: "transaction" });
      providers.push(provider);
      await provider.initialize();
      return provider.store;
    };
    const { tables } = await open();
    const text = `update ${tables.testClock} set at = to_timestamp($1::float8 / 1000)`;
    const set = (ms: number): Promise<void> => runOnce(database.url, text, [ms]);
    await set(now());
    const close = async (): Promise<void> => {
      await Promise.all(providers.map((provider) => provider.close()));
      await database.drop();
    };
    return { open, set, close };
  },
};

/** A transition that would keep its instance in memory gives it away instead, due at once. */
function forgetful(store: EngineStore): EngineStore {
  const giveAway = (transition: Transition): Transition =>
    transition.release === "keep" ? Object.assign(transition, { release: "yield" }) : transition;
  const instances = Object.create(store.instances) as EngineStore["instances"];
  instances.commit = (batch) => store.instances.commit(batch.map(giveAway));
  return Object.create(store, { instances: { value: instances } }) as EngineStore;
}

/** Long enough for a host to do what it must not do. */
export const pause = (ms = 60): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** Waits until something holds, which nothing tells of. */
export async function eventually(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let left = 1_000; left > 0; left -= 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`It never came about that ${what}.`);
}
