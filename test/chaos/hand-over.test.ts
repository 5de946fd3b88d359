import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, type Flow, transactionalStep } from "../../src/index.ts";
import { arena, scaledTimes, until, within } from "./arena.ts";
import { Child } from "./children.ts";
import { all, bell } from "./node-workflows.ts";

const world = arena();

const counted = async (text: string, values: readonly unknown[] = []): Promise<number> =>
  (await world.rows<{ count: number }>(`select count(*)::int as count from ${text}`, values))[0]?.count ?? 0;

test("timers and waits of a process that has stopped are met elsewhere, in time", { timeout: 60_000 }, async (t) => {
  const heir = await Child.running(t, world.url);
  const leaver = await Child.running(t, world.url);
  const [sleeper, listener] = [
    await leaver.start("later", { ms: 6_000 }),
    await leaver.start("listening", { key: "k" }),
  ];
  const began = performance.now();
  await until(
    "both are parked",
    async () =>
      (await counted("workflow_core.instance where id = any($1) and owner is null", [[sleeper, listener]])) === 2,
  );
  await leaver.end("SIGTERM");
  const host = await world.host({ workflows: all, concurrency: 0 });
  await host.publishEvent(bell, "k", 7);
  assert.equal(await within(3_000, host.getRun(listener).result(), "the wait"), 7);
  assert.ok(performance.now() - began < 6_000, "void: the timer was due before");
  assert.equal(await within(20_000, host.getRun(sleeper).result(), "the timer"), "woke");
  const lateMs = performance.now() - began - 6_000;
  t.diagnostic(`the timer was ${Math.round(lateMs)} ms late`);
  assert.ok(lateMs < 3_000, `the timer was ${Math.round(lateMs)} ms late`);
  await heir.end("SIGTERM");
});

test(
  "what a process holds when it is told to stop goes on elsewhere within a second",
  { timeout: 60_000 },
  async (t) => {
    const leaver = await Child.running(t, world.url);
    const laps = Array.from({ length: 1_000 }, (_, n) => n);
    const ids = await Promise.all(Array.from({ length: 40 }, () => leaver.start("busy", { laps })));
    const heir = await Child.running(t, world.url);
    const owned = (node: string): Promise<number> =>
      counted("workflow_core.instance where owner = $1 and id = any($2)", [node, ids]);
    assert.equal(await owned(leaver.node), ids.length, "void: it holds all of them");
    const askedAt = performance.now();
    const ended = leaver.end("SIGTERM");
    await until("all go on elsewhere", async () => (await owned(heir.node)) === ids.length, 20_000);
    const tookMs = performance.now() - askedAt;
    await within(20_000, ended, "stopping");
    t.diagnostic(`handed over after ${Math.round(tookMs)} ms`);
    assert.ok(tookMs <= 1_000, `handed over after ${Math.round(tookMs)} ms`);
    assert.ok(leaver.told.some(({ kind }) => kind === "stopped"));
    await world.rows("update workflow_core.instance set epoch = epoch + 1 where id = any($1)", [ids]); // enough of it
  },
);

const obedient = defineWorkflow({ id: "obedient", version: 1 }, (flow: Flow<object>) =>
  flow.run("long", (_, { signal }) => {
    return new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(new Error("told to stop")), { once: true });
    });
  }),
);

test(
  "a body that obeys its signal is not begun again while its run is being stopped",
  { timeout: 30_000 },
  async (t) => {
    const host = await world.host({ workflows: [obedient], times: scaledTimes });
    t.after(() => host.stop());
    const run = await host.startWorkflow(obedient, {});
    assert.equal(await run.terminate("enough"), true);
    await within(5_000, assert.rejects(run.result(), { code: "WORKFLOW_TERMINATED" }), "the end of the run");
  },
);

test(
  "what a dead node held goes on at once, also if a host that cannot run it found the node dead",
  { timeout: 60_000 },
  async (t) => {
    const victim = await Child.running(t, world.url, { times: scaledTimes, isSlow: true });
    const id = await victim.start("plain zombie", {});
    await until("its body runs", () => victim.said("in the body"));
    const idle = await world.host({ workflows: [], concurrency: 0, times: scaledTimes }); // it alone watches closely
    const heir = await world.host({ workflows: all, times: { ...scaledTimes, deadMs: 30_000 } });
    t.after(() => Promise.all([idle.stop(), heir.stop()]));
    await victim.end("SIGKILL");
    const released = "workflow_core.instance where id = $1 and owner is distinct from $2";
    await until("it is released", async () => (await counted(released, [id, victim.node])) === 1);
    assert.equal(await within(3_000, heir.getRun(id).result(), "the run"), process.pid);
  },
);

const charge = defineWorkflow({ id: "charge", version: 1 }, (flow: Flow<object>) =>
  flow
    .then(
      transactionalStep("charge", async (_: unknown, { tx, instanceId }) => {
        await tx.query("insert into ledger (run, step) values ($1, 'charge')", [instanceId]);
      }),
    )
    .returns(() => "charged"),
);

test(
  "a node that stands still between the last statement of a step's transaction and its COMMIT is taken over",
  { timeout: 60_000 },
  async (t) => {
    const { host, database } = await world.faultyHost({ workflows: [charge], times: scaledTimes });
    let goOn: () => void = () => undefined;
    database.gate = (name) => {
      if (name !== "commit") return;
      database.goDark(Infinity);
      return new Promise((resolve) => (goOn = resolve));
    };
    const run = await host.startWorkflow(charge, {});
    await until("it stands still", () => database.sent.has("tx:instance-commit-inside"));
    const heir = await world.host({ workflows: [charge], times: scaledTimes });
    t.after(() => Promise.all([host.stop(), heir.stop()]));
    const taken = within(20_000, heir.getRun(run.id).result(), "the run, elsewhere");
    await taken.finally(() => {
      database.heal();
      goOn();
    });
    assert.equal(await counted("ledger where run = $1", [run.id]), 1);
  },
);
