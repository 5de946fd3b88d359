import { after, before, describe } from "node:test";
import { createHost, type CreateHostOptions, type WorkflowHost } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { systemEnvironment } from "../../src/models/environment.ts";
import type { Transition } from "../../src/models/transition.ts";
import { PgliteDatabase } from "../../src/persistence/pglite/database.ts";
import { SqlEngineStore } from "../../src/persistence/postgres/store.ts";
import type { EngineStore, InstanceStore } from "../../src/persistence/provider.ts";
import { freshDatabase, runOnce } from "./database.ts";

type Options = Omit<CreateHostOptions, "persistence">;

/** A store whose time stands still until a test moves it. Hosts on it come and go; what it holds stays. */
export interface ClockedStore {
  readonly name: "memory" | "pglite" | "postgres";
  host(options: Options): Promise<WorkflowHost>;
  /** A host that gives every instance away after each transition, so that each is claimed and loaded anew: what a crash leaves. */
  forgetfulHost(options: Options): Promise<WorkflowHost>;
  /** Waits until no instance has moved for a while, and none is due. */
  quiet(): Promise<void>;
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

const quietMs = 80;
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
  let movedAt = 0;
  let underWay = 0;
  const moved = (begun = 0): void => {
    movedAt = performance.now();
    underWay += begun;
  };
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
  const names = new Set<string>();
  let probe: EngineStore | undefined;
  /** Whether an instance is due that nobody has taken yet. */
  const isAnyDue = async (): Promise<boolean> => {
    probe ??= await ready().open();
    const { dueAt } = await probe.instances.nextDue([...names]);
    return dueAt !== null && dueAt <= now;
  };
  const start = async (options: Options, store: EngineStore): Promise<WorkflowHost> => {
    const persistence = { store, initialize: async () => undefined, close: async () => undefined };
    // Nobody tells a host that time was moved: it must look often.
    const host = createHost({ pollMs: 10, ...options, persistence });
    await host.start();
    for (const { id, version } of options.workflows as readonly { id: string; version: number }[])
      names.add(`${id}@${version}`);
    hosts.push(host);
    return host;
  };
  return {
    name,
    host: async (options) =>
      start(
        options,
        watched(await ready().open(), moved, (transition) => transition),
      ),
    forgetfulHost: async (options) => start(options, watched(await ready().open(), moved, giveAway)),
    quiet: async () => {
      moved();
      while (underWay > 0 || performance.now() - movedAt < quietMs || (await isAnyDue())) await pause(10);
    },
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
      const store = new SqlEngineStore(database, env, { testClock: true, capabilities: { listenNotify: false } });
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

/** Has a store tell of all that moves an instance, and pass every transition by before it is committed. */
function watched(
  store: EngineStore,
  moved: (begun?: number) => void,
  pass: (transition: Transition) => Transition,
): EngineStore {
  const { instances } = store;
  const commit: InstanceStore["commit"] = async (batch) => {
    moved(1);
    try {
      return await instances.commit(batch.map(pass));
    } finally {
      moved(-1);
    }
  };
  const claim: InstanceStore["claim"] = async (request) => {
    const reply = await instances.claim(request);
    if (reply.claimed.length > 0) moved();
    return reply;
  };
  return over(store, { instances: over(instances, { commit, claim }) });
}

/** An object with some of its fields in place of the real ones; it may have private ones. */
function over<T extends object>(real: T, others: Partial<T>): T {
  return new Proxy(real, {
    get(target, key) {
      if (Object.hasOwn(others, key)) return Reflect.get(others, key) as unknown;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** A transition that would keep its instance in memory gives it away instead, due at once. */
const giveAway = (transition: Transition): Transition =>
  transition.release === "keep" ? Object.assign(transition, { release: "yield" }) : transition;

/** Waits until something holds, which nothing tells of. */
export async function eventually(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let left = 1_000; left > 0; left -= 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`It never came about that ${what}.`);
}

/** Long enough for a host to do what it must not do. */
export const pause = (ms = 60): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
