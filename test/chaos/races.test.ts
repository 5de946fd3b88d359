import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, event, type Flow, KeyConflictError, type WorkflowHost } from "../../src/index.ts";
import { arena, orphans, scaledTimes, until, within } from "./arena.ts";

const isQuick = process.env["TEST_QUICK"] === "1";
const rounds = isQuick ? 3 : 10;
const world = arena();

interface Order {
  readonly total: number;
}

const charge = defineWorkflow({ id: "charge once", version: 1 }, (flow: Flow<Order>) =>
  flow.run("charge", async ({ total }, { instanceId }) => {
    await world.rows("insert into ledger (run, step) values ($1, 'charge')", [instanceId]);
    return total;
  }),
);

const told = event<number>("told");
const counts = defineWorkflow({ id: "counts events", version: 1 }, (flow: Flow<{ readonly key: string }>) =>
  flow
    .waitFor(told, { key: ({ key }) => key, as: "first" })
    .waitFor(told, { name: "told again", key: ({ key }) => key, as: "second" })
    .returns((_, { first, second }) => [first, second] as const),
);

const go = event("go");
const patient = defineWorkflow({ id: "patient", version: 1 }, (flow: Flow<{ readonly key: string }>) =>
  flow.waitFor(go, { key: ({ key }) => key }).returns(() => "went"),
);

let both: Promise<readonly [WorkflowHost, WorkflowHost]> | undefined;

/** Two hosts of one database, in one process: they meet in the database alone. */
const twoHosts = (): Promise<readonly [WorkflowHost, WorkflowHost]> => (both ??= makeHosts());

async function makeHosts(): Promise<readonly [WorkflowHost, WorkflowHost]> {
  const options = { workflows: [charge, counts, patient], times: scaledTimes };
  return [await world.host(options), await world.host(options)];
}

/** So many calls, by turns on the one host and the other, all at once. */
const fromBoth = async <R>(times: number, call: (host: WorkflowHost, n: number) => Promise<R>): Promise<R[]> => {
  const hosts = await twoHosts();
  return Promise.all(Array.from({ length: times }, (_, n) => call(hosts[n % 2 === 0 ? 0 : 1], n)));
};

test("fifty starts with one key, at once and from two hosts, are one run", { timeout: 60_000 }, async () => {
  for (let round = 0; round < rounds; round += 1) {
    const key = `same ${round}`;
    const runs = await fromBoth(50, (host) => host.startWorkflow(charge, { total: 5 }, { key }));
    const [run] = runs;
    assert.ok(run !== undefined);
    assert.equal(new Set(runs.map(({ id }) => id)).size, 1);
    await within(15_000, Promise.all(runs.map((one) => one.result())), "the results");
    assert.equal((await world.rows("select from ledger where run = $1", [run.id])).length, 1);
    assert.equal((await world.rows("select from workflow_core.instance where key = $1", [key])).length, 1);
  }
});

test(
  "of starts with one key and different data, at once, one kind wins and the other is a conflict",
  { timeout: 60_000 },
  async () => {
    for (let round = 0; round < rounds; round += 1) {
      const outcomes = await fromBoth(20, (host, n) =>
        host.startWorkflow(charge, { total: n % 3 === 0 ? 1 : 2 }, { key: `other ${round}` }).then(
          (run) => ({ total: n % 3 === 0 ? 1 : 2, run }),
          (error: unknown) => ({ total: n % 3 === 0 ? 1 : 2, error }),
        ),
      );
      const started = outcomes.flatMap((one) => ("run" in one ? [one] : []));
      const refused = outcomes.flatMap((one) => ("error" in one ? [one] : []));
      const [winner] = started;
      assert.ok(winner !== undefined);
      assert.deepEqual([...new Set(started.map(({ total }) => total))], [winner.total]);
      assert.ok(refused.every(({ total, error }) => total !== winner.total && error instanceof KeyConflictError));
      assert.equal(started.length, winner.total === 1 ? 7 : 13, "whoever has the winner's data has its run");
      assert.deepEqual(await within(15_000, winner.run.result(), "the run"), { total: winner.total });
    }
  },
);

test("an event that is published many times under one idempotency key is taken once", { timeout: 60_000 }, async () => {
  for (let round = 0; round < rounds; round += 1) {
    const key = `events ${round}`;
    const [host] = await twoHosts();
    const run = await host.startWorkflow(counts, { key });
    await fromBoth(20, (one, n) => one.publishEvent(told, key, n < 10 ? 1 : 2, { idempotencyKey: n < 10 ? "a" : "b" }));
    const taken = await within(15_000, run.result(), "the run");
    assert.deepEqual([...taken].sort(), [1, 2]);
    await until(
      "all are delivered",
      async () =>
        (await world.rows("select from workflow_core.event where key = $1 and not looked", [key])).length === 0,
    );
    const inbox = await world.rows("select from workflow_core.inbox where instance = $1 and kind = 'event'", [run.id]);
    assert.equal(inbox.length, 2);
  }
});

test(
  "suspends and resumes from two hosts at once leave a run that can still be resumed and ends",
  { timeout: 90_000 },
  async () => {
    for (let round = 0; round < rounds; round += 1) {
      const key = `rest ${round}`;
      const [host] = await twoHosts();
      const { id } = await host.startWorkflow(patient, { key });
      const stored = await fromBoth(20, (one, n) =>
        n % 4 < 2 ? one.getRun(id).suspend("a rest") : one.getRun(id).resume(),
      );
      assert.ok(stored.every(Boolean));
      await fromBoth(2, (one) => one.publishEvent(go, key, undefined, { idempotencyKey: "go" }));
      await allTaken(id);
      const [{ kind } = { kind: "" }] = await world.rows<{ kind: string }>(
        "select kind from workflow_core.history where instance = $1 order by revision desc, n desc limit 1",
        [id],
      );
      const status = await host.getRun(id).status();
      assert.equal(status === "Suspended", kind === "suspend", `${status} after the last request, ${kind}`);
      if (status === "Suspended") await host.getRun(id).resume();
      assert.equal(await within(15_000, host.getRun(id).result(), "the run"), "went");
    }
  },
);

test(
  "a terminate among suspends, resumes and the event that would end the run leaves it in one end for all to see",
  { timeout: 90_000 },
  async () => {
    for (let round = 0; round < rounds; round += 1) {
      const key = `end ${round}`;
      const [host, other] = await twoHosts();
      const { id } = await host.startWorkflow(patient, { key });
      await fromBoth(12, async (one, n) => {
        const run = one.getRun(id);
        if (n === 5) await one.publishEvent(go, key);
        else if (n === 8) await run.terminate("enough");
        else await (n % 4 < 2 ? run.suspend("a rest") : run.resume());
      });
      await until("it is over", async () => ["Terminated", "Complete"].includes(await host.getRun(id).status()));
      const ends = await Promise.allSettled(
        [host, other].map((one) => within(5_000, one.getRun(id).result(), "a result")),
      );
      assert.equal(ends[0]?.status, ends[1]?.status);
      assert.equal((await other.getRun(id).status()) === "Complete", ends[0]?.status === "fulfilled");
      assert.equal(await other.getRun(id).resume(), false, "an end is for ever");
      assert.equal((await world.rows("select from workflow_core.subscription where instance = $1", [id])).length, 0);
    }
    assert.deepEqual(await world.rows(orphans), []);
  },
);

/** Waits until no request is left in the inbox. */
const allTaken = (id: string): Promise<void> =>
  until(
    "all requests are taken",
    async () =>
      (await world.rows("select from workflow_core.inbox where instance = $1 and not taken and kind <> 'event'", [id]))
        .length === 0,
  );
