import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { payloadsOf, readWakes } from "../../src/persistence/postgres/wake-bus.ts";
import type { Wake } from "../../src/persistence/provider.ts";
import { eventRow, startRow, world } from "./store.ts";

const w = world();

async function until(check: () => boolean): Promise<void> {
  const began = performance.now();
  while (!check()) {
    if (performance.now() - began > 10_000) throw new Error("it did not happen within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("a hint is heard by every process of the schema, and by no other schema", async () => {
  const [store, stranger] = [await w.store(), await w.store()];
  const again = await w.again(store);
  const heard: Wake[][] = [[], [], []];
  for (const [index, ear] of [store, again, stranger].entries()) {
    assert.equal(await ear.wakes?.listen((wake) => heard[index]?.push(wake)), true);
  }
  const wakes: readonly Wake[] = [
    { kind: "due" },
    { kind: "inbox", owner: "n" },
    { kind: "events" },
    { kind: "ended", ids: ["i"] },
  ];
  await store.wakes?.send(wakes);
  await until(() => [0, 1].every((index) => (heard[index]?.length ?? 0) >= wakes.length)); // each has a session of its own
  assert.deepEqual(heard, [wakes, wakes, []]);
});

test("who listens no longer hears nothing more, and others of the process go on hearing", async () => {
  const store = await w.store();
  const [first, second]: Wake[][] = [[], []];
  const done = new AbortController();
  await store.wakes?.listen((wake) => first?.push(wake), done.signal);
  await store.wakes?.listen((wake) => second?.push(wake));
  done.abort();
  await store.wakes?.send([{ kind: "due" }]);
  await until(() => second?.length === 1);
  assert.deepEqual(first, []);
});

test("what comes over the channel and is no hint is ignored", async () => {
  const store = await w.store();
  const heard: Wake[] = [];
  await store.wakes?.listen((wake) => heard.push(wake));
  for (const junk of [
    "",
    "x",
    "[",
    "{}",
    `[{"kind":"rm -rf"}]`,
    `[{"kind":"inbox"}]`,
    `[{"kind":"ended","ids":[1]}]`,
    `[null, 1]`,
  ]) {
    await w.client.query("select pg_notify($1, $2)", [`workflow:${store.tables.schema}`, junk]);
    assert.deepEqual(readWakes(junk), []);
  }
  await store.wakes?.send([{ kind: "due" }]);
  await until(() => heard.length > 0);
  assert.deepEqual(heard, [{ kind: "due" }]);
});

test("many ids travel in as many payloads as PostgreSQL takes", () => {
  const ids = Array.from({ length: 1000 }, () => randomUUID());
  const payloads = payloadsOf([{ kind: "ended", ids }, { kind: "due" }]);
  assert.ok(payloads.every((payload) => Buffer.byteLength(payload) < 7900));
  const read = payloads.flatMap(readWakes);
  assert.deepEqual(
    read.flatMap((wake) => (wake.kind === "ended" ? wake.ids : [])),
    ids,
  );
  assert.deepEqual(read.at(-1), { kind: "due" });
});

test("a session that is lost is replaced, and the gap is told", async () => {
  const store = await w.store({ applicationName: "deaf" });
  const heard: Wake[] = [];
  await store.wakes?.listen((wake) => heard.push(wake));
  for (let round = 1; round <= 3; round += 1) {
    await w.client.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'deaf'");
    await until(() => heard.filter((wake) => wake.kind === "gap").length === round);
    let sent = false;
    while (!sent)
      sent =
        (await store.wakes?.send([{ kind: "due" }]).then(
          () => true,
          () => false,
        )) === true;
    await until(() => heard.filter((wake) => wake.kind === "due").length >= round);
  }
});

test("a hint that rides in a caller's transaction is heard after its commit only", async () => {
  const store = await w.store();
  const heard: Wake[] = [];
  await store.wakes?.listen((wake) => heard.push(wake));
  await w.client.query("begin");
  await store.inside(w.client).start([startRow()]);
  await store.inside(w.client).publish([eventRow("paid", null)]);
  await store.inside(w.client, false).start([startRow()]);
  await store.wakes?.send([{ kind: "inbox", owner: "n" }]);
  await until(() => heard.length > 0);
  assert.deepEqual(heard, [{ kind: "inbox", owner: "n" }]);
  await w.client.query("commit");
  await until(() => heard.length === 3);
  assert.deepEqual(heard.slice(1), [{ kind: "due" }, { kind: "events" }]);
});
