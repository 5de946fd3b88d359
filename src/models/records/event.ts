import { fieldsOf } from "../known-fields.ts";
import {
  type Absent,
  checkDate,
  checkFlag,
  checkId,
  checkFields,
  checkOptionalDate,
  checkText,
  checkValue,
  isAbsent,
} from "./check.ts";

interface EventFields {
  readonly id?: string | Absent;
  readonly eventName: string;
  readonly eventKey?: string | Absent;
  readonly eventData?: unknown;
  readonly eventTime?: Date | Absent;
}

/** An event as it is stored. */
export interface StoredEvent {
  readonly id: string;
  readonly eventName: string;
  readonly eventKey: string | null;
  readonly eventData: unknown;
  readonly eventTime: Date;
  /** Somebody said so with `markEventProcessed`. What hosts deliver to waiting runs does not depend on it. */
  readonly isProcessed: boolean;
}

/**
 * A durable fact from outside, to be stored.
 *
 * ```ts
 * const registered = new Event("user_registered", "user_123").withEventData({ email: "user@example.com" });
 * await persistence.createEvent(registered);
 * ```
 */
export class Event implements EventFields {
  /** A UUID; left out, the store makes one. With an id of your own, storing it twice is refused. */
  readonly id: string | undefined;
  readonly eventName: string;
  /** Null matches only those who wait without a key. */
  readonly eventKey: string | null;
  readonly eventData: unknown;
  /** Left out: now, by the database's clock; so is a time that is still to come there. */
  readonly eventTime: Date | undefined;

  constructor(
    eventName: string,
    eventKey: string | null = null,
    rest: Omit<EventFields, "eventName" | "eventKey"> = {},
  ) {
    checkFields(rest, "event", newFields);
    this.eventName = eventName;
    this.eventKey = eventKey;
    this.id = rest.id ?? undefined;
    this.eventData = rest.eventData ?? null;
    this.eventTime = rest.eventTime ?? undefined;
  }

  static create(eventName: string, eventKey: string | null = null): Event {
    return new Event(eventName, eventKey);
  }

  /** The same event with other data. */
  withEventData(eventData: unknown): Event {
    return new Event(this.eventName, this.eventKey, { ...this, eventData });
  }

  withId(id: string): Event {
    return new Event(this.eventName, this.eventKey, { ...this, id });
  }

  withEventTime(eventTime: Date): Event {
    return new Event(this.eventName, this.eventKey, { ...this, eventTime });
  }
}

/** An event to be stored: an `Event`, or an object with its fields. */
export type NewEvent = EventFields;

export interface EventInsert {
  readonly id: string;
  readonly name: string;
  readonly key: string | null;
  readonly data: string | null;
  readonly publishedAt: number | null;
  /** The caller chose the id, so it may be taken. */
  readonly isNamed: boolean;
}

/** Also those of an event that was read: what the store alone decides is passed over. */
const newFields = fieldsOf<NewEvent | StoredEvent>({
  id: true,
  eventName: true,
  eventKey: true,
  eventData: true,
  eventTime: true,
  isProcessed: true,
});

/** Throws `InvalidRecordError`, `NotStorableError` and `ValueTooLargeError`. */
export function checkNewEvent(event: NewEvent, path: string, newId: () => string): EventInsert {
  checkFields(event, path, newFields);
  return {
    id: isAbsent(event.id) ? newId() : checkId(event.id, `${path}.id`),
    name: checkText(event.eventName, `${path}.eventName`),
    key: isAbsent(event.eventKey) ? null : checkText(event.eventKey, `${path}.eventKey`),
    data: isAbsent(event.eventData) ? null : checkValue(event.eventData, `${path}.eventData`),
    publishedAt: checkOptionalDate(event.eventTime, `${path}.eventTime`),
    isNamed: !isAbsent(event.id),
  };
}

/** Which events a listing shows: those for which all that is given holds. */
export interface EventFilter {
  readonly eventName?: string | undefined;
  /** Null: those without a key. */
  readonly eventKey?: string | null | undefined;
  /** At this time or later. */
  readonly from?: Date | undefined;
  /** Before this time. */
  readonly to?: Date | undefined;
  readonly isProcessed?: boolean | undefined;
}

export interface CheckedEventFilter {
  readonly name?: string;
  readonly key?: string | null;
  readonly from?: number;
  readonly to?: number;
  readonly processed?: boolean;
}

const filterFields = fieldsOf<EventFilter>({
  eventName: true,
  eventKey: true,
  from: true,
  to: true,
  isProcessed: true,
});

/** Throws `InvalidRecordError`. */
export function checkEventFilter(filter: EventFilter = {}): CheckedEventFilter {
  checkFields(filter, "filter", filterFields);
  const { eventName, eventKey, from, to } = filter;
  const processed = checkFlag(filter.isProcessed, "filter.isProcessed");
  return {
    ...(eventName !== undefined && { name: checkText(eventName, "filter.eventName") }),
    ...(eventKey !== undefined && { key: eventKey === null ? null : checkText(eventKey, "filter.eventKey") }),
    ...(from !== undefined && { from: checkDate(from, "filter.from") }),
    ...(to !== undefined && { to: checkDate(to, "filter.to") }),
    ...(processed !== undefined && { processed }),
  };
}
