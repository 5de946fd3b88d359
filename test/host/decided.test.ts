import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { DatabaseClock } from "../../src/host/clock.ts";
import { type Committed, Committer } from "../../src/host/committer.ts";
import { systemEnvironment } from "../../src/models/environment.ts";
import { PersistenceError } from "../../src/models/errors-storage.ts";
import { transition } from "../stores/rows.ts";
import { liveNode, start } from "../stores/world.ts";
import { over } from "../support/over.ts";

/** Milliseconds by which its timers come earlier than if they counted from the commit. */
const shift = ({ held, now, decidedAt }: Committed): number => {
  assert.equal(held, true);
  return now - decidedAt;
};

test("a timer does not come later because its transition waited for others to be committed", async () => {
  const { store } = new MemoryPersistenceProvider();
  let now = 0;
  let answer: (() => void) | undefined;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  const slow = over(store, {
    lanes: 1,
    instances: over(store.instances, {
      commit: async (batch) => {
        await answered;
        return store.instances.commit(batch);
      },
    }),
  });
  const env = systemEnvironment({ monotonic: () => now });
  const [owner, clock, { signal }] = [await liveNode(store), new DatabaseClock(env), new AbortController()];
  const committer = new Committer({ store: slow, env, clock, owner, signal, holds: () => false });
  const rows = [await start(store, owner), await start(store, owner)] as const;
  const first = committer.commit(transition(rows[0], owner));
  await new Promise((resolve) => setImmediate(resolve)); // it has the only lane
  now += 100;
  const second = committer.commit(transition(rows[1], owner, { dueIn: 1_000 }));
  now += 250;
  answer?.();
  assert.equal(shift(await first), 0, "what it took to commit it is not known to have passed before");
  assert.equal(shift(await second), 250);
});

test("a timer does not come later because its transition had to be sent again", async () => {
  const { store } = new MemoryPersistenceProvider();
  let now = 0;
  const failing = over(store, {
    instances: over(store.instances, {
      commit: async (batch) => {
        if (now > 0) return store.instances.commit(batch);
        now = 400;
        throw new PersistenceError("no answer", "transient");
      },
    }),
  });
  const env = systemEnvironment({ monotonic: () => now });
  const [owner, clock, { signal }] = [await liveNode(store), new DatabaseClock(env), new AbortController()];
  const committer = new Committer({ store: failing, env, clock, owner, signal, holds: () => false });
  const row = await start(store, owner);
  assert.equal(shift(await committer.commit(transition(row, owner, { dueIn: 1_000 }))), 400);
});
