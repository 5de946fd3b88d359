import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventRow } from "../../src/persistence/event-store.ts";
import type { EngineStore, InboxRow, StartRow } from "../../src/persistence/provider.ts";
import { eventRow, subscriptionOf, waiting } from "./rows.ts";
import { liveNode, start, type MakeStore } from "./world.ts";

/** An instance that waits for one key lap after lap, as a loop does: each lap's wait knows what the laps before it have heard. */
class Listener {
  readonly taken: string[] = [];
  heard = 0;
  private revision = 0;
  private lap = 0;
  private store: EngineStore;
  private node: string;
  private row: StartRow;

  constructor(store: EngineStore, node: string, row: StartRow) {
    this.store = store;
    this.node = node;
    this.row = row;
  }

  get inbox(): Promise<readonly InboxRow[]> {
    return this.store.instances.inbox([this.row]);
  }

  /** Waits, and looks for what was there before; answers how many were found. */
  async wait(heard = this.heard): Promise<number> {
    this.lap += 1;
    const path = `wait#${this.lap}`;
    const look = subscriptionOf(this.row, "7", path);
    const subscribe = [{ ...look, name: "paid", key: "7", heard }];
    await this.commit({ subscribe });
    return (await this.store.events.look([look])).delivered;
  }

  /** Takes what lies in the inbox, and waits no longer. */
  async take(): Promise<void> {
    const rows = await this.inbox;
    this.heard = Math.max(this.heard, ...rows.map((row) => row.heard));
    this.taken.push(...rows.map(({ source }) => source));
    const unsubscribe = [subscriptionOf(this.row, "7", `wait#${this.lap}`)];
    await this.commit({ consume: rows.map(({ source }) => source), unsubscribe });
  }

  private async commit(facts: Parameters<typeof waiting>[3]): Promise<void> {
    const transition = waiting(this.row, this.node, "7", {
      ...{ release: "keep", subscribe: [], revision: this.revision },
      ...facts,
    });
    assert.deepEqual((await this.store.instances.commit([transition])).refused, []);
    this.revision += 1;
  }
}

async function listener(store: EngineStore): Promise<Listener> {
  const node = await liveNode(store);
  return new Listener(store, node, await start(store, node));
}

async function published(store: EngineStore): Promise<EventRow> {
  const event = eventRow("7");
  await store.events.publish([event]);
  return event;
}

async function delivered(store: EngineStore): Promise<EventRow> {
  const event = await published(store);
  await store.events.deliver([event]);
  return event;
}

export function hearingTests(make: MakeStore): void {
  test("a wait that comes again knows what was heard before it, and is given what came between", async () => {
    const { store, advance } = await make();
    const one = await listener(store);
    const events: EventRow[] = [];
    for (let lap = 0; lap < 5; lap += 1) {
      await one.wait();
      await advance(1);
      events.push(await delivered(store));
      await one.take();
      await advance(1);
      events.push(await delivered(store)); // while nobody waits
    }
    await one.wait();
    await one.take();
    assert.deepEqual(
      one.taken,
      events.map(({ id }) => id),
    );
    assert.ok(one.heard > 0);
  });

  test("what is numbered up to what was heard is not looked at, and what is not delivered yet is", async () => {
    const { store } = await make();
    const one = await listener(store);
    await delivered(store);
    const late = await published(store);
    assert.equal(await one.wait(1_000_000), 1);
    assert.deepEqual(
      (await one.inbox).map(({ source }) => source),
      [late.id],
    );
  });

  test("a look that gave as many as it gives has not heard all, and what comes later is not taken before the rest", async () => {
    const { store, advance } = await make();
    const one = await listener(store);
    const events: EventRow[] = [];
    const next = async (): Promise<void> => {
      await advance(1);
      events.push(await delivered(store));
    };
    for (let count = 0; count < 150; count += 1) await next();
    assert.equal(await one.wait(), 100);
    assert.deepEqual([...new Set((await one.inbox).map(({ heard }) => heard))], [0]);
    await next();
    await one.take();
    await one.wait();
    await one.take();
    await one.wait();
    assert.deepEqual(
      one.taken,
      events.map(({ id }) => id),
    );
  });

  test("of many events that are published while an instance waits again and again, it takes each once", async () => {
    const { store } = await make();
    const one = await listener(store);
    const wanted: string[] = [];
    const publisher = async (): Promise<void> => {
      for (let count = 0; count < 40; count += 1) wanted.push((await delivered(store)).id);
    };
    const subscriber = async (): Promise<void> => {
      while (one.taken.length < 160) {
        await one.wait();
        await one.take();
      }
    };
    await Promise.all([publisher(), publisher(), publisher(), publisher(), subscriber()]);
    assert.deepEqual(one.taken.toSorted(), wanted.toSorted());
  });
}
