import assert from "node:assert/strict";
import type { WorkflowInstanceFilter } from "../../models/records/workflow-instance-data.ts";
import type { PersistenceProvider } from "../../persistence/records.ts";
import { idsOf, instance, pagesOf, pause, type Sentence, someId, sortedIds, unique } from "./ground.ts";

/** Instances by filter and by page. */
export function listingSentences(sentence: Sentence): void {
  const found = async (store: PersistenceProvider, filter: WorkflowInstanceFilter): Promise<readonly string[]> =>
    sortedIds((await store.getWorkflowInstances(filter)).items);

  sentence("instances are found by workflow, version, status, reference and correlation", async (store) => {
    const workflowDefinitionId = unique("order");
    const a = await instance(store, { workflowDefinitionId, reference: "R-1", status: "Suspended" });
    const b = await instance(store, { workflowDefinitionId, version: 2, correlationId: "C-1" });
    const c = await instance(store, { workflowDefinitionId, status: "Complete" });
    await instance(store, { reference: "R-1", correlationId: "C-1" });
    const by = (filter: WorkflowInstanceFilter) => found(store, { workflowDefinitionId, ...filter });
    assert.deepEqual(await by({}), sortedIds([a, b, c]));
    assert.deepEqual(await by({ version: 2 }), [b.id]);
    assert.deepEqual(await by({ status: "Suspended" }), [a.id]);
    assert.deepEqual(await by({ status: ["Runnable", "Complete"] }), sortedIds([b, c]));
    assert.deepEqual(await by({ reference: "R-1" }), [a.id]);
    assert.deepEqual(await by({ correlationId: "C-1" }), [b.id]);
    assert.deepEqual(await by({ reference: "R-1", version: 2 }), []);
  });

  sentence("instances are found by tags, all of which must be there", async (store) => {
    const workflowDefinitionId = unique("order");
    const both = await instance(store, { workflowDefinitionId, tags: { region: "eu", "it's": 'a "tag"' } });
    const one = await instance(store, { workflowDefinitionId, tags: { region: "eu" } });
    await instance(store, { workflowDefinitionId });
    assert.deepEqual(await found(store, { workflowDefinitionId, tags: { region: "eu" } }), sortedIds([both, one]));
    assert.deepEqual(await found(store, { workflowDefinitionId, tags: { region: "eu", "it's": 'a "tag"' } }), [
      both.id,
    ]);
    assert.deepEqual(await found(store, { workflowDefinitionId, tags: { region: "us" } }), []);
  });

  sentence("instances are found by when they were created: from a time on, and before one", async (store) => {
    const workflowDefinitionId = unique("order");
    const times = ["2020-01-01", "2020-01-02", "2020-01-03"].map((day) => new Date(day));
    const made = [];
    for (const createTime of times) made.push(await instance(store, { workflowDefinitionId, createTime }));
    const [, second, third] = times;
    assert.deepEqual(await found(store, { workflowDefinitionId, createdFrom: second }), sortedIds(made.slice(1)));
    assert.deepEqual(await found(store, { workflowDefinitionId, createdTo: second }), sortedIds(made.slice(0, 1)));
    const between = await found(store, { workflowDefinitionId, createdFrom: second, createdTo: third });
    assert.deepEqual(between, sortedIds(made.slice(1, 2)));
  });

  sentence("instances are found by when they were last changed", async (store) => {
    const workflowDefinitionId = unique("order");
    const [a, b] = [await instance(store, { workflowDefinitionId }), await instance(store, { workflowDefinitionId })];
    await pause(5);
    const { updateTime } = await store.updateWorkflowInstance({ id: b.id, description: "changed" });
    assert.ok(updateTime > a.updateTime);
    assert.deepEqual(await found(store, { workflowDefinitionId, updatedFrom: updateTime }), [b.id]);
    assert.deepEqual(await found(store, { workflowDefinitionId, updatedTo: updateTime }), [a.id]);
  });

  sentence("instances are found by the node that runs them; nobody runs what is new", async (store) => {
    const workflowDefinitionId = unique("order");
    const made = await instance(store, { workflowDefinitionId });
    assert.deepEqual(await found(store, { workflowDefinitionId, nodeId: null }), [made.id]);
    assert.deepEqual(await found(store, { workflowDefinitionId, nodeId: someId() }), []);
  });

  sentence("pages are newest first and miss and repeat nothing, also where many have one time", async (store) => {
    const workflowDefinitionId = unique("order");
    const batch = Array.from({ length: 25 }, (_, n) => ({
      ...{ workflowDefinitionId, id: someId() },
      createTime: new Date(Date.UTC(2020, 0, 1 + Math.floor(n / 10))),
    }));
    const made = await store.createWorkflowInstances(batch);
    const pages = await pagesOf((page) => store.getWorkflowInstances({ workflowDefinitionId }, page), 7);
    assert.deepEqual(
      pages.map(({ length }) => length),
      [7, 7, 7, 4],
    );
    assert.deepEqual(sortedIds(pages.flat()), sortedIds(made));
    const times = pages.flat().map(({ createTime }) => createTime.getTime());
    assert.deepEqual(
      times,
      times.toSorted((x, y) => y - x),
    );
  });

  sentence("a page after another is not shifted by what is created meanwhile", async (store) => {
    const workflowDefinitionId = unique("order");
    const made = [];
    for (let n = 0; n < 4; n += 1) made.push(await instance(store, { workflowDefinitionId }));
    const first = await store.getWorkflowInstances({ workflowDefinitionId }, { limit: 2 });
    await instance(store, { workflowDefinitionId });
    const second = await store.getWorkflowInstances({ workflowDefinitionId }, { limit: 2, after: first.next });
    assert.deepEqual(sortedIds([...first.items, ...second.items]), sortedIds(made));
    assert.equal(second.next, null);
  });

  sentence("a page may begin at an offset", async (store) => {
    const workflowDefinitionId = unique("order");
    for (let n = 0; n < 5; n += 1) await instance(store, { workflowDefinitionId });
    const all = idsOf((await store.getWorkflowInstances({ workflowDefinitionId })).items);
    const part = await store.getWorkflowInstances({ workflowDefinitionId }, { limit: 2, offset: 3 });
    assert.deepEqual([idsOf(part.items), part.next], [all.slice(3), null]);
    assert.deepEqual((await store.getWorkflowInstances({ workflowDefinitionId }, { offset: 9 })).items, []);
  });
}
