import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, type Flow, type StartOptions } from "../../src/index.ts";
import { onEveryStore } from "../support/stores.ts";

const hello = defineWorkflow({ id: "hello", version: 1 }, (flow: Flow<object>) => flow.run("greet", () => "hello"));
const wrong: readonly unknown[] = [
  { a: 5 },
  { a: { x: "y" } },
  { a: "" },
  { "": "x" },
  { a: "x".repeat(513) },
  [],
  "text",
  null,
  new Map([["a", "b"]]),
  Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`t${n}`, "v"])),
];

onEveryStore("tags", (store) => {
  test("are labels by name; others start nothing", async () => {
    const host = await store.host({ workflows: [hello] });
    for (const tags of wrong) {
      const options = { tags } as StartOptions;
      await assert.rejects(host.startWorkflow(hello, {}, options), { code: "INVALID_NAME" });
      const schedule = { id: "s", workflow: hello, data: {}, every: "1 day", ...options } as const;
      await assert.rejects(host.schedules.create(schedule), { code: "INVALID_NAME" });
    }
    const tags = JSON.parse('{ "__proto__": "x", "Größe": "XL" }') as Record<string, string>;
    await (await host.startWorkflow(hello, {}, { tags })).result();
  });
});
