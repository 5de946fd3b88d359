import { uncheckedFrontier } from "../models/frontier.ts";
import { bucketOf, inLockOrder, keyedId } from "../models/identity.ts";
import type { Triggered, TriggeredStart } from "./event-store.ts";
import type { EngineStore } from "./provider.ts";

/** Whose data one batch copies. */
const eventsAtOnce = 100;
const frontier = JSON.stringify(uncheckedFrontier);

/**
 * Starts the runs that events were found to start, after a delivery; answers those that are new. An event is the key of its starts: it
 * starts one run of a definition, whoever does so and however often.
 */
export async function startTriggered(
  store: Pick<EngineStore, "events" | "buckets">,
  triggered: readonly Triggered[],
  send: (call: () => Promise<readonly string[]>) => Promise<readonly string[]> = (call) => call(),
): Promise<readonly TriggeredStart[]> {
  const started: TriggeredStart[] = [];
  const starts = triggered.map((one) => startOf(one, store.buckets));
  // An event that is published again, under its key, may come several times.
  for (const batch of batchesOf([...new Map(starts.map((one) => [one.id, one])).values()])) {
    const ids = new Set(await send(() => store.events.start(batch, frontier)));
    started.push(...batch.filter(({ id }) => ids.has(id)));
  }
  return started;
}

function startOf(one: Triggered, buckets: number): TriggeredStart {
  const id = keyedId("start", one.definition, one.event.id);
  return { ...one, id, bucket: bucketOf(id, buckets) };
}

/** Batches in lock order; what one event starts is never in two of them. */
function batchesOf(starts: readonly TriggeredStart[]): readonly (readonly TriggeredStart[])[] {
  const byEvent = new Map<string, TriggeredStart[]>();
  for (const one of starts) byEvent.set(one.event.id, [...(byEvent.get(one.event.id) ?? []), one]);
  const events = [...byEvent.values()];
  const batches: (readonly TriggeredStart[])[] = [];
  for (let at = 0; at < events.length; at += eventsAtOnce) {
    const batch = events.slice(at, at + eventsAtOnce).flat();
    batches.push(batch.sort(inLockOrder));
  }
  return batches;
}
