import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, type Flow } from "../../src/index.ts";
import { onEveryStore } from "../support/stores.ts";

const one: object = { a: 1 };
const map: object = new Map([["a", 2]]);
const patched = defineWorkflow({ id: "patched", version: 1 }, (flow: Flow<unknown>) => flow.set(() => one));
const byMap = defineWorkflow({ id: "by-map", version: 1 }, (flow: Flow<{ a: number }>) => flow.set(() => map));

onEveryStore("a patch", (store) => {
  test("is laid over an object, and over nothing; other data is not lost to it", async () => {
    const host = await store.host({ workflows: [patched, byMap] });
    const resultOf = async (data: unknown): Promise<unknown> => (await host.startWorkflow(patched, data)).result();
    assert.deepEqual(await resultOf({ b: 2 }), { a: 1, b: 2 });
    assert.deepEqual(await resultOf(undefined), { a: 1 });
    for (const data of [[1, 2], new Map([["b", 2]]), new Set([1]), new Date(0), "text", 5, true])
      await assert.rejects(resultOf(data), { code: "WORKFLOW_FAILED", message: /the data is no object/ });
    const run = await host.startWorkflow(byMap, { a: 1 });
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED", message: /must answer an object/ });
  });
});
