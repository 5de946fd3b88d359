import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, event, type Flow, PermanentError, type StepContext } from "workflow-core";
import { inEveryWay } from "../support/stores.ts";

interface Order {
  readonly id: string;
  readonly fail?: boolean;
}

const cancelled = event<{ readonly by: string }>("order-cancelled");
const go = event("go");

const undone: string[] = [];
const undo = (name: string) => ({
  compensateWith: (done: { readonly input: unknown; readonly outcome: string }, { instanceId }: StepContext) => {
    undone.push(`${instanceId}:${name} ${done.outcome} ${JSON.stringify(done.input)}`);
  },
});
const undoneOf = (id: string): string[] => undone.filter((line) => line.startsWith(id)).map((line) => line.slice(37));

const hang = (_: string, { signal }: StepContext) =>
  new Promise<never>((_resolve, reject) => {
    if (signal.aborted) reject(new Error("stopped"));
    signal.addEventListener("abort", () => reject(new Error("stopped")));
  });

const shipping = defineWorkflow({ id: "shipping", version: 1 }, (flow: Flow<Order>) =>
  flow
    .cancelWhen(
      cancelled,
      (body) =>
        body
          .run("pack", () => "box", { ...undo("pack"), as: "box" })
          .waitFor(go, { key: ({ id }) => id })
          .forEach(
            () => ["a", "b"],
            (each) => each.run("load", hang, undo("load")),
          )
          .run("ship", () => "shipped"),
      {
        key: ({ id }) => id,
        onCancel: (cleanup) => cleanup.delay(5).run("tell", (_, { scope }) => `cancelled by ${scope.cancelledBy.by}`),
        as: "end",
      },
    )
    .run("after", ({ fail }) => {
      if (fail) throw new PermanentError("later");
    })
    .returns((_, { end }) => end),
);

const quick = defineWorkflow({ id: "quick", version: 1 }, (flow: Flow<Order>) =>
  flow
    .cancelWhen(cancelled, (body) => body.run("work", () => "done"), { key: ({ id }) => id, as: "end" })
    .returns((_, { end }) => end ?? "cancelled"),
);

inEveryWay("A block that an event cancels", [shipping, quick], (host, store, mode) => {
  const id = (name: string): string => `${name}-${store.name}-${mode.length}`;

  test("is left as any other when it is done, and waits for the event no more", async () => {
    const run = await host().startWorkflow(quick, { id: id("quick") });
    assert.equal(await run.result(), "done");
    const transitions = store.transitionsOf(run.id);
    const subscribed = transitions.flatMap(({ subscribe }) => subscribe.map(({ path }) => path));
    const unsubscribed = transitions.flatMap(({ unsubscribe }) => unsubscribe.map(({ path }) => path));
    assert.deepEqual(unsubscribed, subscribed);
  });

  test("is stopped where it waits, and its cleanup is told why", async () => {
    const run = await host().startWorkflow(shipping, { id: id("wait") });
    await host().publishEvent(cancelled, id("wait"), { by: "Ann" });
    assert.equal(await run.result(), "cancelled by Ann");
    assert.deepEqual(undoneOf(run.id), []);
  });

  test("is stopped with all bodies that run in it; a later failure undoes what was done and what is in doubt", async () => {
    const run = await host().startWorkflow(shipping, { id: id("run"), fail: true });
    await host().publishEvent(go, id("run"));
    await until(() => store.transitionsOf(run.id).some(({ frontier }) => frontier.includes("each[1]/load")));
    await host().publishEvent(cancelled, id("run"), { by: "Bob" });
    await assert.rejects(run.result(), /later/);
    const [first, second, third] = undoneOf(run.id);
    assert.deepEqual([first, second].sort(), [`load unknown "a"`, `load unknown "b"`]);
    assert.match(third ?? "", /^pack completed/);
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
