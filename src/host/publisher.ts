import { validated } from "../execution/validate.ts";
import { encodeValue } from "../models/codec.ts";
import type { Environment } from "../models/environment.ts";
import type { EventType } from "../models/event-type.ts";
import { InvalidRequestError } from "../models/errors.ts";
import { bucketOf, checkName, keyedId, newInstanceId, topicOf } from "../models/identity.ts";
import { checkItem } from "../models/known-fields.ts";
import type { EventRow } from "../persistence/event-store.ts";
import type { EngineStore } from "../persistence/provider.ts";
import { known, type PublishOptions } from "./run.ts";

/** Checks what a caller wants to publish, as the nth of many, and makes the row of it. Throws before anything is stored. */
export async function prepareEvent<T>(
  event: EventType<T>,
  item: PublishOptions & { readonly key: string; readonly data: unknown },
  at: { readonly env: Environment; readonly store: EngineStore; readonly n: number },
): Promise<EventRow> {
  checkEvent(event);
  checkItem(item, `publishEvents: items[${at.n}]`, known.publishItem);
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

function checkEvent(event: unknown): void {
  if (typeof event !== "object" || event === null)
    throw new InvalidRequestError("event", "must be an event: pass what event() returns");
}
