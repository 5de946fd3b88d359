import { randomUUID } from "node:crypto";
import { systemEnvironment } from "../../src/models/environment.ts";
import { bucketOf, newInstanceId, topicOf } from "../../src/models/identity.ts";
import type { PointerRow, Transition } from "../../src/models/transition.ts";
import type { EventRow, SubscriptionRef } from "../../src/persistence/event-store.ts";
import type { InstanceRef, StartRow } from "../../src/persistence/provider.ts";

const env = systemEnvironment();
export const buckets = 64;

export function refOf(id: string = newInstanceId(env)): InstanceRef {
  return { id, bucket: bucketOf(id, buckets) };
}

export const sorted = <R extends InstanceRef>(rows: readonly R[]): readonly R[] =>
  [...rows].sort((a, b) => a.bucket - b.bucket || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));

/** A new instance, owned by whoever starts it unless said otherwise. */
export const startRow = (facts: Partial<StartRow> = {}): StartRow => ({
  ...refOf(facts.id),
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
  ...facts,
});

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

const eventName = "paid";

export function eventRow(key: string | null, facts: Partial<EventRow> = {}): EventRow {
  const name = facts.name ?? eventName;
  const topic = topicOf(name, key);
  return { bucket: bucketOf(topic, buckets), id: randomUUID(), topic, name, key, data: null, ...facts };
}

export function subscriptionOf(instance: InstanceRef, key: string | null, path = "wait"): SubscriptionRef {
  const topic = topicOf(eventName, key);
  return { bucket: bucketOf(topic, buckets), topic, instanceBucket: instance.bucket, instance: instance.id, path };
}

/** A transition that parks the instance until it is paid. */
export function waiting(
  ref: InstanceRef,
  owner: string,
  key: string | null,
  facts: Partial<Transition> = {},
): Transition {
  const { bucket, topic, path } = subscriptionOf(ref, key);
  const subscribe = [{ bucket, topic, path, name: eventName, key, heard: 0 }];
  return transition(ref, owner, { release: "park", subscribe, ...facts });
}
