import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { defineWorkflow, event, type Flow } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import type { EngineStore } from "../../src/persistence/provider.ts";
import { hostOn, LocalBus, viewOf } from "../support/mortal.ts";
import { over } from "../support/over.ts";

const called = event<{ readonly by: string }>("called");

const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<{ readonly id: string }>) =>
  flow.run("first", () => 1).waitFor(called, { key: ({ id }) => id }),
);

test(
  "what a transition did is told also if its run is claimed again before the commit is answered",
  { timeout: 15_000 },
  async (t) => {
    const { store }: { readonly store: EngineStore } = new MemoryPersistenceProvider();
    const bus = new LocalBus();
    let claimedAgain = (): void => undefined;
    const again = new Promise<void>((resolve) => (claimedAgain = resolve));
    const late = over(viewOf(store, bus), {
      instances: over(store.instances, {
        commit: async (batch, lane) => {
          const reply = await store.instances.commit(batch, lane);
          if (!batch.some(({ release }) => release === "park")) return reply;
          await publisher.publishEvent(called, "a", { by: "me" });
          await again;
          await new Promise((resolve) => setTimeout(resolve, 20)); // the claim's answer is handled first
          return reply;
        },
        claim: async (request) => {
          const answer = await store.instances.claim(request);
          if (answer.claimed.length > 0) claimedAgain();
          return answer;
        },
      }),
    });
    const publisher = await hostOn(viewOf(store, bus), { workflows: [waiting], concurrency: 0 });
    t.after(() => publisher.stop());
    const host = await hostOn(late, { workflows: [waiting] });
    t.after(() => host.stop());
    const told: string[] = [];
    host.onNotice((notice) => told.push("path" in notice ? `${notice.kind} ${notice.path}` : notice.kind));
    const run = await host.startWorkflow(waiting, { id: "a" });
    await run.result();
    for (const notice of ["step-completed first", "run-parked", "run-completed"])
      assert.ok(told.includes(notice), `${notice} is among ${told.join(", ")}`);
  },
);

const bell = event<number>("bell");

const listening = defineWorkflow({ id: "listening", version: 1 }, (flow: Flow<{ readonly got: readonly number[] }>) =>
  flow
    .until(
      (lap) =>
        lap
          .waitFor(bell, { key: () => "a", output: ({ got }, one) => ({ got: [...got, one] }) })
          .run("work", () => delay(100)),
      ({ got }) => got.length >= 2,
    )
    .returns(({ got }) => got),
);

test(
  "an inbox that was read before a commit, and whose answer comes after it, brings back nothing that was taken",
  { timeout: 15_000 },
  async (t) => {
    const { store }: { readonly store: EngineStore } = new MemoryPersistenceProvider();
    let isHeld = false;
    let readEarly = (): void => undefined;
    const early = new Promise<void>((resolve) => (readEarly = resolve));
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const late = over(store, {
      instances: over(store.instances, {
        inbox: async (refs) => {
          const rows = await store.instances.inbox(refs);
          if (!isHeld || rows.length < 2) return rows;
          readEarly();
          await released;
          return rows;
        },
        commit: async (batch, lane) => {
          if (isHeld || !batch.some(({ consume }) => consume.length > 0)) return store.instances.commit(batch, lane);
          isHeld = true;
          await host.publishEvent(bell, "a", 2);
          await early; // the first event lies there, and is being taken
          setTimeout(release, 20);
          return store.instances.commit(batch, lane);
        },
      }),
    });
    const host = await hostOn(late, { workflows: [listening] });
    t.after(() => host.stop());
    const run = await host.startWorkflow(listening, { got: [] });
    await host.publishEvent(bell, "a", 1);
    assert.deepEqual(await run.result(), [1, 2]);
  },
);
