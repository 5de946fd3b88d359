import { InvalidRecordError } from "../errors-records.ts";
import { isUuid } from "../identity.ts";
import { fieldsOf } from "../known-fields.ts";
import { type Absent, checkId, checkFields, checkOptionalDate, checkPath, checkText, isAbsent } from "./check.ts";

interface SubscriptionFields {
  readonly workflowId: string;
  readonly path: string;
  readonly eventName: string;
  readonly eventKey?: string | Absent;
  readonly subscribeAsOf?: Date | Absent;
}

/** An instance that waits for an event, as it is stored. */
export interface StoredSubscription {
  /** Made of what it is about: the same wait has the same id. */
  readonly id: string;
  readonly workflowId: string;
  /** Path of the pointer that waits. */
  readonly path: string;
  readonly eventName: string;
  readonly eventKey: string | null;
  /** Older events are not meant for it. */
  readonly subscribeAsOf: Date;
  readonly createTime: Date;
}

/**
 * An instance that waits for an event, to be stored. A host delivers matching events into the instance's inbox.
 *
 * ```ts
 * await persistence.createSubscription(new EventSubscription(workflowId, "wait-for-user", "user_registered", "user_123"));
 * ```
 */
export class EventSubscription implements SubscriptionFields {
  readonly workflowId: string;
  readonly path: string;
  readonly eventName: string;
  readonly eventKey: string | null;
  /** Left out: when the instance was created, or now if there is none. */
  readonly subscribeAsOf: Date | undefined;

  constructor(workflowId: string, path: string, eventName: string, eventKey: string | null = null) {
    this.workflowId = workflowId;
    this.path = path;
    this.eventName = eventName;
    this.eventKey = eventKey;
  }
}

/** A subscription to be stored: an `EventSubscription`, or an object with its fields. */
export type NewSubscription = SubscriptionFields;

export interface SubscriptionInsert {
  readonly instance: string;
  readonly path: string;
  readonly name: string;
  readonly key: string | null;
  readonly since: number | null;
}

/** Also those of a subscription that was read: what the store alone decides is passed over. */
const newFields = fieldsOf<NewSubscription | StoredSubscription>({
  workflowId: true,
  path: true,
  eventName: true,
  eventKey: true,
  subscribeAsOf: true,
  id: true,
  createTime: true,
});

/** Throws `InvalidRecordError`. */
export function checkNewSubscription(subscription: NewSubscription, path: string): SubscriptionInsert {
  checkFields(subscription, path, newFields);
  const { eventKey } = subscription;
  return {
    instance: checkId(subscription.workflowId, `${path}.workflowId`),
    path: checkPath(subscription.path, `${path}.path`),
    name: checkText(subscription.eventName, `${path}.eventName`),
    key: isAbsent(eventKey) ? null : checkText(eventKey, `${path}.eventKey`),
    since: checkOptionalDate(subscription.subscribeAsOf, `${path}.subscribeAsOf`),
  };
}

/** What a subscription is found by. */
export interface SubscriptionName {
  readonly topic: string;
  readonly instance: string;
  readonly path: string;
}

export const subscriptionId = ({ topic, instance, path }: SubscriptionName): string => `${topic}/${instance}/${path}`;

/** Throws `InvalidRecordError` for what is no subscription's id. */
export function readSubscriptionId(id: unknown): SubscriptionName {
  const [topic, instance, ...path] = typeof id === "string" ? id.split("/") : [];
  if (!isUuid(topic) || !isUuid(instance) || path.length === 0)
    throw new InvalidRecordError("id", "is no id that a subscription has");
  return { topic: topic.toLowerCase(), instance: instance.toLowerCase(), path: checkPath(path.join("/"), "id") };
}
