import assert from "node:assert/strict";
import { test } from "node:test";
import { systemEnvironment } from "../../src/models/environment.ts";
import { MemoryPersistenceProvider } from "../../src/persistence/memory/provider.ts";
import { MemoryEngineStore } from "../../src/persistence/memory/store.ts";
import { pointer } from "../stores/rows.ts";
import { commit, liveNode, start, view } from "../stores/world.ts";

test("everything of an instance can be looked at, as a copy", async () => {
  const store = new MemoryEngineStore();
  const node = await liveNode(store);
  const row = await start(store, node, { reference: "R-1" });
  await commit(store, row, node, {
    pointers: [pointer("a", { outcome: "1", patch: "[]" })],
    history: [{ kind: "retry", path: "a", detail: "{}" }],
  });
  await store.instances.request(row, { requestId: "r", kind: "suspend", payload: null });
  const seen = store.inspect(row);
  assert.deepEqual([seen?.reference, seen?.revision, seen?.pointers.get("a")?.patch], ["R-1", 1, "[]"]);
  assert.deepEqual(
    seen?.history.map(({ kind, revision }) => ({ kind, revision })),
    [{ kind: "retry", revision: 1 }],
  );
  assert.equal(seen?.inbox.get("r")?.kind, "suspend");
  seen?.pointers.clear();
  assert.equal(store.inspect(row)?.pointers.size, 1);
  assert.deepEqual(store.refs(), [{ bucket: row.bucket, id: row.id }]);
});

test("its time is the environment's, and never steps back with the wall clock", async () => {
  let [wall, steady] = [1_700_000_000_000, 50];
  const env = { ...systemEnvironment(), now: () => wall, monotonic: () => steady };
  const store = new MemoryEngineStore({ env });
  wall -= 3_600_000;
  steady += 10;
  assert.equal((await store.instances.nextDue([])).now, 1_700_000_000_010);
});

test("an act is begun and answered later than it is asked for", async () => {
  const store = new MemoryEngineStore();
  const node = await liveNode(store);
  const row = await start(store, node);
  const committed = commit(store, row, node);
  assert.equal(store.inspect(row)?.revision, 0);
  await committed;
  assert.equal((await view(store, row)).revision, 1);
});

test("a provider's store forgets nothing when it is closed, so that a host may be started again", async () => {
  const provider = new MemoryPersistenceProvider();
  await provider.initialize();
  const node = await liveNode(provider.store);
  const row = await start(provider.store, node);
  await provider.close();
  assert.equal((await view(provider.store, row)).owner, node);
});
