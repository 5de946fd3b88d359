import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Batcher } from "../../src/host/batcher.ts";
import { Lanes } from "../../src/host/lanes.ts";
import { systemEnvironment } from "../../src/models/environment.ts";

interface Sent {
  readonly lane: number;
  readonly count: number;
  readonly answer: () => void;
}

describe("items that gather for a batch", () => {
  const limits = { items: 500, weight: 1_000_000, weigh: () => 1 };

  function batcher(lanes: number): { readonly add: (count: number) => Promise<unknown>; readonly sent: Sent[] } {
    const sent: Sent[] = [];
    const queue = new Batcher<number, number>(new Lanes(systemEnvironment(), lanes), limits, (batch, lane) => {
      return new Promise((resolve) => sent.push({ lane, count: batch.length, answer: () => resolve(batch) }));
    });
    const add = (count: number): Promise<unknown> => Promise.all(Array.from({ length: count }, (_, n) => queue.add(n)));
    return { add, sent };
  }

  const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
  const countsOf = (sent: readonly Sent[]): number[] => sent.map(({ count }) => count);

  test("are shared out over two free lanes if they are many", async () => {
    const { add, sent } = batcher(2);
    const all = add(201);
    await soon();
    assert.deepEqual(countsOf(sent), [101, 100]);
    assert.notEqual(sent[0]?.lane, sent[1]?.lane);
    for (const { answer } of sent) answer();
    assert.deepEqual(
      await all,
      Array.from({ length: 201 }, (_, n) => n),
      "each gets its own answer",
    );
  });

  test("go in one batch if they are few, or if there is one lane", async () => {
    for (const [lanes, count] of [
      [2, 95],
      [1, 201],
    ] as const) {
      const { add, sent } = batcher(lanes);
      void add(count);
      await soon();
      assert.deepEqual(countsOf(sent), [count]);
    }
  });

  test("all go with the first lane that is free again, if the other is at work", async () => {
    const { add, sent } = batcher(2);
    void add(200);
    await soon();
    void add(200);
    await soon();
    assert.equal(sent.length, 2, "no lane is free");
    sent[1]?.answer();
    await soon();
    assert.deepEqual(countsOf(sent), [100, 100, 200]);
  });
});
