import type { EventFilter, NewEvent, StoredEvent } from "../models/records/event.ts";
import type { NewSubscription, StoredSubscription } from "../models/records/event-subscription.ts";
import type { Page, PageRequest } from "../models/records/page.ts";

/** Events. Hosts deliver a stored event to the runs that wait for it, once each, whether it was processed or not. */
export interface EventRecords {
  /** Throws `DuplicateRecordError`, `InvalidRecordError`, `NotStorableError` and `ValueTooLargeError`. */
  createEvent(event: NewEvent): Promise<StoredEvent>;
  /** All or none. */
  createEvents(events: readonly NewEvent[]): Promise<readonly StoredEvent[]>;
  getEvent(id: string): Promise<StoredEvent | null>;
  /** Oldest first. */
  getEvents(filter?: EventFilter, page?: PageRequest): Promise<Page<StoredEvent>>;
  /** Notes for your own account that an event was dealt with. False: there is none. */
  markEventProcessed(id: string): Promise<boolean>;
}

/** Who waits for which event. */
export interface SubscriptionRecords {
  /** Throws `DuplicateRecordError` and `InvalidRecordError`. */
  createSubscription(subscription: NewSubscription): Promise<StoredSubscription>;
  /** All or none. */
  createSubscriptions(subscriptions: readonly NewSubscription[]): Promise<readonly StoredSubscription[]>;
  /** Who waits for an event of this name and key; a null key matches only those who wait without one. By id; all of them, unless a
   *  limit is given. `after`: the id of the last one of the page before. */
  getSubscriptionsForEvent(
    eventName: string,
    eventKey?: string | null,
    page?: { readonly limit?: number | undefined; readonly after?: string | undefined },
  ): Promise<readonly StoredSubscription[]>;
  /** False: there is none. A run that waits does not notice, and waits on for its inbox. */
  removeSubscription(id: string): Promise<boolean>;
}
