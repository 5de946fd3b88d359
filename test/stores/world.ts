import { randomUUID } from "node:crypto";
import type { Delivery } from "../../src/persistence/event-store.ts";
import type {
  ClaimedInstance,
  EngineStore,
  InstanceRef,
  InstanceView,
  StartRow,
} from "../../src/persistence/provider.ts";
import type { Transition } from "../../src/models/transition.ts";
import { sorted, startRow, transition } from "./rows.ts";

/** A store that holds nothing yet, and whose time stands still until it is moved. */
export interface StoreUnderTest {
  readonly store: EngineStore;
  advance(ms: number): Promise<void>;
}

export type MakeStore = () => Promise<StoreUnderTest>;

export const order = "order@1";
export const everyBucket: readonly number[] = Array.from({ length: 64 }, (_, bucket) => bucket);

export async function liveNode(store: EngineStore, definitions: readonly string[] = [order]): Promise<string> {
  const id = randomUUID();
  await store.nodes.register({ id, label: "test", engine: "0.1.0", definitions });
  return id;
}

export async function claimAll(
  store: EngineStore,
  owner: string,
  definitions: readonly string[] = [order],
): Promise<readonly ClaimedInstance[]> {
  return (await store.instances.claim({ owner, buckets: everyBucket, definitions, limit: 1000 })).claimed;
}

export const claimedIds = async (store: EngineStore, owner: string): Promise<readonly string[]> =>
  (await claimAll(store, owner)).map((instance) => instance.id).sort();

export async function start(store: EngineStore, owner: string, facts: Partial<StartRow> = {}): Promise<StartRow> {
  const row = startRow(facts);
  await store.instances.start(owner, [row]);
  return row;
}

export async function startMany(store: EngineStore, owner: string, count: number): Promise<readonly StartRow[]> {
  const rows = sorted(Array.from({ length: count }, () => startRow()));
  await store.instances.start(owner, rows);
  return rows;
}

/** What a node does for what a crash cut off: delivers events, and has subscriptions look. */
export async function sweep(store: EngineStore, olderMs: number, limit: number): Promise<Delivery> {
  const given = await store.events.deliver(await store.events.undelivered(olderMs, limit));
  const found = await store.events.look(await store.events.unlooked(olderMs, limit));
  return {
    delivered: given.delivered + found.delivered,
    woke: given.woke || found.woke,
    owners: [...new Set([...given.owners, ...found.owners])],
    triggered: given.triggered,
  };
}

/** Commits one transition and answers whether it held. */
export async function commit(
  store: EngineStore,
  ref: InstanceRef,
  owner: string,
  facts: Partial<Transition> = {},
): Promise<boolean> {
  return (await store.instances.commit([transition(ref, owner, facts)])).refused.length === 0;
}

/** A new instance whose first transition was committed. */
export async function startAnd(store: EngineStore, owner: string, facts: Partial<Transition>): Promise<StartRow> {
  const row = await start(store, owner);
  await commit(store, row, owner, facts);
  return row;
}

export async function view(store: EngineStore, ref: InstanceRef): Promise<InstanceView> {
  const [found] = await store.instances.look([ref]);
  if (found === undefined) throw new Error("There is no such instance.");
  return found;
}

/** Kills a node: it is declared dead with the beat it has. */
export async function kill(store: EngineStore, id: string): Promise<void> {
  const node = (await store.nodes.list()).find((row) => row.id === id);
  await store.nodes.declareDead(id, node?.beat ?? 0, 0);
}

/** A definition of its own. */
export const named = (definition: string): Partial<StartRow> => ({ definition });
