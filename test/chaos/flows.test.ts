import assert from "node:assert/strict";
import { test } from "node:test";
import { arena, scaledTimes, until } from "./arena.ts";
import { Child } from "./children.ts";
import { flows, type Job, withdrawn } from "./flow-workflows.ts";
import { all } from "./node-workflows.ts";

const world = arena();
const job: Job = { id: "A-1", log: [] };

/** All that a run has come to, but for when, where and in which order its branches were done. */
async function endOf(id: string): Promise<unknown> {
  const [instance] = await world.rows(
    "select status, data, result, failure, reason, due_at, owner from workflow_core.instance where id = $1",
    [id],
  );
  const pointers = await world.rows(
    "select path, status, input, outcome, patch, failure, attempts from workflow_core.pointer where instance = $1 order by path",
    [id],
  );
  const charges = await world.rows(
    "select step, count(*)::int as times from ledger where run = $1 group by step order by step",
    [id],
  );
  const waits = await world.rows("select path from workflow_core.subscription where instance = $1", [id]);
  return { instance, pointers, charges, waits };
}

async function startAll(child: Child): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const { id } of flows) ids.push(await child.start(id, job));
  return ids;
}

const unfinished = async (ids: readonly string[]): Promise<number> =>
  (await world.rows("select id from workflow_core.instance where id = any($1) and status < 2", [ids])).length;

test(
  "ten kinds of flow whose process is killed in the middle end as they do undisturbed",
  { timeout: 60_000 },
  async (t) => {
    const host = await world.host({ workflows: [...all, ...flows], concurrency: 0, times: scaledTimes }); // only publishes
    const options = { times: scaledTimes, pollMs: 50 };
    const victim = await Child.running(t, world.url, { ...options, isSlow: true });
    const disturbed = await startAll(victim);
    await host.publishEvent(withdrawn, job.id, "Ann");
    await until("all are in the middle", () => flows.every(({ id }) => victim.said(id)));
    const held = await world.rows("select id from workflow_core.instance where owner = $1", [victim.node]);
    assert.equal(held.length, flows.length, "the process that is to die holds them all");
    await victim.end("SIGKILL");
    const killedAt = performance.now();

    const survivor = await Child.running(t, world.url, options);
    await until("another process has finished them", async () => (await unfinished(disturbed)) === 0);
    t.diagnostic(`finished ${Math.round(performance.now() - killedAt)} ms after the kill`);
    for (const { id } of flows) assert.ok(survivor.said(id), `the survivor was in the middle of "${id}" too`);

    const undisturbed = await startAll(survivor);
    await host.publishEvent(withdrawn, job.id, "Ann");
    await until("the undisturbed are finished", async () => (await unfinished(undisturbed)) === 0);
    for (const [n, { id }] of flows.entries()) {
      const ends = await Promise.all([disturbed, undisturbed].map((ids) => endOf(ids[n] ?? "")));
      assert.deepEqual(ends[0], ends[1], id);
    }
    const statuses = await world.rows<{ status: number }>(
      "select status from workflow_core.instance where id = any($1) order by array_position($1::uuid[], id)",
      [undisturbed],
    );
    assert.deepEqual(
      statuses.map(({ status }) => status),
      [2, 2, 2, 2, 2, 2, 4, 2, 2, 2],
    );
    await survivor.end("SIGTERM");
  },
);
