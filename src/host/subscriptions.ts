import type { LiveInstance } from "../execution/live-instance.ts";
import { bucketOf, topicOf } from "../models/identity.ts";
import type { SubscriptionRef } from "../persistence/event-store.ts";

/** What an instance waits for. */
export function subscriptionsOf(live: LiveInstance, buckets: number): readonly SubscriptionRef[] {
  return Object.entries(live.state.frontier.pointers).flatMap(([path, { event }]) => {
    if (event === undefined) return [];
    const topic = topicOf(event.name, event.key);
    return [{ bucket: bucketOf(topic, buckets), topic, instanceBucket: live.bucket, instance: live.id, path }];
  });
}
