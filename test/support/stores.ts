import assert from "node:assert/strict";
import fs from "node:fs";
import { after, before, describe } from "node:test";
import { createHost, type WorkflowHost } from "workflow-core";
import type { CreateHostOptions } from "workflow-core";
import { PglitePersistenceProvider } from "workflow-core/pglite";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import type { InstanceStore } from "../../src/persistence/provider.ts";
import type { Transition } from "../../src/models/transition.ts";
import { giveAway } from "./give-away.ts";
import { arrowsOfPicture, PointerArrows } from "./pointer-arrows.ts";
import { freshDatabase, type FreshDatabase } from "./database.ts";

type Persistence = MemoryPersistenceProvider | PglitePersistenceProvider | PostgresPersistenceProvider;

/** A store for one group of tests. */
export interface StoreUnderTest {
  readonly name: "memory" | "pglite" | "postgres";
  /** Another way to the same data, for a host of its own; memory and PGlite have one. */
  readonly hasSql: boolean;
  host(options: Omit<CreateHostOptions, "persistence">): Promise<WorkflowHost>;
  /** While true, hosts give every instance away after each transition, so that it is claimed and loaded anew: what a crash leaves. */
  isForgetful: boolean;
  /** Commits of hosts take so much longer. */
  slowMs: number;
  /** The transitions of a run that were committed so far, of any host here. */
  transitionsOf(runId: string): readonly Transition[];
  /** The paths of a run's pointers that have a row, of the host that was made last. */
  pathsOf(runId: string): Promise<readonly string[]>;
}

/** A quick pass leaves out PGlite, which takes seconds to start and runs the same statements as PostgreSQL. */
export const storeNames: readonly StoreUnderTest["name"][] =
  process.env["TEST_QUICK"] === "1" ? ["memory", "postgres"] : ["memory", "pglite", "postgres"];

const page = fs.readFileSync(new URL("../../../docs/states.md", import.meta.url), "utf8");
const drawn = new Set(arrowsOfPicture(page, "Of a step").map(({ arrow }) => arrow));

/** The stores in which steps may be transactional. */
export const sqlStores = storeNames.filter((name) => name !== "memory");

/** Runs a group of tests on each store, or on some, each with data of its own. */
export function onEveryStore(group: string, tests: (store: StoreUnderTest) => void, names = storeNames): void {
  for (const name of names) {
    describe(`${group} on ${name}`, () => tests(storeOf(name)));
  }
}

const modes = ["kept in memory", "loaded anew after every transition"] as const;

/** Runs tests on each store, or on some, in two modes: as it is, and with every transition followed by what a crash leaves behind. */
export function inEveryWay(
  group: string,
  workflows: CreateHostOptions["workflows"],
  tests: (host: () => WorkflowHost, store: StoreUnderTest, mode: (typeof modes)[number]) => void,
  names = storeNames,
): void {
  const inBothModes = (store: StoreUnderTest): void => {
    let host: WorkflowHost;
    before(async () => {
      host = await store.host({ workflows });
    });
    for (const mode of modes) {
      describe(mode, () => {
        before(() => {
          store.isForgetful = mode !== modes[0];
        });
        tests(() => host, store, mode);
      });
    }
  };
  onEveryStore(group, inBothModes, names);
}

function storeOf(name: StoreUnderTest["name"]): StoreUnderTest {
  let open: () => Persistence;
  let database: FreshDatabase | undefined;
  const hosts: WorkflowHost[] = [];
  let opened: Persistence | undefined;
  const arrows = new PointerArrows();
  const seen = new Map<string, Transition[]>();
  const pass = (transition: Transition): Transition => {
    const earlier = seen.get(transition.id);
    if (earlier === undefined) seen.set(transition.id, [transition]);
    else earlier.push(transition);
    arrows.see(transition);
    return store.isForgetful ? giveAway(transition) : transition;
  };
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
    assert.deepEqual(
      [...arrows.seen].filter((arrow) => !drawn.has(arrow)),
      [],
      "docs/states.md draws every arrow that a pointer was seen to go",
    );
  });
  const start = async (options: Omit<CreateHostOptions, "persistence">, persistence: Persistence) => {
    const host = createHost({ ...options, persistence });
    await host.start();
    hosts.push(host);
    return host;
  };
  const store: StoreUnderTest = {
    name,
    hasSql: name !== "memory",
    isForgetful: false,
    slowMs: 0,
    host: (options) => start({ pollMs: 20, ...options }, through((opened = open()), store, pass)),
    transitionsOf: (runId) => seen.get(runId) ?? [],
    pathsOf: async (runId) => {
      const page = await opened?.getExecutionPointersByInstance(runId, { limit: 10_000 });
      return (page?.items ?? []).map(({ path }) => path).sort();
    },
  };
  return store;
}

/** Has every transition pass by before it is committed. */
function through(
  persistence: Persistence,
  store: Pick<StoreUnderTest, "slowMs">,
  pass: (transition: Transition) => Transition,
): Persistence {
  const { instances }: { instances: InstanceStore } = persistence.store;
  const commit = instances.commit.bind(instances);
  instances.commit = async (batch) => {
    if (store.slowMs > 0) await new Promise((resolve) => setTimeout(resolve, store.slowMs));
    return commit(batch.map(pass));
  };
  const transact = instances.transact.bind(instances);
  instances.transact = (work) => transact(async (tx) => pass(await work(tx)));
  return persistence;
}
