import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, type Flow, type Notice, PermanentError } from "../../src/index.ts";
import { onEveryStore } from "../support/stores.ts";

const pass = defineWorkflow({ id: "pass", version: 1 }, (flow: Flow<{ fails: boolean }>) =>
  flow
    .run("first", () => 1)
    .run(
      "second",
      ({ fails }, { attempt }) => {
        if (fails) throw new PermanentError("no");
        if (attempt === 1) throw new Error("once more");
        return 2;
      },
      { retry: { initial: 1 } },
    ),
);

onEveryStore("notices", (store) => {
  test("tell a run from its start to its end, in order, and stop when nobody listens any more", async () => {
    const heard: Notice[] = [];
    const host = await store.host({ workflows: [pass] });
    const stop = host.onNotice((notice) => heard.push(notice));
    for (const fails of [false, true])
      await (await host.startWorkflow(pass, { fails })).result().catch(() => undefined);
    stop();
    await (await host.startWorkflow(pass, { fails: false })).result();
    const told = heard.map((notice) => ("path" in notice ? `${notice.kind} ${notice.path}` : notice.kind));
    assert.deepEqual(told, [
      "run-started",
      "step-completed first",
      "step-retried second",
      "run-parked", // until the next attempt
      "step-completed second",
      "run-completed",
      "run-started",
      "step-completed first",
      "step-failed second",
      "run-failed",
    ]);
  });

  test("hurt nobody if a listener throws, or is async and fails later", async () => {
    const errors: unknown[] = [];
    const nothing = (): void => undefined;
    const logger = {
      debug: nothing,
      info: nothing,
      warn: nothing,
      error: (_: string, fields: unknown) => errors.push(fields),
    };
    const host = await store.host({ workflows: [pass], logger });
    host.onNotice(() => {
      throw new Error("at once");
    });
    host.onNotice(() => Promise.reject(new Error("later")) as unknown as undefined); // as an async function does
    await (await host.startWorkflow(pass, { fails: false })).result();
    const told = errors.map((fields) => (fields as { error: string }).error);
    assert.ok(told.includes("Error: at once") && told.includes("Error: later"));
  });
});
