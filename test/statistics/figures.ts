import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { WorkflowStatus } from "../../src/models/instance.ts";
import type { PointerRow, Transition } from "../../src/models/transition.ts";
import { InvalidRequestError } from "../../src/models/errors.ts";
import type { StepFigures } from "../../src/persistence/statistics.ts";
import { eventRow, pointer, startRow, transition, waiting } from "../stores/rows.ts";
import { liveNode } from "../stores/world.ts";
import type { OpenWorld, World } from "./world.ts";

/** A workflow that starts at one time and comes to stand at another. */
interface Story {
  readonly definition?: string;
  readonly starts: string;
  readonly then?: string;
  readonly status?: WorkflowStatus;
  readonly pointers?: readonly PointerRow[];
}

const releases: { readonly [S in WorkflowStatus]: Transition["release"] } = {
  Runnable: "park",
  Suspended: "halt",
  Complete: "end",
  Failed: "end",
  Terminated: "end",
};

async function tell(world: World, stories: readonly Story[]): Promise<void> {
  await world.at("2026-06-01T00:00:00Z");
  const node = await liveNode(world.store);
  for (const { starts, then, status = "Runnable", pointers = [], definition = "order" } of stories) {
    await world.at(starts);
    const row = startRow({ definition });
    await world.store.instances.start(node, [row]);
    if (then === undefined) continue;
    await world.at(then);
    const { refused } = await world.store.instances.commit([
      transition(row, node, { status, release: releases[status], pointers }),
    ]);
    assert.deepEqual(refused, []);
  }
}

const yesterday = "2026-06-30T20:00:00Z"; // which is today in Kolkata
const day: readonly Story[] = [
  { starts: "2026-06-20T08:00:00Z", then: "2026-06-20T08:00:10Z", status: "Complete" },
  { starts: yesterday, then: "2026-06-30T20:00:02Z", status: "Complete" },
  { starts: yesterday, then: "2026-07-01T08:00:00Z", status: "Complete" },
  { starts: "2026-07-01T09:30:00Z", then: "2026-07-01T09:30:01Z", status: "Complete" },
  { starts: "2026-07-01T09:30:00Z", then: "2026-07-01T09:31:00Z", status: "Failed" },
  { starts: "2026-07-01T09:30:00Z", then: "2026-07-01T09:31:00Z", status: "Terminated" },
  { starts: "2026-07-01T09:30:00Z", then: "2026-07-01T09:31:00Z", status: "Suspended" },
  { starts: "2026-07-01T09:40:00Z", then: "2026-07-01T09:41:00Z", status: "Runnable" },
  { starts: yesterday },
];

const steps: readonly Story[] = [
  {
    starts: "2026-07-01T00:00:00Z",
    then: "2026-07-01T00:00:01Z",
    status: "Complete",
    pointers: [
      pointer("reserve", { tookMs: 10 }),
      pointer("each[0]/ship", { tookMs: 1, attempts: 3 }),
      pointer("each[1]/ship", { tookMs: 5, seq: 2 }),
      pointer("each[12]/ship", { tookMs: 3, seq: 3 }),
      pointer("poll#1/ask", { tookMs: 2 }),
      pointer("poll#22/ask", { tookMs: 4, attempts: 2 }),
    ],
  },
  {
    starts: "2026-07-01T00:00:00Z",
    then: "2026-07-01T00:00:02Z",
    status: "Failed",
    pointers: [pointer("reserve", { tookMs: 31, attempts: 4, status: "Failed", failure: `{"code":"X"}` })],
  },
  {
    definition: "refund",
    starts: "2026-07-01T00:00:03Z",
    then: "2026-07-01T00:00:04Z",
    pointers: [pointer("reserve", { tookMs: 7 }), pointer("long", { status: "Started", tookMs: 0, seq: 0 })],
  },
];

const step = (path: string, figures: Omit<StepFigures, "path" | "workflowDefinitionId" | "version">): StepFigures => ({
  workflowDefinitionId: "order",
  version: 1,
  path,
  ...figures,
});

const orderSteps = [
  step("each[]/ship", { count: 3, failures: 0, retries: 2, averageMs: 3, p95Ms: 5 }),
  step("poll#/ask", { count: 2, failures: 0, retries: 1, averageMs: 3, p95Ms: 4 }),
  step("reserve", { count: 2, failures: 1, retries: 3, averageMs: 20.5, p95Ms: 31 }),
];
const refundSteps = [
  { ...step("reserve", { count: 1, failures: 0, retries: 0, averageMs: 7, p95Ms: 7 }), workflowDefinitionId: "refund" },
];

/** Figures over rows that are known. */
export function figureTests(open: OpenWorld): void {
  describe("workflows", () => workflowTests(open));
  describe("steps", () => stepTests(open));
  describe("storage", () => storageTests(open));
}

function workflowTests(open: OpenWorld): void {
  let world: World;
  before(async () => {
    world = await open();
    await tell(world, day);
    await world.at("2026-07-01T10:00:00Z");
  });

  test("each workflow is counted once, by its status", async () => {
    const stats = await world.statistics.getWorkflowStats();
    assert.equal(stats.totalWorkflows, 9);
    assert.equal(stats.runningWorkflows, 2);
    assert.equal(stats.suspendedWorkflows, 1);
    assert.equal(stats.completeWorkflows, 4);
    assert.equal(stats.failedWorkflows, 1);
    assert.equal(stats.terminatedWorkflows, 1);
    assert.equal(stats.errorRate, 1 / 6);
    assert.equal(stats.throughputPerHour, 1);
    assert.deepEqual([stats.estimated, stats.estimates], [false, []]);
    assert.equal(stats.measuredAt.toISOString(), "2026-07-01T10:00:00.000Z");
  });

  test("execution times are those of the complete ones", async () => {
    const stats = await world.statistics.getWorkflowStats();
    assert.equal(stats.executionsMeasured, 4);
    assert.equal(stats.averageExecutionMs, (10_000 + 2_000 + 12 * 3_600_000 + 1_000) / 4);
    assert.equal(stats.p95ExecutionMs, 12 * 3_600_000);
  });

  test("today is a day of the time zone that is asked for", async () => {
    const utc = await world.statistics.getWorkflowStats();
    assert.deepEqual([utc.startedToday, utc.completedToday], [5, 2]);
    assert.equal(utc.dayStartedAt.toISOString(), "2026-07-01T00:00:00.000Z");
    const kolkata = await world.statistics.getWorkflowStats({ timeZone: "Asia/Kolkata" });
    assert.deepEqual([kolkata.startedToday, kolkata.completedToday], [8, 3]);
    assert.equal(kolkata.dayStartedAt.toISOString(), "2026-06-30T18:30:00.000Z");
  });

  test("a time zone that nobody knows is refused", async () => {
    for (const timeZone of ["Mars/Olympus", "+02:00", ""])
      await assert.rejects(world.statistics.getWorkflowStats({ timeZone }), InvalidRequestError, timeZone);
  });

  test("an option that no figure has is refused by its name", async () => {
    const statistics = world.statistics as unknown as Record<string, (options: unknown) => Promise<unknown>>;
    for (const call of ["getWorkflowStats", "getStepStats", "analyzePerformance"])
      await assert.rejects(async () => statistics[call]?.({ timezone: "UTC" }), { what: `${call}: timezone` });
  });

  test("of nothing, all counts are zero and all times unknown", async () => {
    const { statistics, at } = await open();
    await at("2026-07-01T10:00:00Z");
    const stats = await statistics.getWorkflowStats();
    assert.equal(stats.totalWorkflows, 0);
    assert.equal(stats.errorRate, 0);
    assert.equal(stats.averageExecutionMs, null);
    assert.equal(stats.p95ExecutionMs, null);
  });
}

function stepTests(open: OpenWorld): void {
  let world: World;
  before(async () => {
    world = await open();
    await tell(world, steps);
  });

  test("a step is counted with all its iterations and laps, by definition", async () => {
    const stats = await world.statistics.getStepStats();
    assert.deepEqual(stats.steps, [...orderSteps, ...refundSteps]);
    assert.deepEqual([stats.instances, stats.estimated], [3, false]);
    assert.equal(stats.since?.toISOString(), "2026-07-01T00:00:00.000Z");
  });

  test("one definition's steps can be asked for alone", async () => {
    const { steps: found } = await world.statistics.getStepStats({ workflowDefinitionId: "refund" });
    assert.deepEqual(found, refundSteps);
    assert.deepEqual((await world.statistics.getStepStats({ workflowDefinitionId: "o'rder" })).steps, []);
  });

  test("a window takes the newest to end and says that it is a part", async () => {
    const stats = await world.statistics.getStepStats({ instances: 1 });
    assert.deepEqual([stats.instances, stats.estimated], [2, true]);
    const [reserve] = stats.steps;
    assert.deepEqual([reserve?.path, reserve?.count, reserve?.failures], ["reserve", 1, 1]);
  });

  test("a window that cannot be is refused", async () => {
    for (const instances of [0, 1.5, 100_001, Number.NaN])
      await assert.rejects(world.statistics.getStepStats({ instances }), InvalidRequestError, String(instances));
  });
}

function storageTests(open: OpenWorld): void {
  test("every row of every table is counted, and their bytes add up", async () => {
    const world = await open();
    await tell(world, [...day, ...steps]);
    const { store } = world;
    const node = await liveNode(store);
    const row = startRow();
    await store.instances.start(node, [row]);
    await store.instances.commit([waiting(row, node, "k", { history: [{ kind: "retry", path: "a", detail: null }] })]);
    await store.events.publish([eventRow("other")]);
    const stats = await world.statistics.getStorageStats();
    const rows = Object.fromEntries(stats.tables.map((table) => [table.name, table.rows]));
    const expected = { instance: 13, pointer: 9, history: 1, inbox: 0, event: 1, subscription: 1 };
    for (const [table, count] of Object.entries(expected)) assert.equal(rows[table], count, table);
    assert.equal(stats.oldestInstanceAt?.toISOString(), "2026-06-20T08:00:00.000Z");
    assert.equal(stats.newestInstanceAt?.toISOString(), "2026-07-01T09:40:00.000Z");
    assert.equal(stats.estimated, false);
    const sum = (of: (table: (typeof stats.tables)[number]) => number): number =>
      stats.tables.reduce((total, table) => total + of(table), 0);
    assert.equal(
      sum((table) => table.rows),
      stats.totalRows,
    );
    assert.equal(
      sum((table) => table.totalBytes),
      stats.totalSizeBytes,
    );
    for (const table of stats.tables) assert.equal(table.totalBytes, table.tableBytes + table.indexBytes, table.name);
    assert.ok(stats.totalSizeBytes > 1_000);
  });
}
