import assert from "node:assert/strict";
import { EventSubscription } from "../../models/records/event-subscription.ts";
import { idsOf, instance, type Sentence, someId, sortedIds, unique } from "./ground.ts";

/** Upkeep. */
export function upkeepSentences(sentence: Sentence): void {
  sentence("what ended before a time is purged with all that hangs on it, and nothing else", async (store) => {
    const workflowDefinitionId = unique("order");
    const [old, young] = [new Date("2001-01-01"), new Date("2003-01-01")];
    const make = (facts: object) => instance(store, { workflowDefinitionId, createTime: old, ...facts });
    const gone = await make({ status: "Complete", completeTime: old });
    await store.createExecutionPointer(gone.id, { path: "a" });
    const kept = [
      await make({}),
      await make({ status: "Suspended" }),
      await make({ status: "Failed", completeTime: young }),
    ];
    const other = await instance(store, { createTime: old, status: "Complete", completeTime: old });
    const which = { workflowDefinitionId, endedBefore: new Date("2002-01-01") };
    assert.equal(await store.purgeWorkflows(which), 1);
    assert.equal(await store.purgeWorkflows(which), 0);
    assert.deepEqual(sortedIds((await store.getWorkflowInstances({ workflowDefinitionId })).items), sortedIds(kept));
    assert.deepEqual((await store.getExecutionPointersByInstance(gone.id)).items, []);
    assert.ok((await store.getWorkflowInstance(other.id)) !== null);
  });

  sentence("a purge may be bounded, and may want some ends only", async (store) => {
    const workflowDefinitionId = unique("order");
    const completeTime = new Date("2001-01-01");
    const make = (status: "Complete" | "Failed") =>
      instance(store, { workflowDefinitionId, status, completeTime, createTime: completeTime });
    const failed = await make("Failed");
    await Promise.all([make("Complete"), make("Complete"), make("Complete")]);
    const which = { workflowDefinitionId, endedBefore: new Date("2002-01-01"), status: "Complete" } as const;
    assert.equal(await store.purgeWorkflows({ ...which, limit: 2 }), 2);
    assert.equal(await store.purgeWorkflows(which), 1);
    assert.deepEqual(idsOf((await store.getWorkflowInstances({ workflowDefinitionId })).items), [failed.id]);
  });

  sentence("old events are purged, and younger ones stay", async (store) => {
    const eventName = unique("paid");
    const [, young] = await store.createEvents([
      { eventName, eventTime: new Date("1971-01-01") },
      { eventName, eventTime: new Date("1973-01-01") },
    ]);
    assert.ok((await store.purgeEvents({ before: new Date("1972-01-01") })) >= 1);
    assert.deepEqual((await store.getEvents({ eventName })).items, [young]);
  });

  sentence("subscriptions of what ended or never was are purged, and those of the living stay", async (store) => {
    const name = unique("paid");
    const { id } = await instance(store);
    const kept = await store.createSubscription(new EventSubscription(id, "wait", name));
    await store.createSubscription(new EventSubscription(someId(), "wait", name));
    await store.purgeSubscriptions({ before: new Date("2000-01-01") });
    assert.equal((await store.getSubscriptionsForEvent(name)).length, 2);
    assert.ok((await store.purgeSubscriptions({ before: new Date("2990-01-01") })) >= 1);
    assert.deepEqual(await store.getSubscriptionsForEvent(name), [kept]);
  });

  sentence("a store can be optimized, and is healthy", async (store) => {
    await store.optimize();
    const { isHealthy, latencyMs, time, version, problem } = await store.healthCheck();
    assert.deepEqual([isHealthy, problem], [true, null]);
    assert.ok(latencyMs >= 0 && time instanceof Date && typeof version === "string" && version !== "");
  });
}
