import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { arena, orphans, scaledTimes, until, within } from "./arena.ts";
import { Child } from "./children.ts";
import { all } from "./node-workflows.ts";

const world = arena();

/** Starts a workflow in a process that is stopped in the middle of its body, and wakes it when others have finished the run. */
async function zombie(t: TestContext, workflow: string, place: string) {
  const sleeper = await Child.running(t, world.url, { times: scaledTimes, isSlow: true });
  const id = await sleeper.start(workflow, {});
  await until(place, () => sleeper.said(place));
  sleeper.process.kill("SIGSTOP");
  const host = await world.host({ workflows: all, times: scaledTimes });
  const taken = await within(15_000, host.getRun(id).result(), "the run, elsewhere");
  const before = await facts(id);
  sleeper.process.kill("SIGCONT");
  await until("the process goes on as another node", async () => (await nodesOf(sleeper)) === 2, 15_000);
  return { id, host, sleeper, taken, before };
}

/** How many nodes the process has been. */
const nodesOf = async (child: Child): Promise<number> =>
  (await world.rows("select from workflow_core.node where label = $1", [`process ${child.pid}`])).length;

/** All that is stored of a run. */
const facts = async (id: string): Promise<object> => ({
  instance: await world.rows("select * from workflow_core.instance where id = $1", [id]),
  pointers: await world.rows("select * from workflow_core.pointer where instance = $1 order by path", [id]),
  history: await world.rows("select * from workflow_core.history where instance = $1 order by revision, n", [id]),
  ledger: await world.rows("select * from ledger where run = $1", [id]),
});

for (const [workflow, place, rows] of [
  ["plain zombie", "in the body", 0],
  ["paid zombie", "in the transaction", 1],
] as const) {
  test(
    `a process that was stopped ${place} and comes back after its run was taken over changes nothing, and works on`,
    { timeout: 60_000 },
    async (t) => {
      const { id, host, sleeper, taken, before } = await zombie(t, workflow, place);
      assert.equal(taken, process.pid, "this process took the run over");
      await until("its body ends, too late", () => sleeper.said("at the end"));
      // A start is left to any node while its own is not ready for it.
      await until("the process that came back runs a workflow", async () => {
        const life = await sleeper.start("sign of life", {});
        return (await within(15_000, host.getRun(life).result(), "a sign of life")) === sleeper.pid;
      });
      await until("its old body has ended", async () => (await openTransactions()) === 0);
      assert.deepEqual(await facts(id), before);
      assert.equal((await world.rows("select from ledger where run = $1", [id])).length, rows);
      assert.equal((await world.rows("select from workflow_core.pointer where instance = $1", [id])).length, 1);
      assert.deepEqual(await world.rows(orphans), []);
      await sleeper.end("SIGTERM");
      await host.stop();
    },
  );
}

const openTransactions = async (): Promise<number> =>
  (
    await world.rows(
      "select from pg_stat_activity where datname = current_database() and state like 'idle in transaction%' and pid <> pg_backend_pid()",
    )
  ).length;
