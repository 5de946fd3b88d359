import assert from "node:assert/strict";
import type { WorkflowInstanceData } from "../../models/records/workflow-instance-data.ts";
import { idsOf, instance, refused, type Sentence, someId, sortedIds, stored, unique } from "./ground.ts";

/** Instances one by one and many at once. */
export function instanceSentences(sentence: Sentence): void {
  sentence("an instance comes back with every field as it was given", async (store) => {
    const facts = {
      id: someId(),
      workflowDefinitionId: unique("order"),
      version: 3,
      description: "Example workflow",
      reference: "R-1",
      status: "Suspended",
      data: { input: "hello", list: [1, null, { deep: true }], at: new Date(5), big: 10n },
      createTime: new Date("2020-02-03T04:05:06.789Z"),
      correlationId: "C-1",
      tags: { region: "eu", __proto__x: "y" },
      reason: "by hand",
    } as const;
    await store.createWorkflowInstance(facts);
    const { updateTime, ...found } = await stored(store, facts);
    assert.ok(updateTime >= facts.createTime);
    assert.deepEqual(found, {
      ...facts,
      completeTime: null,
      nextExecution: null,
      nodeId: null,
      result: null,
      failure: null,
      revision: 0,
    });
  });

  sentence("an instance of which little is said is Runnable, due, and version 1", async (store) => {
    const made = await instance(store);
    const found = await stored(store, made);
    assert.deepEqual(found, made);
    assert.deepEqual([found.status, found.version, found.data, found.tags], ["Runnable", 1, null, {}]);
    assert.ok(found.nextExecution !== null && found.nextExecution <= new Date(found.createTime.getTime() + 1));
  });

  sentence("a new instance whose id is taken is refused, and the stored one stays", async (store) => {
    const made = await instance(store, { data: "first" });
    await refused("DUPLICATE_RECORD", () => instance(store, { id: made.id, data: "second" }));
    assert.deepEqual(await stored(store, made), made);
  });

  sentence("of many instances one that is in the way keeps all out", async (store) => {
    const made = await instance(store);
    const workflowDefinitionId = unique("order");
    const batch = [{ workflowDefinitionId }, { workflowDefinitionId, id: made.id }, { workflowDefinitionId }];
    await refused("DUPLICATE_RECORD", () => store.createWorkflowInstances(batch));
    assert.deepEqual((await store.getWorkflowInstances({ workflowDefinitionId })).items, []);
  });

  sentence("many instances come back in the order in which they were given", async (store) => {
    const batch = Array.from({ length: 50 }, (_, n) => ({
      workflowDefinitionId: unique("order"),
      id: someId(),
      data: n,
    }));
    const made = await store.createWorkflowInstances(batch);
    assert.deepEqual(idsOf(made), idsOf(batch));
    assert.deepEqual(
      made.map(({ data }) => data),
      batch.map(({ data }) => data),
    );
    assert.deepEqual(await store.createWorkflowInstances([]), []);
  });

  sentence("an id twice in one call is refused before anything is stored", async (store) => {
    const [id, workflowDefinitionId] = [someId(), unique("order")];
    const batch = [
      { workflowDefinitionId, id },
      { workflowDefinitionId, id: id.toUpperCase() },
    ];
    await refused("DUPLICATE_RECORD", () => store.createWorkflowInstances(batch));
    assert.equal(await store.getWorkflowInstance(id), null);
  });

  sentence("an instance that never was is null", async (store) => {
    assert.equal(await store.getWorkflowInstance(someId()), null);
  });

  sentence("what is read is a copy", async (store) => {
    const made = await instance(store, { data: { at: new Date(5) } });
    ((await stored(store, made)).data as { at: Date }).at.setTime(6);
    assert.deepEqual((await stored(store, made)).data, { at: new Date(5) });
  });

  sentence("an update changes what is named and nothing else", async (store) => {
    const made = await instance(store, { description: "old", reference: "R", tags: { a: "1" }, data: { n: 1 } });
    const updated = await store.updateWorkflowInstance({ id: made.id, description: "new", tags: { b: "2" } });
    const { updateTime, ...rest } = updated;
    assert.ok(updateTime >= made.updateTime);
    const expected = { ...made, description: "new", tags: { b: "2" }, revision: 1 };
    assert.deepEqual({ ...rest, updateTime: made.updateTime }, expected);
    assert.deepEqual(await stored(store, made), updated);
  });

  sentence("an update with null clears a label", async (store) => {
    const made = await instance(store, { description: "old", reference: "R", tags: { a: "1" }, correlationId: "C" });
    await store.updateWorkflowInstance({
      id: made.id,
      description: null,
      reference: null,
      tags: null,
      correlationId: null,
    });
    const { description, reference, tags, correlationId } = await stored(store, made);
    assert.deepEqual(
      { description, reference, tags, correlationId },
      {
        ...{ description: null, reference: null, correlationId: null },
        tags: {},
      },
    );
  });

  sentence("an instance that was read can be changed and persisted", async (store) => {
    const made = await instance(store, { data: { count: 1 } });
    const persisted = await store.persistWorkflow({ ...made, data: { count: 2 }, description: "counted" });
    assert.deepEqual([persisted.data, persisted.description, persisted.revision], [{ count: 2 }, "counted", 1]);
  });

  sentence("an instance that moved since it was read is not overwritten", async (store) => {
    const read = await instance(store, { data: { count: 1 } });
    await store.updateWorkflowInstance({ id: read.id, data: { count: 2 } });
    await refused("STALE_RECORD", () => store.persistWorkflow({ ...read, data: { count: 3 } }));
    assert.deepEqual((await stored(store, read)).data, { count: 2 });
  });

  sentence("an update of an instance that never was is refused", async (store) => {
    await refused("INSTANCE_NOT_FOUND", () => store.updateWorkflowInstance({ id: someId(), description: "x" }));
  });

  sentence("of many updates one that is refused keeps all out", async (store) => {
    const [first, last] = [await instance(store), await instance(store)];
    const changes = [first.id, someId(), last.id].map((id) => ({ id, description: "changed" }));
    await refused("INSTANCE_NOT_FOUND", () => store.updateWorkflowInstances(changes));
    assert.deepEqual([await stored(store, first), await stored(store, last)], [first, last]);
  });

  sentence("many updates are done at once, each its own", async (store) => {
    const made = await Promise.all(Array.from({ length: 20 }, () => instance(store)));
    const changes = made.map(({ id }, n) => ({ id, data: { n }, ...(n % 2 === 0 && { reference: `R-${n}` }) }));
    const updated = await store.updateWorkflowInstances(changes);
    assert.deepEqual(idsOf(updated), idsOf(made));
    for (const [n, { data, reference }] of updated.entries())
      assert.deepEqual({ data, reference }, { data: { n }, reference: n % 2 === 0 ? `R-${n}` : null });
  });

  sentence("an instance that ends gets its time and is due no more", async (store) => {
    const made = await instance(store);
    const ended = await store.updateWorkflowInstance({ id: made.id, status: "Complete", result: { sum: 3 } });
    assert.deepEqual([ended.status, ended.result, ended.nextExecution], ["Complete", { sum: 3 }, null]);
    assert.ok(ended.completeTime !== null && ended.completeTime >= made.createTime);
  });

  for (const status of ["Complete", "Terminated", "Failed"] as const) {
    sentence(`an instance that is ${status} never changes, except for its labels`, async (store) => {
      const made = await instance(store, { status, data: { total: 1 } });
      for (const change of [{ status: "Runnable" }, { data: { total: 2 } }, { nextExecution: new Date(0) }] as const)
        await refused("INSTANCE_ENDED", () => store.updateWorkflowInstance({ id: made.id, ...change }));
      assert.deepEqual(await stored(store, made), made);
      const labelled = await store.persistWorkflow({ ...made, tags: { seen: "yes" } });
      assert.deepEqual(
        [labelled.status, labelled.completeTime, labelled.tags],
        [status, made.completeTime, { seen: "yes" }],
      );
    });
  }

  sentence("a suspended instance is not due, and is due at once when it is made Runnable", async (store) => {
    const made = await instance(store);
    const suspended = await store.updateWorkflowInstance({ id: made.id, status: "Suspended", reason: "wait" });
    assert.deepEqual([suspended.nextExecution, suspended.reason], [null, "wait"]);
    const resumed = await store.updateWorkflowInstance({ id: made.id, status: "Runnable" });
    assert.deepEqual([resumed.nextExecution !== null, resumed.reason], [true, null]);
  });

  sentence("a deleted instance is gone with all that hangs on it", async (store) => {
    const [made, other] = [await instance(store), await instance(store)];
    const name = unique("paid");
    for (const { id } of [made, other]) {
      await store.createExecutionPointers(id, [{ path: "first" }]);
      await store.createExecutionHistory({ workflowId: id, type: "note" });
      await store.recordError({ workflowId: id, error: new Error("broken") });
      await store.createSubscription({ workflowId: id, path: "wait", eventName: name });
    }
    assert.equal(await store.deleteWorkflowInstance(made.id), true);
    assert.equal(await store.deleteWorkflowInstance(made.id), false);
    const left = async ({ id }: WorkflowInstanceData) => [
      await store.getWorkflowInstance(id),
      (await store.getExecutionPointersByInstance(id)).items.length,
      (await store.getExecutionHistory(id)).items.length,
      (await store.getErrors(id)).items.length,
    ];
    assert.deepEqual(await left(made), [null, 0, 0, 0]);
    assert.deepEqual((await left(other)).slice(1), [1, 2, 1]);
    assert.deepEqual(
      (await store.getSubscriptionsForEvent(name)).map(({ workflowId }) => workflowId),
      [other.id],
    );
  });

  sentence("runnable are those that are Runnable and due, longest due first", async (store) => {
    const at = (ms: number): Date => new Date(ms);
    const [late, early] = [
      await instance(store, { nextExecution: at(2_000) }),
      await instance(store, { nextExecution: at(1_000) }),
    ];
    const none = [
      await instance(store, { nextExecution: new Date("2990-01-01") }),
      await instance(store, { status: "Suspended" }),
      await instance(store, { status: "Complete" }),
    ];
    const runnable = idsOf(await store.getRunnableInstances(10_000));
    assert.ok(runnable.indexOf(early.id) >= 0 && runnable.indexOf(early.id) < runnable.indexOf(late.id));
    for (const { id } of none) assert.ok(!runnable.includes(id));
    assert.equal((await store.getRunnableInstances(1)).length, 1);
  });

  sentence("an instance that is created many times at once is created once", async (store) => {
    const id = someId();
    const made = await Promise.allSettled(Array.from({ length: 8 }, (_, n) => instance(store, { id, data: n })));
    assert.equal(made.filter(({ status }) => status === "fulfilled").length, 1);
    assert.deepEqual(sortedIds([await stored(store, { id })]), [id]);
  });
}
