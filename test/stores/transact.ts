import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidRequestError, WorkflowError } from "../../src/models/errors.ts";
import { transition } from "./rows.ts";
import { liveNode, start, view, type MakeStore } from "./world.ts";

/** For stores without SQL: what they say when they are asked for it. */
export function noTransactTests(make: MakeStore): void {
  test("a transaction is refused with a sentence where there is no SQL", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    assert.equal(store.capabilities.transactions, false);
    await assert.rejects(
      store.instances.transact(async () => transition(row, node)),
      InvalidRequestError,
    );
    assert.equal((await view(store, row)).revision, 0);
  });
}

export function transactTests(make: MakeStore): void {
  const table = `effect_${Math.random().toString(36).slice(2)}`;
  const create = `create table if not exists ${table} (id int primary key)`;

  test("a step's queries and its transition hold together", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    await store.instances.transact(async (tx) => {
      await tx.query(create);
      return transition(row, node);
    });
    const outcome = await store.instances.transact(async (tx) => {
      await tx.query(`insert into ${table} values ($1)`, [1]);
      const { rows } = await tx.query(`select count(*)::int as count from ${table}`);
      assert.deepEqual(rows, [{ count: 1 }]);
      return transition(row, node, { revision: 1 });
    });
    assert.equal(outcome.held, true);
    assert.equal((await view(store, row)).revision, 2);
  });

  test("what the fence refuses is rolled back whole", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    const outcome = await store.instances.transact(async (tx) => {
      await tx.query(create);
      await tx.query(`insert into ${table} values (2)`);
      return transition(row, node, { epoch: 7 });
    });
    assert.equal(outcome.held, false);
    await store.instances.transact(async (tx) => {
      await tx.query(create);
      const { rows } = await tx.query(`select id from ${table} where id = 2`);
      assert.deepEqual(rows, []);
      return transition(row, node);
    });
  });

  test("a step that throws is rolled back, and its error comes through", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    const error = new Error("declined");
    await assert.rejects(
      store.instances.transact(async (tx) => {
        await tx.query(create);
        throw error;
      }),
      error,
    );
    assert.equal((await view(store, row)).revision, 0);
  });

  test("a step cannot swallow a refused query", async () => {
    const { store } = await make();
    const node = await liveNode(store);
    const row = await start(store, node);
    await assert.rejects(
      store.instances.transact(async (tx) => {
        await tx.query("select 1 / 0").catch(() => undefined);
        return transition(row, node);
      }),
      WorkflowError,
    );
    assert.equal((await view(store, row)).revision, 0);
  });
}
