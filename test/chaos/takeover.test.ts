import assert from "node:assert/strict";
import { test } from "node:test";
import { arena, orphans, until } from "./arena.ts";
import { Child } from "./children.ts";
import { all, paid } from "./node-workflows.ts";

const isQuick = process.env["TEST_QUICK"] === "1";
const world = arena();

const counted = async (text: string, values: readonly unknown[] = []): Promise<number> =>
  (await world.rows<{ count: number }>(`select count(*)::int as count from ${text}`, values))[0]?.count ?? 0;

const finished = (): Promise<number> => counted("workflow_core.instance where definition = 'paid' and status = 2");

test(
  "of two processes that share much work one is killed, and all of it is done once, the dead one's within 20 seconds",
  { timeout: 120_000 },
  async (t) => {
    const total = isQuick ? 300 : 2_000;
    const host = await world.host({ workflows: all, concurrency: 0 }); // starts, and runs nothing
    const [victim, survivor] = await Promise.all(
      [1, 2].map(() => Child.running(t, world.url, { concurrency: Math.ceil(total / 8) })),
    );
    assert.ok(victim !== undefined && survivor !== undefined);
    const starts = Array.from({ length: total }, (_, n) => ({ data: { n }, key: `paid ${n}` }));
    const started = await host.startWorkflows(paid, starts);
    assert.ok(started.every(({ status }) => status === "started"));
    await host.stop();

    await until("half is done", async () => (await finished()) >= total / 2, 60_000);
    await victim.end("SIGKILL");
    const killedAt = performance.now();
    const before = await finished();
    assert.ok(before > 0 && before < total, `void: ${before} of ${total} were finished when the process died`);
    const held = await world.rows<{ id: string }>("select id from workflow_core.instance where owner = $1", [
      victim.node,
    ]);
    const left = held.length;
    assert.ok(left > 0, "void: the process that died held nothing");
    const ids = held.map(({ id }) => id);
    const others = "workflow_core.instance where id = any($1) and (status = 2 or owner = $2)";
    await until(
      "others go on with what it held",
      async () => (await counted(others, [ids, survivor.node])) === left,
      40_000,
    );
    const tookMs = performance.now() - killedAt;
    await until("all is done", async () => (await finished()) === total, 30_000);
    t.diagnostic(
      `${before} of ${total} done at the kill, ${left} held by the dead, taken over after ${Math.round(tookMs)} ms`,
    );

    assert.ok(tookMs <= 20_000, `taken over after ${Math.round(tookMs)} ms`);
    assert.equal(await counted("ledger where step = 'charge'"), total);
    assert.equal(await counted("(select distinct run from ledger where step = 'charge') as runs"), total);
    assert.deepEqual(await world.rows(`${orphans} and definition = 'paid'`), []);
    await survivor.end("SIGTERM");
  },
);
