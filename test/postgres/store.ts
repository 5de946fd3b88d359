import { randomUUID } from "node:crypto";
import { after, before } from "node:test";
import pg from "pg";
import { systemEnvironment } from "../../src/models/environment.ts";
import { bucketOf, newInstanceId, topicOf } from "../../src/models/identity.ts";
import type { PointerRow, Transition } from "../../src/models/transition.ts";
import { PostgresPersistenceProvider, type PostgresProviderOptions } from "../../src/persistence/postgres/provider.ts";
import type { SqlEngineStore } from "../../src/persistence/postgres/store.ts";
import type { EventRow, SubscriptionRef } from "../../src/persistence/event-store.ts";
import type { InstanceRef, StartRow } from "../../src/persistence/provider.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";

export const env = systemEnvironment();
export const buckets = 64;
export const allBuckets: readonly number[] = Array.from({ length: buckets }, (_, bucket) => bucket);

/** What the tests of one file share: a database, and a client for looking behind the store's back. */
export interface World {
  readonly url: string;
  readonly client: pg.Client;
  /** A store in a schema of its own. */
  store(options?: Partial<PostgresProviderOptions>): Promise<SqlEngineStore>;
  /** Another process on the same schema. */
  again(store: SqlEngineStore, options?: Partial<PostgresProviderOptions>): Promise<SqlEngineStore>;
}

export function world(): World {
  let database: FreshDatabase | undefined;
  let client: pg.Client | undefined;
  let schemas = 0;
  const open: PostgresPersistenceProvider[] = [];
  const ready = (): { url: string; client: pg.Client } => {
    if (database === undefined || client === undefined) throw new Error("The world is not made yet.");
    return { url: database.url, client };
  };
  const make = async (options: PostgresProviderOptions): Promise<SqlEngineStore> => {
    const provider = new PostgresPersistenceProvider({ url: ready().url, ...options });
    open.push(provider);
    await provider.initialize();
    return provider.store;
  };
  before(async () => {
    database = await freshDatabase();
    client = new pg.Client(database.url);
    client.on("error", () => undefined);
    await client.connect();
  });
  after(async () => {
    await Promise.all(open.map((provider) => provider.close()));
    await client?.end();
    await database?.drop();
  });
  return {
    get url() {
      return ready().url;
    },
    get client() {
      return ready().client;
    },
    store: (options = {}) => make({ schema: `s${(schemas += 1)}`, ...options }),
    again: (store, options = {}) => make({ schema: store.tables.schema, ...options }),
  };
}

export const definitionName = "order@1";

export async function liveNode(
  store: SqlEngineStore,
  definitions: readonly string[] = [definitionName],
): Promise<string> {
  const id = randomUUID();
  await store.nodes.register({ id, label: "test", engine: "0.1.0", definitions });
  return id;
}

export function refOf(id: string = newInstanceId(env)): InstanceRef {
  return { id, bucket: bucketOf(id, buckets) };
}

/** A new instance. */
export function startRow(columns: Partial<StartRow> = {}): StartRow {
  return {
    ...refOf(columns.id),
    definition: "order",
    version: 1,
    own: true,
    data: `{"total":1}`,
    frontier: `{"format":1,"pointers":{"first":{}}}`,
    key: null,
    inputHash: null,
    reference: null,
    description: null,
    correlationId: null,
    tags: null,
    ...columns,
  };
}

export const sorted = <R extends InstanceRef>(rows: readonly R[]): readonly R[] =>
  [...rows].sort((a, b) => a.bucket - b.bucket || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));

/** New instances, owned by `owner`. */
export async function startMany(
  store: SqlEngineStore,
  owner: string,
  count: number,
  facts: Partial<StartRow> = {},
): Promise<readonly StartRow[]> {
  const rows = sorted(Array.from({ length: count }, () => startRow(facts)));
  await store.instances.start(owner, rows);
  return rows;
}

export async function startOne(store: SqlEngineStore, owner: string, facts: Partial<StartRow> = {}): Promise<StartRow> {
  const [row] = await startMany(store, owner, 1, facts);
  if (row === undefined) throw new Error("unreachable");
  return row;
}

/** The first transition of an instance that was born owned, unless said otherwise. */
export const transition = (ref: InstanceRef, owner: string, facts: Partial<Transition> = {}): Transition => ({
  bucket: ref.bucket,
  id: ref.id,
  owner,
  epoch: 1,
  revision: 0,
  status: "Runnable",
  data: null,
  frontier: `{"format":1,"pointers":{}}`,
  result: null,
  failure: null,
  reason: null,
  release: "keep",
  dueIn: null,
  dueAt: null,
  inboxSeen: 0,
  lane: false,
  pointers: [],
  history: [],
  subscribe: [],
  unsubscribe: [],
  consume: [],
  prune: [],
  ...facts,
});

export const pointer = (path: string, facts: Partial<PointerRow> = {}): PointerRow => ({
  path,
  write: "insert",
  status: "Complete",
  seq: 1,
  attempts: 1,
  input: null,
  outcome: null,
  patch: null,
  failure: null,
  tookMs: 0,
  below: null,
  ...facts,
});

export function eventRow(name: string, key: string | null, facts: Partial<EventRow> = {}): EventRow {
  const topic = topicOf(name, key);
  return { bucket: bucketOf(topic, buckets), id: randomUUID(), topic, name, key, data: null, ...facts };
}

export function subscriptionOf(
  instance: InstanceRef,
  name: string,
  key: string | null,
  path = "wait",
): SubscriptionRef {
  const topic = topicOf(name, key);
  return { bucket: bucketOf(topic, buckets), topic, instanceBucket: instance.bucket, instance: instance.id, path };
}

/** A transition that parks the instance at an event. */
export const waiting = (
  ref: InstanceRef,
  owner: string,
  event: readonly [name: string, key: string | null],
  facts: Partial<Transition> = {},
): Transition => {
  const [name, key] = event;
  const { bucket, topic, path } = subscriptionOf(ref, name, key);
  return transition(ref, owner, {
    release: "park",
    subscribe: [{ bucket, topic, path, name, key, heard: 0 }],
    ...facts,
  });
};
