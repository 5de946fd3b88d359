import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, event, type Flow } from "workflow-core";
import { inEveryWay } from "../support/stores.ts";

interface Job {
  readonly id: string;
}

interface Order extends Job {
  readonly sizes: readonly number[];
  readonly unusable: number;
}

const came = event<{ readonly items?: readonly string[] }>("came");
const sizeOf = (items: readonly string[] | undefined): number => {
  if (items === undefined) throw new Error("no items");
  return items.length;
};

const taking = defineWorkflow({ id: "taking", version: 1 }, (flow: Flow<Order>) =>
  flow
    .until(
      (lap) =>
        lap.attempt(
          (body) =>
            body.waitFor(came, {
              key: ({ id }) => id,
              output: ({ sizes }, { items }) => ({ sizes: [...sizes, sizeOf(items)] }),
            }),
          { otherwise: (handler) => handler.set(({ unusable }) => ({ unusable: unusable + 1 })) },
        ),
      ({ sizes }) => sizes.length === 2,
      { maxLaps: 5 },
    )
    .returns(({ sizes, unusable }) => ({ sizes, unusable })),
);

/** The names of the younger wait come first in JSON, in every order of keys. */
const together = defineWorkflow({ id: "together", version: 1 }, (flow: Flow<Job>) =>
  flow
    .parallel(
      {
        older: (branch) => branch.waitFor(came, { key: ({ id }) => id, name: "zzz" }),
        b: (branch) => branch.run("first", () => 0).waitFor(came, { key: ({ id }) => id, name: "a" }),
      },
      { as: "got" },
    )
    .returns((_, { got }) => got),
);

inEveryWay("An event", [taking, together], (host, store, mode) => {
  const id = (name: string): string => `${name} ${store.name} ${mode}`;

  test("whose output cannot be used is taken once: the next wait gets the next event", async () => {
    const run = await host().startWorkflow(taking, { id: id("taken"), sizes: [], unusable: 0 });
    for (const items of [["a"], undefined, ["a", "b"]])
      await host().publishEvent(came, id("taken"), items === undefined ? {} : { items });
    assert.deepEqual(await run.result(), { sizes: [1, 2], unusable: 1 });
    const transitions = store.transitionsOf(run.id);
    const subscribed = transitions.flatMap(({ subscribe }) => subscribe.map(({ path }) => path)).sort();
    const unsubscribed = transitions.flatMap(({ unsubscribe }) => unsubscribe.map(({ path }) => path)).sort();
    assert.deepEqual(unsubscribed, subscribed);
  });

  test("is taken by who has waited longest for it, also when the run was loaded anew", async () => {
    const run = await host().startWorkflow(together, { id: id("together") });
    const waits = (): number => store.transitionsOf(run.id).flatMap(({ subscribe }) => subscribe).length;
    while (waits() < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    for (const items of [["first"], ["second"]]) await host().publishEvent(came, id("together"), { items });
    assert.deepEqual(await run.result(), { older: { items: ["first"] }, b: { items: ["second"] } });
  });
});
