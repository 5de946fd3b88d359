import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Database } from "../../src/persistence/database.ts";
import type { Tables } from "../../src/persistence/postgres/tables.ts";
import type { WorkflowStatistics } from "../../src/persistence/statistics.ts";
import type { OpenWorld, World } from "./world.ts";

const instances = 60_000;

/** More than is counted: ended ones by the hundred, as they would come, and some that have not ended. */
const fill = (t: Tables): string => `insert into ${t.instance}
    (bucket, id, owner, epoch, created_at, turned_at, completed_at, version, status, definition, frontier, data)
  select n % 64, gen_random_uuid(), null, 1, at, at, case when status >= 2 then at + interval '2 seconds' end, 1, status, 'order',
    '{"format":1,"pointers":{}}', jsonb_build_object('text', repeat('x', 200))
  from (select n, timestamptz '2026-06-01' + n * interval '1 minute' as at,
          (case when n % 500 = 0 then n / 500 % 2 when n % 100 < 90 then 2 when n % 100 < 97 then 4 else 3 end)::smallint as status
        from generate_series(1, ${instances}) n) as rows`;

const plainCounts = (
  t: Tables,
): string => `select count(*) as "totalWorkflows", count(*) filter (where status = 0) as "runningWorkflows",
    count(*) filter (where status = 1) as "suspendedWorkflows", count(*) filter (where status = 2) as "completeWorkflows",
    count(*) filter (where status = 4) as "failedWorkflows", count(*) filter (where status = 3) as "terminatedWorkflows",
    count(*) filter (where created_at >= '2026-07-12') as "startedToday",
    count(*) filter (where status = 2 and completed_at >= '2026-07-12') as "completedToday",
    count(*) filter (where status = 2 and completed_at >= timestamptz '2026-07-12 15:00') as "throughputPerHour"
  from ${t.instance}`;

/** Figures over a table that is too large to be counted. */
export function sampleTests(open: OpenWorld): void {
  let world: World;
  let stats: WorkflowStatistics;
  let truth: Record<string, number> = {};
  before(async () => {
    world = await open();
    const { database, tables } = sqlOf(world);
    await database.query({ name: "", text: fill(tables), values: [] });
    await world.at("2026-07-12T16:00:00Z");
    [truth = {}] = await database.query<Record<string, number>>({ name: "", text: plainCounts(tables), values: [] });
    stats = await world.statistics.getWorkflowStats();
  });

  test("what an index knows is exact", () => {
    const estimated: readonly string[] = stats.estimates.map(({ figure }) => figure);
    for (const figure of [
      "runningWorkflows",
      "suspendedWorkflows",
      "startedToday",
      "completedToday",
      "throughputPerHour",
    ] as const) {
      assert.ok(!estimated.includes(figure), figure);
      assert.equal(stats[figure], truth[figure], figure);
    }
    assert.equal(stats.executionsMeasured > 8_000, true);
    assert.equal(stats.averageExecutionMs, 2_000);
  });

  test("everything else is an estimate that tells how far it may be off, and is not further off than that", () => {
    assert.equal(stats.estimated, true);
    assert.deepEqual(stats.estimates.map(({ figure }) => figure).sort(), [
      "completeWorkflows",
      "failedWorkflows",
      "terminatedWorkflows",
      "totalWorkflows",
    ]);
    for (const { figure, margin } of stats.estimates) {
      const off = Math.abs(stats[figure] - (truth[figure] ?? 0));
      // Five standard deviations, which is 2.55 margins: a chance of one in a million.
      assert.ok(off <= 2.55 * margin, `${figure}: ${stats[figure]} ± ${margin}, in truth ${truth[figure]}`);
      assert.ok(margin < 0.25 * instances, `${figure} ± ${margin}`);
    }
    assert.ok(Math.abs(stats.errorRate - 0.07) < 0.02);
  });

  test("rows of storage are estimated the same way, and the first and the last instance are found", async () => {
    const storage = await world.statistics.getStorageStats();
    const table = storage.tables.find(({ name }) => name === "instance");
    assert.ok(table !== undefined && table.estimated && storage.estimated);
    assert.ok(Math.abs(table.rows - instances) <= 2.55 * table.margin);
    assert.equal(storage.oldestInstanceAt?.toISOString(), "2026-06-01T00:01:00.000Z");
    assert.equal(storage.newestInstanceAt?.toISOString(), "2026-07-12T16:00:00.000Z");
  });

  test("no statement reads the whole table", async () => {
    const { database, tables } = sqlOf(world);
    await database.query({ name: "", text: `vacuum (analyze) ${tables.instance}`, values: [] });
    const scans = async (): Promise<number> => {
      const text = `select pg_stat_force_next_flush(), (select seq_scan from pg_stat_user_tables where relid = $1::regclass) as n`;
      await database.query({ name: "", text, values: [tables.instance] });
      const [row] = await database.query<{ n: number }>({ name: "", text, values: [tables.instance] });
      return row?.n ?? -1;
    };
    const scanned = await scans();
    await world.statistics.getWorkflowStats();
    await world.statistics.getStepStats();
    await world.statistics.getStorageStats();
    assert.equal(await scans(), scanned);
  });
}

function sqlOf({ database, tables }: World): { readonly database: Database; readonly tables: Tables } {
  if (database === undefined || tables === undefined) throw new Error("This store has no SQL.");
  return { database, tables };
}
