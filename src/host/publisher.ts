import { validated } from "../execution/validate.ts";
import { encodeValue } from "../models/codec.ts";
import type { Environment } from "../models/environment.ts";
import type { EventType } from "../models/event-type.ts";
import { bucketOf, checkName, keyedId, newInstanceId, topicOf } from "../models/identity.ts";
import type { EngineStore, EventRow } from "../persistence/provider.ts";
import type { PublishOptions } from "./run.ts";

/** Checks what a caller wants to publish and makes the row of it. Throws before anything is stored. */
export async function prepareEvent<T>(
  event: EventType<T>,
  item: PublishOptions & { readonly key: string; readonly data: unknown },
  at: { readonly env: Environment; readonly store: EngineStore },
): Promise<EventRow> {
  const name = checkName(event.name, "event name");
  const key = checkName(item.key, "event key");
  await validated(event.schema, item.data, `event "${name}"`); // stored as given: who takes it applies the schema
  const { idempotencyKey, data } = item;
  const id =
    idempotencyKey === undefined
      ? newInstanceId(at.env)
      : keyedId("event", name, key, checkName(idempotencyKey, "idempotencyKey"));
  const topic = topicOf(name, key);
  return {
    bucket: bucketOf(topic, at.store.buckets),
    id,
    topic,
    name,
    key,
    data: data === undefined ? null : encodeValue(data, `event "${name}"`).json,
  };
}
