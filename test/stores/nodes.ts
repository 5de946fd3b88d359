import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { claimAll, claimedIds, commit, kill, liveNode, start, startMany, view, type MakeStore } from "./world.ts";

export function nodeTests(make: MakeStore): void {
  test("a node is live from its registration on, and its beats are counted", async () => {
    const { store, advance } = await make();
    const id = await liveNode(store, ["order@1", "invoice@2"]);
    await advance(2_000);
    const [before] = await store.nodes.list();
    assert.deepEqual(before, {
      id,
      label: "test",
      state: "live",
      beat: 0,
      silentMs: 2_000,
      definitions: ["order@1", "invoice@2"],
    });
    const beat = await store.nodes.beat(id);
    const [after] = await store.nodes.list();
    assert.deepEqual({ beat: after?.beat, silentMs: after?.silentMs }, { beat: 1, silentMs: 0 });
    await advance(1_000);
    assert.equal((await store.nodes.beat(id))?.now, (beat?.now ?? 0) + 1_000);
  });

  test("a node that nobody knows has no beat", async () => {
    const { store } = await make();
    assert.equal(await store.nodes.beat(randomUUID()), null);
  });

  test("a registration that is sent again neither doubles a node nor brings a dead one back", async () => {
    const { store } = await make();
    const node = { id: randomUUID(), label: "test", engine: "0.1.0", definitions: ["order@1"] };
    await store.nodes.register(node);
    await store.nodes.beat(node.id);
    await store.nodes.register(node);
    assert.deepEqual(
      (await store.nodes.list()).map(({ state, beat }) => ({ state, beat })),
      [{ state: "live", beat: 1 }],
    );
    await kill(store, node.id);
    await store.nodes.register(node).catch(() => undefined);
    assert.deepEqual(
      (await store.nodes.list()).map(({ state }) => state),
      ["dead"],
    );
  });

  test("a draining node starts nothing of its own and claims nothing, but beats and commits", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const held = await start(store, node);
    await store.nodes.drain(node);
    const row = await start(store, node);
    assert.equal((await view(store, row)).owner, null);
    assert.deepEqual(await claimAll(store, node), []);
    assert.notEqual(await store.nodes.beat(node), null);
    assert.ok(await commit(store, held, node));
  });

  test("a node that retired is stopped, and no beat makes it live again", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    await store.nodes.retire(node);
    assert.equal(await store.nodes.beat(node), null);
    assert.deepEqual(
      (await store.nodes.list()).map(({ state }) => state),
      ["stopped"],
    );
  });

  test("a node is declared dead only with the beat that was seen, and only after its silence", async () => {
    const { store, advance } = await make();
    const node = await liveNode(store);
    await store.nodes.beat(node);
    await advance(14_000);
    assert.equal(await store.nodes.declareDead(node, 1, 15_000), false, "too early");
    await advance(2_000);
    assert.equal(await store.nodes.declareDead(node, 0, 15_000), false, "it has beaten since");
    assert.equal(await store.nodes.declareDead(node, 1, 15_000), true);
    assert.equal(await store.nodes.declareDead(node, 1, 15_000), true, "the same call again");
    assert.equal(await store.nodes.beat(node), null);
  });

  test("what dead and stopped nodes own is released in bounded batches, due at once, and fenced off", async () => {
    const { store } = await make();
    const [dead, stopped, other] = [await liveNode(store), await liveNode(store), await liveNode(store)];
    const rows = [...(await startMany(store, dead, 5)), ...(await startMany(store, stopped, 2))];
    const kept = await start(store, other);
    await kill(store, dead);
    await store.nodes.retire(stopped);
    const released = [await store.nodes.release(3), await store.nodes.release(3), await store.nodes.release(3)];
    assert.deepEqual(released, [3, 3, 1]);
    assert.equal(await store.nodes.release(3), 0);
    const [first] = rows;
    assert.ok(first !== undefined);
    assert.equal(await commit(store, first, dead), false, "the dead owner commits nothing any more");
    const claimed = await claimAll(store, other);
    assert.deepEqual(claimed.map(({ id }) => id).sort(), rows.map(({ id }) => id).sort());
    assert.ok(claimed.every(({ epoch }) => epoch === 3));
    assert.equal((await view(store, kept)).owner, other);
  });

  test("deaths are counted, an orderly end is not", async () => {
    const { store } = await make();
    const observer = await liveNode(store);
    const row = await start(store, observer, { own: false });
    const crashes: number[] = [];
    for (const end of ["death", "stop", "death", "death"]) {
      const node = await liveNode(store);
      const [claimed] = await claimAll(store, node);
      crashes.push(claimed?.crashes ?? -1);
      if (end === "death") await kill(store, node);
      else await store.nodes.retire(node);
      await store.nodes.release(10);
    }
    assert.deepEqual(crashes, [0, 1, 1, 2]);
    assert.equal((await claimAll(store, observer))[0]?.crashes, 2, "the suspect lane alone can make it three");
    assert.equal((await view(store, row)).owner, observer);
  });

  test("from the third on only deaths in the suspect lane count, and a committed transition forgets them all", async () => {
    const { store } = await make();
    const row = await start(store, await liveNode(store), { own: false });
    let crashes = 0;
    for (const inLane of [false, false, true, true, true]) {
      const node = await liveNode(store);
      const [claimed] = await claimAll(store, node);
      assert.equal(claimed?.crashes, crashes);
      const fence = { epoch: claimed?.epoch ?? 0, revision: claimed?.revision ?? 0 };
      if (inLane) assert.ok(await commit(store, row, node, { ...fence, lane: true }));
      await kill(store, node);
      await store.nodes.release(10);
      crashes += 1;
    }
    const node = await liveNode(store);
    const [claimed] = await claimAll(store, node);
    assert.equal(claimed?.crashes, 5);
    const fence = { epoch: claimed.epoch, revision: claimed.revision };
    assert.ok(await commit(store, row, node, { ...fence, release: "yield" }));
    assert.equal((await claimAll(store, node))[0]?.crashes, 0);
  });

  test("a lane transition leaves the count as it is", async () => {
    const { store } = await make();
    const [first, second] = [await liveNode(store), await liveNode(store)];
    const row = await start(store, first);
    await kill(store, first);
    await store.nodes.release(10);
    const [claimed] = await claimAll(store, second);
    const fence = { epoch: claimed?.epoch ?? 0, revision: 0 };
    assert.ok(await commit(store, row, second, { ...fence, lane: true, release: "yield" }));
    assert.equal((await claimAll(store, second))[0]?.crashes, 1);
  });

  test("a node is forgotten when it ended long ago and owns nothing", async () => {
    const { store, advance } = await make();
    const [dead, stopped, live] = [await liveNode(store), await liveNode(store), await liveNode(store)];
    await start(store, dead);
    await kill(store, dead);
    await store.nodes.retire(stopped);
    assert.equal(await store.nodes.forget(60_000), 0, "too early");
    await advance(61_000);
    assert.equal(await store.nodes.forget(60_000), 1, "the dead one still owns something");
    await store.nodes.release(10);
    assert.equal(await store.nodes.forget(60_000), 1);
    assert.deepEqual(
      (await store.nodes.list()).map(({ id }) => id),
      [live],
    );
  });

  test("a node gives up what it owns but does not hold", async () => {
    const { store } = await make();
    const [node, other] = [await liveNode(store), await liveNode(store)];
    const rows = await startMany(store, node, 3);
    const foreign = await start(store, other);
    const [held, ...strays] = rows;
    assert.ok(held !== undefined);
    assert.equal(await store.instances.disown(node, [held.id]), 2);
    assert.equal(await store.instances.disown(node, [held.id]), 0);
    assert.deepEqual(await claimedIds(store, other), strays.map(({ id }) => id).sort());
    assert.equal((await view(store, held)).owner, node);
    assert.equal((await view(store, foreign)).owner, other);
    const [stray] = strays;
    assert.ok(stray !== undefined);
    assert.equal(await commit(store, stray, node), false);
  });
}
