import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { defineWorkflow, event, type Flow } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import type { EngineStore, InstanceStore } from "../../src/persistence/provider.ts";
import { DatabaseUnreachableError, PersistenceError } from "../../src/models/errors-storage.ts";
import { hostOn } from "../support/mortal.ts";
import { over } from "../support/over.ts";

const lost = (): DatabaseUnreachableError => new DatabaseUnreachableError("the test");
const bell = event("bell");

function memoryWith(change: (real: InstanceStore) => Partial<InstanceStore>): EngineStore {
  const { store }: { readonly store: EngineStore } = new MemoryPersistenceProvider();
  return over(store, { instances: over(store.instances, change(store.instances)) });
}

test("a start that comes while its node looks for what it does not know of is not taken away", async (t) => {
  let began = 0;
  const long = defineWorkflow({ id: "long", version: 1 }, (flow: Flow<object>) =>
    flow.run("work", async () => {
      began += 1;
      await delay(300);
    }),
  );
  let isFailing = false;
  let looks = (): void => undefined;
  const isLooking = new Promise<void>((resolve) => (looks = resolve));
  let goOn = (): void => undefined;
  const mayGoOn = new Promise<void>((resolve) => (goOn = resolve));
  const store = memoryWith((real) => ({
    claim: async (request) => {
      const fails = isFailing;
      isFailing = false;
      if (fails) throw lost();
      return real.claim(request);
    },
    disown: async (owner, held) => {
      looks();
      await mayGoOn; // for a session, say
      return real.disown(owner, held);
    },
  }));
  const host = await hostOn(store, { workflows: [long], pollMs: 50 });
  t.after(() => host.stop());
  isFailing = true;
  await isLooking;
  const run = await host.startWorkflow(long, {});
  await delay(50);
  goOn();
  await run.result();
  assert.equal(began, 1);
});

test("a claim that the database carries out after it was given up is found", { timeout: 40_000 }, async (t) => {
  const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<object>) =>
    flow.waitFor(bell, { key: () => "k" }),
  );
  let claims = 0;
  let first: Promise<unknown> = Promise.resolve();
  const store = memoryWith((real) => ({
    claimOne: async (owner, ref) => {
      claims += 1;
      if (claims > 1) {
        await first; // both wait for the same lock
        return real.claimOne(owner, ref);
      }
      first = delay(500).then(() => real.claimOne(owner, ref));
      throw lost();
    },
  }));
  const host = await hostOn(store, { workflows: [waiting] });
  t.after(() => host.stop());
  const run = await host.startWorkflow(waiting, {});
  await delay(100);
  await run.suspend();
  await delay(1_500);
  await run.terminate("enough");
  await assert.rejects(run.result(), { code: "WORKFLOW_TERMINATED" });
});

test("a start that was stored, and whose repeat met an error that does not pass, is given back", async (t) => {
  const once = defineWorkflow({ id: "once", version: 1 }, (flow: Flow<object>) => flow.returns(() => "done"));
  let sendings = 0;
  const store = memoryWith((real) => ({
    start: async (owner, batch, lane) => {
      sendings += 1;
      if (sendings === 2) throw new PersistenceError("The password is wrong.", "permanent");
      const reply = await real.start(owner, batch, lane);
      if (sendings === 1) throw lost();
      return reply;
    },
  }));
  const host = await hostOn(store, { workflows: [once] });
  t.after(() => host.stop());
  await assert.rejects(host.startWorkflow(once, {}, { key: "k" }), /password/);
  const run = await host.startWorkflow(once, {}, { key: "k" });
  assert.equal(await run.result(), "done");
});

test("an instance that cannot be loaded is not claimed without a pause", { timeout: 30_000 }, async (t) => {
  const kept = defineWorkflow({ id: "kept", version: 1 }, (flow: Flow<object>) =>
    flow
      .run("first", () => 1, { as: "first" })
      .waitFor(bell, { key: () => "k" })
      .returns((_, { first }) => first),
  );
  let claimed = 0;
  let isAway = false;
  const store = memoryWith((real) => ({
    claim: async (request) => {
      const reply = await real.claim(request);
      claimed += reply.claimed.length;
      return reply;
    },
    pointers: async (ref, paths) => {
      if (isAway) throw new PersistenceError("Its page is broken.", "permanent");
      return real.pointers(ref, paths);
    },
  }));
  const host = await hostOn(store, { workflows: [kept] });
  t.after(() => host.stop());
  const run = await host.startWorkflow(kept, {});
  await delay(100);
  isAway = true;
  await host.publishEvent(bell, "k");
  await delay(2_000);
  assert.ok(claimed <= 5, `it was claimed ${claimed} times in two seconds`);
  isAway = false;
  assert.equal(await run.result(), 1);
});

test(
  "a node that was declared dead registers anew, whatever is in the way for a while",
  { timeout: 30_000 },
  async (t) => {
    const { store }: { readonly store: EngineStore } = new MemoryPersistenceProvider();
    let isDead = false;
    let refusals = 0;
    let registered = (): void => undefined;
    const nodes = over(store.nodes, {
      beat: async (node) => {
        if (!isDead) return store.nodes.beat(node);
        isDead = false;
        refusals = 2;
        return null;
      },
      register: async (node) => {
        refusals -= 1;
        if (refusals >= 0) throw new PersistenceError("Not now.", "permanent");
        registered();
        return store.nodes.register(node);
      },
    });
    const once = defineWorkflow({ id: "once", version: 1 }, (flow: Flow<object>) => flow.run("work", () => "done"));
    const times = { beatMs: 50, staleMs: 600, deadMs: 900 };
    const host = await hostOn(over(store, { nodes }), { workflows: [once], times });
    t.after(() => host.stop());
    const anew = new Promise<void>((resolve) => (registered = resolve));
    isDead = true;
    await anew;
    await (await host.startWorkflow(once, {})).result();
  },
);
