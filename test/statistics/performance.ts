import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidRequestError } from "../../src/models/errors.ts";
import { startRow, transition } from "../stores/rows.ts";
import { liveNode } from "../stores/world.ts";
import type { OpenWorld, StoreName, World } from "./world.ts";

/** Twenty instances, each with a transition. */
export async function work(world: Pick<World, "store">): Promise<void> {
  const node = await liveNode(world.store);
  for (let n = 0; n < 20; n += 1) {
    const row = startRow();
    await world.store.instances.start(node, [row]);
    await world.store.instances.commit([transition(row, node)]);
  }
}

/** What a database tells of itself. */
export function performanceTests(name: StoreName, open: OpenWorld): void {
  test("what cannot be read is told with its reason and a remedy", async () => {
    const world = await open();
    await work(world);
    const analysis = await world.statistics.analyzePerformance();
    assert.deepEqual(analysis.slowQueries, []);
    const missing = analysis.unavailable.find(({ what }) => what === "slowQueries");
    assert.ok(missing !== undefined && missing.reason.length > 0 && missing.remedy.length > 0);
    assert.equal(new Set(analysis.unavailable.map(({ what }) => what)).size, analysis.unavailable.length);
  });

  test("a number of queries that cannot be is refused", async () => {
    const { statistics } = await open();
    await assert.rejects(statistics.analyzePerformance({ slowQueries: 0 }), InvalidRequestError);
  });

  if (name === "memory") return;

  test("tables and indexes are told with what they weigh and how they are used", async () => {
    const world = await open();
    await work(world);
    await world.database?.query({ name: "", text: `analyze ${world.tables?.instance}`, values: [] });
    await world.database?.query({ name: "", text: "select pg_stat_force_next_flush()", values: [] });
    const analysis = await world.statistics.analyzePerformance();
    const instance = analysis.tables.find(({ table }) => table === "instance");
    assert.ok(instance !== undefined && instance.lastAnalyzeAt !== null);
    assert.ok(instance.totalBytes >= instance.tableBytes + instance.indexBytes);
    assert.equal(typeof instance.bloatBytes, "number");
    const indexes = analysis.indexUsage.filter(({ table }) => table === "instance").map(({ index }) => index);
    assert.ok(indexes.includes("instance_pkey") && indexes.includes("instance_open"));
    assert.ok(!analysis.unusedIndexes.includes("instance_pkey"), "a key's index is never unused");
    assert.deepEqual(
      analysis.unusedIndexes.filter(
        (index) => (analysis.indexUsage.find((one) => one.index === index)?.scans ?? 1) > 0,
      ),
      [],
    );
  });
}
