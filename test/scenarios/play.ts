import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { PersistenceProvider, WorkflowHost } from "workflow-core";
import { PglitePersistenceProvider } from "workflow-core/pglite";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import type { EngineStore } from "../../src/persistence/provider.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { giveAway } from "../support/give-away.ts";
import { hostOn, Line, LocalBus, viewOf } from "../support/mortal.ts";
import type { Case, Mode, Stage } from "./case.ts";

export type StoreName = "memory" | "pglite" | "postgres";

const isQuick = process.env["TEST_QUICK"] === "1";
const atOnce = 12;

type Provider = PersistenceProvider & { readonly store: EngineStore };

/** What crashes leave behind must be the same rows, whatever crashed; these are those of the first play of each case. */
const firstPaths = new Map<Case, readonly string[]>();

/** Plays every case on one store: straight, with state reloaded after every transition, and with a crash after each. */
export function playOn(name: StoreName, cases: readonly Case[]): void {
  describe(`on ${name}`, () => {
    let provider: Provider;
    let database: FreshDatabase | undefined;
    before(async () => {
      if (name === "postgres") database = await freshDatabase();
      provider = providerOf(name, database?.url ?? "");
      await provider.initialize();
    });
    after(async () => {
      await provider.close();
      await database?.drop();
    });
    const store = (): Provider => provider;
    inMode("straight", { name, cases, store });
    if (!isQuick) inMode("loaded anew after every transition", { name, cases, store });
    if (!isQuick || name === "postgres") inMode("a crash after every transition", { name, cases, store });
  });
}

interface Plan {
  readonly name: StoreName;
  readonly cases: readonly Case[];
  readonly store: () => Provider;
}

function inMode(mode: Mode, { name, cases, store }: Plan): void {
  describe(mode, { concurrency: atOnce }, () => {
    const bus = new LocalBus();
    let shared: WorkflowHost;
    before(async () => {
      if (mode === "a crash after every transition") return;
      const change = mode === "straight" ? undefined : giveAway;
      const workflows = [...new Set(cases.flatMap((one) => one.workflows))];
      shared = await hostOn(viewOf(store().store, bus, change), { workflows });
    });
    after(() => shared?.stop());
    const turns = new Map<object, Promise<void>>();
    for (const one of cases) {
      test(`${one.row} ${one.name}`, async () => {
        if (mode !== "a crash after every transition")
          return play(one, { name, mode, provider: store(), host: shared, bus });
        // A host may run whatever has its workflows, and its death counts against all that it runs: who shares a workflow takes turns.
        await inTurn(turns, one.workflows, async () =>
          play(one, { name, mode, provider: store(), ...(await crashing(store(), one)) }),
        );
      });
    }
  });
}

/** Does `work` when all that was to be done before with any of these workflows is over. */
async function inTurn(
  turns: Map<object, Promise<void>>,
  workflows: readonly object[],
  work: () => Promise<void>,
): Promise<void> {
  const before = Promise.allSettled(workflows.flatMap((workflow) => turns.get(workflow) ?? []));
  const mine = before.then(work);
  for (const workflow of workflows) turns.set(workflow, mine);
  await mine;
}

interface Opened {
  readonly host: WorkflowHost;
  readonly bus: LocalBus;
  readonly close?: () => Promise<void>;
}

/** A host that runs nothing, and beside it a line of hosts that die. */
async function crashing({ store }: Provider, { workflows }: Case): Promise<Opened> {
  const bus = new LocalBus();
  const host = await hostOn(viewOf(store, bus), { workflows, concurrency: 0 });
  const line = new Line(store, bus, { workflows });
  await line.begin();
  const close = async (): Promise<void> => {
    await line.end();
    await host.stop();
  };
  return { host, bus, close };
}

interface Playing extends Opened {
  readonly name: StoreName;
  readonly mode: Mode;
  readonly provider: Provider;
}

async function play(one: Case, { name, mode, provider, host, bus, close }: Playing): Promise<void> {
  const others: WorkflowHost[] = [];
  const started: string[] = [];
  const stage: Stage = {
    host: watched(host, started),
    records: provider,
    mode,
    key: (key) => `${one.row} ${key} ${name} ${mode}`,
    async another(workflows, options = {}) {
      const other = await hostOn(viewOf(provider.store, bus), { workflows, ...options });
      others.push(other);
      return watched(other, started);
    },
  };
  try {
    assert.deepEqual(await one.play(stage), one.end);
    if (one.isRacy === true) return;
    const paths = await pathsOf(provider, started);
    assert.deepEqual(paths, firstPaths.get(one) ?? paths);
    firstPaths.set(one, paths);
  } finally {
    await Promise.all(others.map((other) => other.stop()));
    await close?.();
  }
}

/** Remembers which runs were started. */
function watched(host: WorkflowHost, started: string[]): WorkflowHost {
  const startWorkflow: WorkflowHost["startWorkflow"] = async (...given) => {
    const run = await host.startWorkflow(...given);
    started.push(run.id);
    return run;
  };
  return Object.create(host, { startWorkflow: { value: startWorkflow } }) as WorkflowHost;
}

/** What the runs of a play have left behind: each pointer's path and end. */
async function pathsOf(records: PersistenceProvider, runs: readonly string[]): Promise<readonly string[]> {
  const all = await Promise.all(
    runs.map(async (id, n) => {
      const { items } = await records.getExecutionPointersByInstance(id, { limit: 500 });
      return items.map(({ path, status, attempts }) => `${n} ${path} ${status} ${attempts}`).sort();
    }),
  );
  return all.flat();
}

function providerOf(name: StoreName, url: string): Provider {
  if (name === "memory") return new MemoryPersistenceProvider();
  if (name === "postgres") return new PostgresPersistenceProvider(url);
  const provider = new PglitePersistenceProvider({});
  // The hosts of this process share it: none of them is dead because it is another.
  Object.assign(provider.store, { alone: false });
  return provider;
}
