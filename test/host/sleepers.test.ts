import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createHost, type CreateHostOptions, defineWorkflow, event, type Flow, type WorkflowHost } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { freshDatabase } from "../support/database.ts";
import { onEveryStore } from "../support/stores.ts";

const nap = defineWorkflow({ id: "nap", version: 1 }, (flow: Flow<{ readonly ms: number }>) =>
  flow.delay(({ ms }) => ms).run("wake", work),
);

const quick = defineWorkflow({ id: "quick", version: 1 }, (flow: Flow<object>) => flow.run("work", work));

const bell = event("bell");

const racing = defineWorkflow({ id: "racing", version: 1 }, (flow: Flow<object>) =>
  flow
    .race({
      slow: (branch) =>
        branch.run("slow", async (_, { signal }) => {
          await sleep(60_000, undefined, { signal }).catch(() => undefined);
          await sleep(50); // the answer comes when the other branch has won
          throw new Error("told to stop");
        }),
      fast: (branch) => branch.waitFor(bell, { key: () => "first" }),
    })
    .waitFor(bell, { key: () => "second" }),
);

let [atOnce, most] = [0, 0];

async function work(): Promise<void> {
  atOnce += 1;
  most = Math.max(most, atOnce);
  await sleep(20);
  atOnce -= 1;
}

onEveryStore("runs that wait for a short delay", (store) => {
  test("leave their slots to others, and need one to go on", async () => {
    const host = await store.host({ workflows: [nap, quick], concurrency: 1 });
    most = 0;
    const naps = await Promise.all([300, 300, 300].map((ms) => host.startWorkflow(nap, { ms })));
    let woken = 0;
    for (const run of naps) void run.result().then(() => (woken += 1));
    await (await host.startWorkflow(quick, {})).result();
    assert.equal(woken, 0, "the other run did not wait for them");
    await Promise.all(naps.map((run) => run.result()));
    assert.equal(most, 1, "no two bodies ran at once");
    assert.ok(
      naps.every((run) =>
        store.transitionsOf(run.id).some(({ release, dueIn }) => release === "keep" && dueIn !== null),
      ),
      "they waited in memory",
    );
  });

  test(
    "are those alone that stay: who waits for an event leaves, also behind a step that was told to stop",
    { timeout: 15_000 },
    async () => {
      const host = await store.host({ workflows: [racing] });
      const run = await host.startWorkflow(racing, {});
      await host.publishEvent(bell, "first");
      while (store.transitionsOf(run.id).at(-1)?.release !== "park") await sleep(5);
      await host.publishEvent(bell, "second");
      await run.result();
    },
  );

  test("are given away when their host stops", async () => {
    const host = await store.host({ workflows: [nap] });
    const run = await host.startWorkflow(nap, { ms: 1_500 });
    while (store.transitionsOf(run.id).length === 0) await sleep(5);
    await host.stop();
    const last = store.transitionsOf(run.id).at(-1);
    assert.equal(last?.release, "park");
    assert.ok(last.dueAt !== null, "with the timer that was set");
  });
});

test("a run that wakes where every slot is taken goes on at another host", { timeout: 30_000 }, async (t) => {
  const database = await freshDatabase();
  t.after(() => database.drop());
  const crowd = defineWorkflow({ id: "crowd", version: 1 }, (flow: Flow<object>) =>
    flow.run("work", (_, { signal }) => sleep(60_000, undefined, { signal })),
  );
  const open = async (options: Pick<CreateHostOptions, "concurrency">): Promise<WorkflowHost> => {
    const persistence = new PostgresPersistenceProvider(database.url);
    const host = createHost({ workflows: [nap, crowd], persistence, drainMs: 0, ...options });
    t.after(() => host.stop());
    await host.start();
    return host;
  };
  const full = await open({ concurrency: 1 });
  const asleep = new Promise<void>((resolve) => full.onNotice(({ kind }) => kind === "run-parked" && resolve()));
  const run = await full.startWorkflow(nap, { ms: 1_500 });
  await asleep;
  await full.startWorkflow(crowd, {});
  const free = await open({});
  await free.getRun(run.id).result();
});
