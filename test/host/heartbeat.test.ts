import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { DatabaseClock } from "../../src/host/clock.ts";
import { Heartbeat } from "../../src/host/heartbeat.ts";
import { systemEnvironment } from "../../src/models/environment.ts";
import type { EngineStore } from "../../src/persistence/provider.ts";
import { liveNode } from "../stores/world.ts";
import { over } from "../support/over.ts";

const times = { beatMs: 1, staleMs: 60_000, deadMs: 90_000 }; // no watch looks within these tests

/** A heartbeat whose beats are answered when the test says so, and what it tells. The clock stands until the test moves it. */
async function heartbeat() {
  const { store } = new MemoryPersistenceProvider();
  const heard: string[] = [];
  const answers: (() => void)[] = [];
  const clock = { now: 0 };
  const env = systemEnvironment({ monotonic: () => clock.now });
  const beat: EngineStore["nodes"]["beat"] = async (id) => {
    await new Promise<void>((resolve) => answers.push(resolve));
    return store.nodes.beat(id);
  };
  const beating = new Heartbeat({
    store: over(store, { nodes: over(store.nodes, { beat }) }),
    env,
    clock: new DatabaseClock(env),
    node: await liveNode(store),
    times,
    ears: {
      stale: () => void heard.push("stale"),
      fresh: () => void heard.push("fresh"),
      dead: () => void heard.push("dead"),
    },
  });
  /** Waits for the beat that is under way, and answers it; resolves when the next one was sent. */
  const answer = async (): Promise<void> => {
    while (answers.length === 0) await nextTurn();
    answers.shift()?.();
    while (answers.length === 0) await nextTurn();
  };
  const stop = async (): Promise<void> => {
    const stopped = beating.stop();
    answers.shift()?.();
    await stopped;
  };
  beating.start();
  return { beating, heard, clock, answer, stop };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("what was refused while no beat was confirmed is told of the next one that is, though no watch had noticed", async () => {
  const { beating, heard, clock, answer, stop } = await heartbeat();
  clock.now = 40_000;
  await answer(); // it counts from its sending, at 0
  clock.now = 70_000;
  assert.equal(beating.isFresh, false, "so nothing may start");
  await answer(); // sent at 40,000
  assert.equal(beating.isFresh, true);
  assert.deepEqual(heard, ["fresh"]);
  await answer();
  assert.deepEqual(heard, ["fresh"], "once");
  await stop();
});

test("a beat whose answer took too long makes nothing fresh", async () => {
  const { beating, heard, clock, answer, stop } = await heartbeat();
  clock.now = 70_000;
  await answer(); // sent at 0
  assert.equal(beating.isFresh, false);
  assert.deepEqual(heard, []);
  await answer(); // sent at 70,000
  assert.deepEqual(heard, ["fresh"]);
  await stop();
});
