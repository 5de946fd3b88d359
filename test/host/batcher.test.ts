import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Batcher } from "../../src/host/batcher.ts";
import { Lanes } from "../../src/host/lanes.ts";
import type { Sending } from "../../src/host/sender.ts";
import { type Environment, systemEnvironment } from "../../src/models/environment.ts";
import { DatabaseUnreachableError, PersistenceError } from "../../src/models/errors-storage.ts";

interface Sent {
  readonly lane: number;
  readonly count: number;
  readonly answer: () => void;
  readonly fail: (error: Error) => void;
}

interface Queue {
  readonly add: (count: number) => Promise<unknown>;
  readonly sent: Sent[];
}

const limits = { items: 500, weight: 1_000_000, weigh: () => 1 };

function batcher(lanes: number | Lanes, facts: Partial<Sending<number, number>> = {}): Queue {
  const sent: Sent[] = [];
  const env = facts.env ?? systemEnvironment();
  const queue = new Batcher<number, number>(typeof lanes === "number" ? new Lanes(env, lanes) : lanes, limits, {
    env,
    what: "Counting",
    signal: new AbortController().signal,
    act: (batch, { lane }) =>
      new Promise((resolve, fail) => sent.push({ lane, count: batch.length, answer: () => resolve(batch), fail })),
    ...facts,
  });
  const add = (count: number): Promise<unknown> => Promise.all(Array.from({ length: count }, (_, n) => queue.add(n)));
  return { add, sent };
}

const away = new DatabaseUnreachableError("db:5432/app");

/** Turns of the event loop behind the time: of a process that waits for its processor, only time goes on. */
const after = async (ms: number): Promise<void> => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  for (let turn = 0; turn < 8; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};
const soon = (): Promise<void> => after(5);
/** Longer than what fails now and then waits before it is sent again. */
const pause = (): Promise<void> => after(200);
const countsOf = (sent: readonly Sent[]): number[] => sent.map(({ count }) => count);

describe("items that gather for a batch", () => {
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

  test("wait behind another batch for the one session only if they are many", async () => {
    const { add, sent } = batcher(new Lanes(systemEnvironment(), 2, true));
    const all = [add(10)];
    await soon();
    all.push(add(50));
    await soon();
    assert.deepEqual(countsOf(sent), [10]);
    all.push(add(50));
    await soon();
    assert.deepEqual(countsOf(sent), [10, 100], "whole, since nothing is gained by two halves");
    all.push(add(20));
    await soon();
    sent[0]?.answer();
    await soon();
    assert.deepEqual(countsOf(sent), [10, 100], "few gather until both are answered");
    sent[1]?.answer();
    await soon();
    sent[2]?.answer();
    await Promise.all(all);
    assert.deepEqual(countsOf(sent), [10, 100, 20]);
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

/** A clock that a test moves; what is to be done later is done then. */
class Clock {
  private now = 0;
  private timers: { readonly at: number; readonly fn: () => void }[] = [];
  readonly env: Environment = systemEnvironment({
    monotonic: () => this.now,
    later: (ms, fn) => {
      const timer = { at: this.now + ms, fn };
      this.timers.push(timer);
      return { cancel: () => (this.timers = this.timers.filter((one) => one !== timer)) };
    },
    sleep: () => soon(),
  });

  get waits(): number {
    return this.timers.length;
  }

  advance(ms: number): void {
    this.now += ms;
    const due = this.timers.filter(({ at }) => at <= this.now);
    this.timers = this.timers.filter(({ at }) => at > this.now);
    for (const { fn } of due) fn();
  }
}

describe("items that have a time to give up", () => {
  const giveUpMs = 30_000;
  const outcomes = (queue: Queue): { readonly add: () => void; readonly met: unknown[] } => {
    const met: unknown[] = [];
    return {
      met,
      add: () =>
        void queue.add(1).then(
          () => met.push("answered"),
          (error: unknown) => met.push(error),
        ),
    };
  };

  test("are refused when it is over, though they were never sent, because the lane is held by what never gives up", async () => {
    const clock = new Clock();
    const lanes = new Lanes(clock.env, 1);
    const stop = new AbortController();
    const { signal } = stop;
    const down = { env: clock.env, what: "Counting", signal, act: () => Promise.reject(away) };
    const holding = new Batcher<number, number>(lanes, limits, down);
    holding.add(1).catch(() => undefined);
    await soon();
    let sent = 0;
    const act = async (batch: readonly number[]): Promise<readonly number[]> => ((sent += 1), batch);
    const starts = new Batcher<number, number>(lanes, limits, { ...down, act, giveUpMs });
    const refused = assert.rejects(
      starts.add(1),
      (error) => error instanceof DatabaseUnreachableError && error.address === away.address,
    );
    await soon();
    clock.advance(giveUpMs - 1);
    const later = starts.add(2).then(
      () => "answered",
      () => "refused",
    );
    clock.advance(1);
    await refused;
    assert.equal(await Promise.race([later, soon()]), undefined, "its own time is not over");
    assert.equal(sent, 0);
    clock.advance(giveUpMs);
    assert.equal(await later, "refused");
    stop.abort();
    assert.equal(clock.waits, 0, "nobody waits, and no timer holds the process");
  });

  test("are not refused while those before them are answered: the queue is only long", async () => {
    const clock = new Clock();
    const queue = batcher(1, { env: clock.env, giveUpMs });
    const { add, met } = outcomes(queue);
    add();
    await soon();
    add();
    clock.advance(giveUpMs - 1);
    queue.sent[0]?.answer();
    await soon();
    add();
    clock.advance(giveUpMs - 1);
    queue.sent[1]?.answer();
    await soon();
    queue.sent[2]?.answer();
    await soon();
    assert.deepEqual(met, ["answered", "answered", "answered"]);
  });

  test("count it each for itself, also in one batch", async () => {
    const clock = new Clock();
    const lanes = new Lanes(clock.env, 1);
    let release = (): void => undefined;
    lanes.ask(() => new Promise((resolve) => (release = resolve)));
    await soon();
    const queue = batcher(lanes, { env: clock.env, giveUpMs });
    const { add, met } = outcomes(queue);
    add();
    clock.advance(1_000);
    add();
    release();
    await soon();
    clock.advance(giveUpMs - 500);
    queue.sent[0]?.fail(away);
    await pause();
    assert.deepEqual([countsOf(queue.sent), met], [[2, 1], [away]], "the second one is sent again");
    clock.advance(1_000);
    queue.sent[1]?.fail(away);
    await pause();
    assert.deepEqual(
      [countsOf(queue.sent), met],
      [
        [2, 1],
        [away, away],
      ],
    );
  });
});

describe("a batch that is too much for the database", () => {
  const tooSlow = new PersistenceError("canceled", "transient", { sqlState: "57014" });
  const locked = new PersistenceError("locked", "conflict", { sqlState: "55P03" });
  const unanswered = new PersistenceError("no answer", "transient");

  /** Sends items 0 to n - 1, all at once. `act` may throw. */
  async function sending(count: number, act: (part: readonly number[], again: boolean) => void): Promise<unknown> {
    const { add } = batcher(1, {
      act: async (part, { again }) => {
        act(part, again);
        return part;
      },
    });
    return add(count);
  }

  test("goes in halves, which are known to have been sent before", async () => {
    for (const error of [tooSlow, unanswered]) {
      const sent: unknown[] = [];
      await sending(8, (part, again) => {
        sent.push([part.length, again]);
        if (part.length > 2) throw error;
      });
      const parts = [8, 4, 2, 2, 4, 2, 2];
      assert.deepEqual(
        sent,
        parts.map((count, n) => [count, n > 0]),
      );
    }
  });

  test("goes one by one if it waits for a lock, and whoever holds it up does not hold up those that come later", async () => {
    const { add, sent } = batcher(1);
    const met: string[] = [];
    const tell = (name: string) => (): void => void met.push(name);
    void add(3).then(tell("first three"));
    await soon();
    sent[0]?.fail(locked);
    await soon();
    sent[1]?.answer();
    await soon();
    sent[2]?.fail(locked); // the second of them
    await pause();
    sent[3]?.answer();
    await soon();
    void add(2).then(tell("later two"));
    await soon();
    sent[4]?.fail(locked); // it had its turn before
    await pause();
    sent[5]?.answer();
    await soon();
    assert.deepEqual([countsOf(sent), met], [[3, 1, 1, 1, 1, 2, 1], ["later two"]]);
    sent[6]?.answer();
    await soon();
    assert.deepEqual(met, ["later two", "first three"]);
  });

  test("is sent as it was if no size could help", async () => {
    const sent: number[] = [];
    await sending(8, (part) => {
      sent.push(part.length);
      if (sent.length < 3) throw away;
    });
    assert.deepEqual(sent, [8, 8, 8]);
  });
});
