import assert from "node:assert/strict";
import { test } from "node:test";
import { quarantineFromDeaths } from "../../src/models/limits.ts";
import { arena, scaledTimes, until, within } from "./arena.ts";
import { Child } from "./children.ts";
import { all, innocent, poison } from "./node-workflows.ts";

const world = arena();

test(
  "a body that kills its process is quarantined after a few deaths, and its neighbours complete",
  { timeout: 90_000 },
  async (t) => {
    const host = await world.host({ workflows: all, concurrency: 0, times: scaledTimes }); // starts, and runs nothing
    const neighbours = await host.startWorkflows(
      innocent,
      Array.from({ length: 12 }, (_, n) => ({ data: { n } })),
    );
    const { id } = await host.startWorkflow(poison, {});
    assert.ok(neighbours.every(({ status }) => status === "started"));
    await host.stop();
    let deaths = 0;
    let child = await Child.running(t, world.url, { times: scaledTimes });
    const over = async (): Promise<boolean> => {
      if (!child.isAlive) {
        deaths += 1;
        child = await Child.running(t, world.url, { times: scaledTimes });
      }
      const rows = await world.rows(
        "select from workflow_core.instance where (definition = 'innocent' and status = 2) or (id = $1 and status = 1)",
        [id],
      );
      return rows.length === neighbours.length + 1 || deaths > quarantineFromDeaths;
    };
    await until("the poison is found and all others are done", over, 60_000);
    assert.equal(deaths, quarantineFromDeaths);
    const [found] = await world.rows(
      "select status, reason, owner, due_at, crashes from workflow_core.instance where id = $1",
      [id],
    );
    assert.deepEqual(found, {
      status: 1,
      reason: "quarantined: three processes in a row died while running it alone, after others before",
      owner: null,
      due_at: null,
      crashes: 0,
    });
    const kinds = await world.rows("select kind from workflow_core.history where instance = $1", [id]);
    assert.deepEqual(kinds, [{ kind: "quarantine" }]);
    const booked = await world.rows<{ run: string; count: number }>(
      "select run, count(*)::int from ledger group by run",
    );
    assert.equal(booked.length, neighbours.length);
    assert.ok(booked.every(({ count }) => count === 1));
    await child.end("SIGTERM");
  },
);

test(
  "a body that holds up the event loop for good loses its run, and what ran beside it, to another node",
  { timeout: 60_000 },
  async (t) => {
    const stuck = await Child.running(t, world.url, { times: scaledTimes, isSlow: true });
    const beside = await stuck.start("later", { ms: 200 });
    const id = await stuck.start("blocking", {});
    await until("it holds up the loop", () => stuck.said("computing"));
    const host = await world.host({ workflows: all, times: scaledTimes });
    assert.equal(await within(20_000, host.getRun(id).result(), "the run, elsewhere"), process.pid);
    assert.equal(await within(20_000, host.getRun(beside).result(), "its neighbour"), "woke");
    assert.deepEqual(await world.rows("select state from workflow_core.node where id = $1", [stuck.node]), [
      { state: "dead" },
    ]);
    assert.ok(stuck.isAlive, "nobody but the test ends that process");
    await stuck.end("SIGKILL");
  },
);
