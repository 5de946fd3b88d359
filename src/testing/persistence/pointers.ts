import assert from "node:assert/strict";
import type { ExecutionPointerData } from "../../models/records/execution-pointer-data.ts";
import type { PersistenceProvider } from "../../persistence/records.ts";
import { instance, pagesOf, refused, type Sentence, someId, stored } from "./ground.ts";

const day = (n: number): Date => new Date(Date.UTC(2020, 0, n));

/** Execution pointers. */
export function pointerSentences(sentence: Sentence): void {
  const pointer = async (store: PersistenceProvider, id: string, path: string): Promise<ExecutionPointerData> => {
    const found = await store.getExecutionPointer(id, path);
    assert.ok(found !== null, `pointer ${path} is missing`);
    return found;
  };

  sentence("a pointer comes back with every field as it was given", async (store) => {
    const { id } = await instance(store);
    const failure = { name: "Error", message: "broken", errorClass: "transient" };
    const facts = {
      ...{ path: "each[3]/ship", seq: 4, attempts: 2, startTime: day(1), endTime: day(2) },
      status: "Failed",
      ...{ input: { sku: "A" }, outcome: [1n], failure },
    } as const;
    await store.createExecutionPointer(id, facts);
    const found = await pointer(store, id, "each[3]/ship");
    assert.deepEqual(found, { workflowId: id, dueTime: null, event: null, ...facts });
  });

  sentence("a pointer of which little is said has started now", async (store) => {
    const { id, createTime } = await instance(store);
    await store.createExecutionPointer(id, { path: "first" });
    const { status, attempts, startTime, endTime } = await pointer(store, id, "first");
    assert.deepEqual([status, attempts, endTime], ["Started", 1, null]);
    assert.ok(startTime !== null && startTime >= createTime);
  });

  sentence("many pointers are stored at once and listed by path, page by page", async (store) => {
    const { id } = await instance(store);
    const paths = Array.from({ length: 23 }, (_, n) => `step-${String(n).padStart(2, "0")}`);
    await store.createExecutionPointers(
      id,
      paths.toReversed().map((path, n) => ({ path, outcome: n })),
    );
    const pages = await pagesOf((page) => store.getExecutionPointersByInstance(id, page), 10);
    assert.deepEqual(
      pages.map((page) => page.map(({ path }) => path)),
      [paths.slice(0, 10), paths.slice(10, 20), paths.slice(20)],
    );
    assert.deepEqual((await store.getExecutionPointersByInstance((await instance(store)).id)).items, []);
  });

  sentence("of many pointers one that is in the way keeps all out", async (store) => {
    const { id } = await instance(store);
    await store.createExecutionPointer(id, { path: "b", outcome: "first" });
    const before = await stored(store, { id });
    const batch = ["a", "b", "c"].map((path) => ({ path }));
    await refused("DUPLICATE_RECORD", () => store.createExecutionPointers(id, batch));
    assert.equal(await store.getExecutionPointer(id, "a"), null);
    assert.equal((await pointer(store, id, "b")).outcome, "first");
    assert.deepEqual(await stored(store, { id }), before);
  });

  sentence("pointers of an instance that never was are refused", async (store) => {
    await refused("INSTANCE_NOT_FOUND", () => store.createExecutionPointers(someId(), [{ path: "a" }]));
    await refused("INSTANCE_NOT_FOUND", () => store.updateExecutionPointer(someId(), { path: "a" }));
    assert.equal(await store.getExecutionPointer(someId(), "a"), null);
  });

  sentence("an update changes what is named and keeps the rest", async (store) => {
    const { id } = await instance(store);
    await store.createExecutionPointer(id, { path: "a", startTime: day(1), input: "in", attempts: 1 });
    await store.updateExecutionPointer(id, { path: "a", status: "Complete", endTime: day(2), outcome: "out" });
    const { status, startTime, endTime, input, outcome, attempts } = await pointer(store, id, "a");
    assert.deepEqual(
      { status, startTime, endTime, input, outcome, attempts },
      { status: "Complete", startTime: day(1), endTime: day(2), input: "in", outcome: "out", attempts: 1 },
    );
  });

  sentence("of many updates one whose pointer is missing keeps all out", async (store) => {
    const { id } = await instance(store);
    await store.createExecutionPointers(id, [{ path: "a" }, { path: "b" }]);
    const changes = ["a", "x", "b"].map((path) => ({ path, status: "Complete" as const }));
    await refused("RECORD_NOT_FOUND", () => store.updateExecutionPointers(id, changes));
    assert.equal((await pointer(store, id, "a")).status, "Started");
    await store.updateExecutionPointers(id, [changes[0] ?? { path: "a" }, { path: "b", status: "Cancelled" }]);
    assert.deepEqual(
      [(await pointer(store, id, "a")).status, (await pointer(store, id, "b")).status],
      ["Complete", "Cancelled"],
    );
  });

  sentence("active are those that have started and not ended", async (store) => {
    const { id } = await instance(store);
    await store.createExecutionPointers(id, [{ path: "b" }, { path: "a" }, { path: "c", status: "Complete" }]);
    const active = await store.getActiveExecutionPointers(id);
    assert.deepEqual(
      active.map(({ path, status }) => `${path} ${status}`),
      ["a Started", "b Started"],
    );
    assert.deepEqual(await store.getActiveExecutionPointers(someId()), []);
  });

  sentence("no pointers are no change", async (store) => {
    const { id } = await instance(store);
    await store.createExecutionPointers(id, []);
    await store.updateExecutionPointers(id, []);
    assert.equal((await stored(store, { id })).revision, 0);
  });

  sentence("each write of pointers counts as a change of their instance", async (store) => {
    const { id } = await instance(store);
    await store.createExecutionPointer(id, { path: "a" });
    await store.updateExecutionPointer(id, { path: "a", status: "Complete" });
    assert.equal((await stored(store, { id })).revision, 2);
  });

  sentence("pointers of an instance that has ended may be told, but never changed", async (store) => {
    const { id } = await instance(store, { status: "Complete" });
    await store.createExecutionPointer(id, { path: "a", status: "Complete", outcome: 1 });
    await refused("INSTANCE_ENDED", () => store.updateExecutionPointer(id, { path: "a", outcome: 2 }));
    assert.equal((await pointer(store, id, "a")).outcome, 1);
    assert.equal((await stored(store, { id })).revision, 0);
  });
}
