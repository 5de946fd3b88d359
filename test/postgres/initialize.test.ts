import assert from "node:assert/strict";
import { test } from "node:test";
import { freshDatabase } from "../support/database.ts";
import { faultyPersistence } from "../support/faulty-store.ts";

test("an initialize that fails does not close the store under another that succeeds", async (t) => {
  const database = await freshDatabase();
  t.after(() => database.drop());
  const first = faultyPersistence(database.url);
  await first.initialize();
  await first.close();
  let mixed = 0;
  for (const nth of [1, 2, 3, 4]) {
    const { store, database: faulty, initialize, close } = faultyPersistence(database.url);
    faulty.fault = { name: "", nth, when: "before" };
    const both = await Promise.allSettled([initialize(), initialize()]);
    const open = both.filter(({ status }) => status === "fulfilled").length;
    if (open === 1) mixed += 1;
    if (open > 0) assert.deepEqual(await store.nodes.list(), []);
    await close();
  }
  assert.ok(mixed > 0, "one failed and the other did not");
});
