import assert from "node:assert/strict";
import type { HistoryFilter } from "../../models/records/execution-history-entry.ts";
import type { PersistenceProvider } from "../../persistence/records.ts";
import { idsOf, instance, pagesOf, refused, refusedAt, type Sentence, someId } from "./ground.ts";

const day = (n: number): Date => new Date(Date.UTC(2020, 0, n));

/** An instance with two pointers that ended, one that did not, and two entries; one thing a day. */
async function eventful(store: PersistenceProvider): Promise<string> {
  const { id } = await instance(store);
  await store.createExecutionPointers(id, [
    { path: "reserve", status: "Complete", endTime: day(1), outcome: { stock: 1 } },
    { path: "each[3]/ship", status: "Failed", endTime: day(3), failure: new Error("no parcel") },
    { path: "later" },
  ]);
  await store.createExecutionHistory([
    { workflowId: id, type: "note", path: "each[4]/ship", time: day(4), detail: { said: "hello" } },
    { workflowId: id, type: "audit", time: day(2) },
  ]);
  return id;
}

/** History. */
export function historySentences(sentence: Sentence): void {
  const told = async (store: PersistenceProvider, id: string, filter?: HistoryFilter): Promise<readonly string[]> =>
    (await store.getExecutionHistory(id, filter)).items.map(({ type, path }) => `${type} ${path ?? "-"}`);

  sentence("history is what has ended and what was entered, oldest first", async (store) => {
    const id = await eventful(store);
    const { items, next } = await store.getExecutionHistory(id);
    assert.equal(next, null);
    assert.deepEqual(
      items.map(({ type, path, time }) => [type, path, time]),
      [
        ["step", "reserve", day(1)],
        ["audit", null, day(2)],
        ["step", "each[3]/ship", day(3)],
        ["note", "each[4]/ship", day(4)],
      ],
    );
    assert.deepEqual(items[3]?.detail, { said: "hello" });
    const { status, outcome } = items[0]?.detail as { readonly status: unknown; readonly outcome: unknown };
    assert.deepEqual({ status, outcome }, { status: "Complete", outcome: { stock: 1 } });
  });

  sentence("history is found by step, whatever its lap, by type and by time", async (store) => {
    const id = await eventful(store);
    assert.deepEqual(await told(store, id, { step: "each[]/ship" }), ["step each[3]/ship", "note each[4]/ship"]);
    assert.deepEqual(await told(store, id, { step: "each[4]/ship" }), ["note each[4]/ship"]);
    assert.deepEqual(await told(store, id, { type: "step" }), ["step reserve", "step each[3]/ship"]);
    assert.deepEqual(await told(store, id, { type: ["audit", "note"] }), ["audit -", "note each[4]/ship"]);
    assert.deepEqual(await told(store, id, { from: day(2), to: day(4) }), ["audit -", "step each[3]/ship"]);
    assert.deepEqual(await told(store, id, { type: "step", from: day(2) }), ["step each[3]/ship"]);
  });

  sentence("pages of history miss and repeat nothing, also where all have one time", async (store) => {
    const { id } = await instance(store);
    await store.createExecutionHistory(
      Array.from({ length: 9 }, (_, n) => ({ workflowId: id, type: `n${n}`, time: day(1) })),
    );
    await store.createExecutionPointers(
      id,
      Array.from(
        { length: 4 },
        (_, n) => ({ path: `s${n}`, seq: 4 - n, status: "Complete", endTime: day(1) }) as const,
      ),
    );
    const all = await pagesOf((page) => store.getExecutionHistory(id, {}, page), 5);
    assert.deepEqual(
      all.map(({ length }) => length),
      [5, 5, 3],
    );
    assert.equal(new Set(idsOf(all.flat())).size, 13);
    const steps = all.flat().flatMap(({ type, path }) => (type === "step" ? [path] : []));
    assert.deepEqual(steps, ["s3", "s2", "s1", "s0"], "steps of one time stand in order of completion");
  });

  sentence("history of many instances may be stored at once, and is kept apart", async (store) => {
    const [a, b] = [await instance(store), await instance(store)];
    const ids = await store.createExecutionHistory([a, b, a].map(({ id }, n) => ({ workflowId: id, type: `n${n}` })));
    assert.equal(new Set(ids).size, 3);
    assert.deepEqual(await told(store, b.id), ["n1 -"]);
    assert.equal((await told(store, a.id)).length, 2);
  });

  sentence("history of an instance that never was is refused, and keeps all out", async (store) => {
    const { id } = await instance(store);
    const entries = [id, someId()].map((workflowId) => ({ workflowId, type: "note" }));
    await refused("INSTANCE_NOT_FOUND", () => store.createExecutionHistory(entries));
    assert.deepEqual(await told(store, id), []);
    assert.deepEqual(await told(store, someId()), []);
  });

  sentence("writing history does not count as a change of the instance", async (store) => {
    const { id, revision } = await instance(store);
    await store.createExecutionHistory({ workflowId: id, type: "note" });
    await store.recordError({ workflowId: id, error: "x" });
    assert.equal((await store.getWorkflowInstance(id))?.revision, revision);
  });
}

/** Errors. */
export function errorSentences(sentence: Sentence): void {
  sentence("errors are those that were recorded and those of steps that failed", async (store) => {
    const id = await eventful(store);
    const error = new RangeError("too far", { cause: new Error("too fast") });
    const recorded = await store.recordError({ workflowId: id, path: "reserve", time: day(5), error });
    const { items } = await store.getErrors(id);
    assert.deepEqual(
      items.map(({ path, time, failure, resolvedTime }) => [path, time, failure.message, resolvedTime]),
      [
        ["each[3]/ship", day(3), "no parcel", null],
        ["reserve", day(5), "too far", null],
      ],
    );
    assert.equal(items[1]?.id, recorded);
    assert.deepEqual([items[1].failure.name, items[1].failure.cause?.message], ["RangeError", "too fast"]);
  });

  sentence("an error that is resolved says when, and others do not", async (store) => {
    const id = await eventful(store);
    const recorded = await store.recordError({ workflowId: id, error: new Error("broken") });
    const [step] = (await store.getErrors(id)).items;
    for (const resolved of [recorded, step?.id ?? ""]) {
      const before = idsOf((await store.getErrors(id, { isResolved: true })).items);
      assert.equal(await store.resolveError(resolved), true);
      assert.deepEqual((await store.getErrors(id, { isResolved: true })).items.length, before.length + 1);
    }
    assert.deepEqual((await store.getErrors(id, { isResolved: false })).items, []);
  });

  sentence("an error that is resolved twice keeps the first time", async (store) => {
    const { id } = await instance(store);
    const error = await store.recordError({ workflowId: id, error: "x" });
    await store.resolveError(error);
    const [first] = (await store.getErrors(id)).items;
    assert.equal(await store.resolveError(error), true);
    assert.deepEqual((await store.getErrors(id)).items, [first]);
  });

  sentence("an error that was read can be recorded again, as another one that nobody has resolved", async (store) => {
    const id = await eventful(store);
    await store.resolveError((await store.getErrors(id)).items[0]?.id ?? "");
    const [read] = (await store.getErrors(id)).items;
    assert.ok(read !== undefined);
    const { id: other } = await instance(store);
    const recorded = await store.recordError({ ...read, workflowId: other });
    const { items } = await store.getErrors(other);
    assert.deepEqual(items, [{ ...read, workflowId: other, id: recorded, resolvedTime: null }]);
    await refusedAt("error", () => store.recordError({ ...read, error: "x" }));
    await refusedAt("error.error", () => store.recordError({ workflowId: other, error: undefined }));
  });

  sentence("what is no error cannot be resolved", async (store) => {
    const { id } = await instance(store);
    const [note = ""] = await store.createExecutionHistory({ workflowId: id, type: "note" });
    assert.equal(await store.resolveError(note), false);
    assert.equal(await store.resolveError(note.replace(id, someId())), false);
  });

  sentence("whatever was thrown can be recorded", async (store) => {
    const { id } = await instance(store);
    for (const error of ["a text", 7, { odd: true }, Object.create(null), new Error("nul \0")])
      await store.recordError({ workflowId: id, error });
    assert.equal((await store.getErrors(id)).items.length, 5);
  });

  sentence("errors of an instance that never was are refused", async (store) => {
    await refused("INSTANCE_NOT_FOUND", () => store.recordError({ workflowId: someId(), error: new Error("x") }));
  });
}
