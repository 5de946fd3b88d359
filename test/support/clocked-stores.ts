import { after, before, describe, test as untimed } from "node:test";
import { createHost, type CreateHostOptions, type WorkflowHost } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { systemEnvironment } from "../../src/models/environment.ts";
import { PgliteDatabase } from "../../src/persistence/pglite/database.ts";
import { SqlEngineStore } from "../../src/persistence/postgres/store.ts";
import type { EngineStore } from "../../src/persistence/provider.ts";
import { freshDatabase, runOnce } from "./database.ts";
import { giveAway } from "./give-away.ts";
import { Motion } from "./motion.ts";
import { storeNames } from "./stores.ts";

type Options = Omit<CreateHostOptions, "persistence">;

/** A store whose time stands still until a test moves it. Hosts on it come and go; what it holds stays. */
export interface ClockedStore {
  readonly name: "memory" | "pglite" | "postgres";
  host(options: Options): Promise<WorkflowHost>;
  /** A host that gives every instance away after each transition, so that each is claimed and loaded anew: what a crash leaves. */
  forgetfulHost(options: Options): Promise<WorkflowHost>;
  /** Waits until nothing has moved for a while, nothing that moves an instance is under way, and none is due. */
  quiet(): Promise<void>;
  /** From now on, whatever moves an instance takes so much longer. */
  slow(ms: number): void;
  /** What time it is, in milliseconds since the epoch. */
  now(): number;
  advance(ms: number): Promise<void>;
  moveTo(iso: string): Promise<void>;
  /** Another way to the same data, without a host. */
  open(): Promise<EngineStore>;
}

interface Source {
  open(): Promise<EngineStore>;
  set(ms: number): Promise<void>;
  close(): Promise<void>;
}

const longestMs = 60_000;
/** Turns of the event loop rather than time: of a process that waits for its processor, only time goes on. */
const quietTurns = 8;
const beginning = "2026-01-01T00:00:00Z";

/** A test that waits for a time that never comes fails by its name, and does not keep the process. */
export const test = (name: string, body: () => Promise<void>): void => void untimed(name, { timeout: longestMs }, body);

/** Runs a group of tests on each store, or on some, each with data and a clock of its own. */
export function onEveryClock(
  group: string,
  tests: (store: ClockedStore) => void,
  names: readonly ClockedStore["name"][] = storeNames,
): void {
  for (const name of names) describe(`${group} on ${name}`, () => tests(clocked(name, sources[name])));
}

function clocked(name: ClockedStore["name"], make: (now: () => number) => Promise<Source>): ClockedStore {
  let source: Source | undefined;
  let now = Date.parse(beginning);
  const hosts: WorkflowHost[] = [];
  const motion = new Motion();
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
    host: async (options) => start(options, motion.watched(await ready().open())),
    forgetfulHost: async (options) => start(options, motion.watched(await ready().open(), giveAway)),
    quiet: async () => {
      for (;;) {
        const { moves } = motion;
        for (let turns = 0; turns < quietTurns && moves === motion.moves; turns += 1) await pause(10);
        // What was under way while nothing was due may have taken it: its answer tells.
        if (moves !== motion.moves || (await isAnyDue())) continue;
        await motion.answered();
        if (moves === motion.moves) return;
      }
    },
    slow: (ms) => {
      motion.slowMs = ms;
    },
    now: () => now,
    advance: (ms) => move(now + ms),
    moveTo: (iso) => move(Date.parse(iso)),
    open: () => ready().open(),
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
