import assert from "node:assert/strict";
import { before } from "node:test";
import { defineWorkflow, type Flow, WorkflowFailedError, type WorkflowHost } from "workflow-core";
import { onEveryClock, pause, test } from "../support/clocked-stores.ts";

interface Trip {
  readonly leavesAt: Date;
}

const fixed = defineWorkflow({ id: "fixed", version: 1 }, (flow: Flow<object>) =>
  flow.delayUntil(new Date("2026-03-01T12:00:00Z")).returns(() => "passed"),
);

const chosen = defineWorkflow({ id: "chosen", version: 1 }, (flow: Flow<Trip>) =>
  flow.delayUntil(({ leavesAt }) => leavesAt).returns(({ leavesAt }) => leavesAt.getTime()),
);

/** What JavaScript lets pass. */
const unchecked = defineWorkflow({ id: "unchecked", version: 1 }, (flow: Flow<{ at: number }>) =>
  flow.delayUntil(({ at }) => (at === 0 ? ("tomorrow" as unknown as Date) : new Date(at))).returns(() => "passed"),
);

onEveryClock("delayUntil", (store) => {
  let host: WorkflowHost;
  before(async () => {
    host = await store.host({ workflows: [fixed, chosen, unchecked] });
  });

  test("waits for its instant by the database's clock, and not a millisecond less", async () => {
    const run = await host.startWorkflow(fixed, {});
    let isOver = false;
    const ended = run.result().then(() => (isOver = true));
    await store.moveTo("2026-03-01T11:59:59.999Z");
    await pause();
    assert.equal(isOver, false);
    await store.advance(1);
    await ended;
  });

  test("lets pass at once when the instant lies behind", async () => {
    const leavesAt = new Date(store.now() - 86_400_000);
    assert.equal(await (await host.startWorkflow(chosen, { leavesAt })).result(), leavesAt.getTime());
  });

  test("takes the instant that its mapping answered at entry, on another node as well", async () => {
    const leavesAt = new Date(store.now() + 40 * 86_400_000);
    const other = await store.host({ workflows: [fixed, chosen] });
    const run = await other.startWorkflow(chosen, { leavesAt });
    await pause(20);
    await other.stop();
    await store.advance(40 * 86_400_000);
    assert.equal(await host.getRun(run.id).result(), leavesAt.getTime());
  });

  for (const [what, at] of [
    ["a text", 0],
    ["no valid date", NaN],
    ["beyond the year 9999", Date.UTC(10_000, 0, 1)],
  ] as const) {
    test(`fails visibly when its mapping answers ${what}`, async () => {
      const run = await host.startWorkflow(unchecked, { at: Number.isNaN(at) ? 8.64e15 + 1 : at });
      await assert.rejects(run.result(), (error) => {
        assert.ok(error instanceof WorkflowFailedError);
        assert.equal(error.failure.code, "MAPPING_FAILED");
        assert.equal(error.failure.path, "delayUntil");
        return true;
      });
    });
  }
});
