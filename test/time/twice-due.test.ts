import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, type Flow } from "workflow-core";
import { onEveryStore, type StoreUnderTest, storeNames } from "../support/stores.ts";

interface Job {
  readonly id: string;
}

const second = 1_000;
const backoffMs = 40;
const at = new Map<string, number[]>();
const note = ({ id }: Job): number => (at.get(id) ?? at.set(id, []).get(id) ?? []).push(performance.now());
const over = new Set<string>();

/** Ends and begins a body again and again, so that a commit of the run is under way nearly always. */
const busily = (flow: Flow<Job>) =>
  flow.while(
    ({ id }) => !over.has(id),
    (lap) => lap.run("quick", () => 1),
    { keepLaps: 1 },
  );

const retrying = defineWorkflow({ id: "retrying", version: 1 }, (flow: Flow<Job>) =>
  flow.parallel({
    flaky: (branch) =>
      branch
        .run(
          "flaky",
          (job, { attempt }) => {
            note(job);
            if (attempt < 6) throw new Error("not yet");
          },
          { retry: { maxAttempts: 6, initial: backoffMs, factor: 1, jitter: false } },
        )
        .run("over", ({ id }) => void over.add(id)),
    busy: busily,
  }),
);

const ticking = defineWorkflow({ id: "ticking", version: 1 }, (flow: Flow<Job>) =>
  flow.parallel({
    ticks: (branch) =>
      branch
        .run("begin", (job) => void note(job))
        .recur({ every: second, times: 2 }, (lap) => lap.run("tick", (job) => void note(job)))
        .run("over", ({ id }) => void over.add(id)),
    busy: busily,
  }),
);

const timesOf = (id: string): readonly number[] => at.get(id) ?? [];

const tests = (store: StoreUnderTest): void => {
  test("does not wake a step before its backoff is over", async () => {
    const host = await store.host({ workflows: [retrying] });
    store.slowMs = 10;
    const id = `retrying ${store.name}`;
    await (await host.startWorkflow(retrying, { id })).result();
    const times = timesOf(id);
    const gaps = times.slice(1).map((time, n) => time - (times[n] ?? 0));
    assert.equal(gaps.length, 5);
    assert.ok(Math.min(...gaps) >= backoffMs - 1, `tried again after ${gaps.join()} ms`);
  });

  test("begins no lap before its tick", async () => {
    const host = await store.host({ workflows: [ticking] });
    store.slowMs = 10;
    const id = `ticking ${store.name}`;
    await (await host.startWorkflow(ticking, { id })).result();
    const [begun = 0, first = 0, next = 0] = timesOf(id);
    const laps = [first - begun, next - begun];
    assert.ok(
      laps.every((after, n) => after >= (n + 1) * second - 1),
      `laps began after ${laps.join()} ms`,
    );
  });
};

// What they need of a store is the same with PGlite, which takes seconds to start, and longer for each of very many commits.
const quick = storeNames.filter((name) => name !== "pglite");
onEveryStore("A timer that is told of twice, since its run is busy,", tests, quick);
