import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { createHost, type CreateHostOptions, defineWorkflow, type Flow } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { freshDatabase } from "../support/database.ts";

const isQuick = process.env["TEST_QUICK"] === "1";

/** When each lap was begun, by this process's clock. */
const beganAt: number[] = [];
const endless = defineWorkflow({ id: "endless", version: 1 }, (flow: Flow<{ readonly laps: number }>) =>
  flow
    .while(
      ({ laps }, { lap }) => lap <= laps,
      (lap) => lap.run("work", (_, { scope }) => void (beganAt[scope.lap] = performance.now())),
      { keepLaps: 100 },
    )
    .returns(() => "the end"),
);

async function goRound(persistence: NonNullable<CreateHostOptions["persistence"]>, laps: number): Promise<string> {
  beganAt.length = 0;
  const host = createHost({ workflows: [endless], persistence });
  await host.start();
  after(() => host.stop());
  const run = await host.startWorkflow(endless, { laps });
  assert.equal(await run.result(), "the end");
  return run.id;
}

/** Milliseconds that the median lap of some took. */
function medianMs(from: number, to: number): number {
  const took = Array.from({ length: to - from }, (_, n) => (beganAt[from + n + 1] ?? 0) - (beganAt[from + n] ?? 0));
  return took.sort((a, b) => a - b)[Math.floor(took.length / 2)] ?? 0;
}

describe("A loop of very many laps", () => {
  test("keeps the rows of the last 100, and its last laps cost what its first did: memory", async (t) => {
    const laps = isQuick ? 10_000 : 100_000;
    const persistence = new MemoryPersistenceProvider();
    const id = await goRound(persistence, laps);
    const { items } = await persistence.getExecutionPointersByInstance(id, { limit: 10_000 });
    assert.equal(items.length, 100 + 1);
    compare(t, laps);
  });

  test("keeps the rows of the last 100, and its last laps cost what its first did: PostgreSQL", async (t) => {
    const laps = isQuick ? 600 : 3_000;
    const database = await freshDatabase();
    after(() => database.drop());
    const persistence = new PostgresPersistenceProvider(database.url);
    const id = await goRound(persistence, laps);
    const { items } = await persistence.getExecutionPointersByInstance(id, { limit: 10_000 });
    assert.equal(items.length, 100 + 1);
    compare(t, laps);
  });
});

/** Others use this machine: a lap that grew by what it has behind it would be dozens of times slower at the end, not three times. */
function compare(t: { diagnostic(message: string): void }, laps: number): void {
  const part = Math.floor(laps / 10);
  const [early, late] = [medianMs(part, 2 * part), medianMs(laps - part, laps - 1)];
  t.diagnostic(`${laps} laps: the median of early ones ${early.toFixed(3)} ms, of late ones ${late.toFixed(3)} ms`);
  assert.ok(late < 3 * early, `early ${early} ms, late ${late} ms`);
}
