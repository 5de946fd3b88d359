import assert from "node:assert/strict";
import { EventSubscription } from "../../models/records/event-subscription.ts";
import type { RecordOperations, TransactionalPersistenceProvider } from "../../persistence/records.ts";
import { instance, refused, someId, stored, type TransactionSentence, unique } from "./ground.ts";

/** Does a bit of everything; answers a function that tells how much of it is to be seen. */
async function everything(
  tx: RecordOperations,
): Promise<(store: TransactionalPersistenceProvider) => Promise<unknown[]>> {
  const { id } = await instance(tx, { data: 1 });
  const eventName = unique("paid");
  await tx.createExecutionPointers(id, [{ path: "a" }, { path: "b" }]);
  await tx.createExecutionHistory({ workflowId: id, type: "note" });
  await tx.createSubscription(new EventSubscription(id, "wait", eventName));
  const event = await tx.createEvent({ eventName });
  await tx.updateWorkflowInstance({ id, data: 2 });
  return async (store) => [
    (await store.getWorkflowInstance(id))?.data ?? null,
    (await store.getExecutionPointersByInstance(id)).items.length,
    (await store.getExecutionHistory(id)).items.length,
    (await store.getSubscriptionsForEvent(eventName)).length,
    await store.getEvent(event.id).then((found) => (found === null ? 0 : 1)),
  ];
}

const all: readonly unknown[] = [2, 2, 1, 1, 1];
const nothing: readonly unknown[] = [null, 0, 0, 0, 0];

/** Several things at once, or not at all. */
export function transactionSentences(sentence: TransactionSentence): void {
  sentence("what is done in a transaction holds together when it resolves", async (store) => {
    const seen = await store.executeTransaction((tx) => everything(tx));
    assert.deepEqual(await seen(store), all);
  });

  sentence("a throw takes everything back and is thrown on", async (store) => {
    let seen = async (_: TransactionalPersistenceProvider): Promise<unknown[]> => [];
    const thrown = new Error("changed my mind");
    const worked = store.executeTransaction(async (tx) => {
      seen = await everything(tx);
      throw thrown;
    });
    await assert.rejects(worked, (error) => error === thrown);
    assert.deepEqual(await seen(store), nothing);
  });

  sentence("a throw takes back changes and deletions of what was there before", async (store) => {
    const [kept, deleted] = [await instance(store, { data: 1 }), await instance(store)];
    await store.createExecutionPointer(deleted.id, { path: "a", outcome: 1 });
    const before = [await stored(store, kept), await stored(store, deleted)];
    const worked = store.executeTransaction(async (tx) => {
      await tx.updateWorkflowInstance({ id: kept.id, data: 2, status: "Suspended" });
      await tx.updateExecutionPointer(deleted.id, { path: "a", outcome: 2 });
      await tx.deleteWorkflowInstance(deleted.id);
      throw new Error("changed my mind");
    });
    await assert.rejects(worked, /changed my mind/);
    assert.deepEqual([await stored(store, kept), await stored(store, deleted)], before);
    assert.equal((await store.getExecutionPointer(deleted.id, "a"))?.outcome, 1);
  });

  sentence("a transaction sees what it did itself", async (store) => {
    const id = someId();
    const seen = await store.executeTransaction(async (tx) => {
      await instance(tx, { id, data: "mine" });
      return tx.getWorkflowInstance(id);
    });
    assert.equal(seen?.data, "mine");
  });

  sentence("what is refused in a transaction leaves the rest of it as it was", async (store) => {
    const made = await instance(store);
    const other = await store.executeTransaction(async (tx) => {
      const fresh = await instance(tx);
      await refused("DUPLICATE_RECORD", () => instance(tx, { id: made.id }));
      await refused("INVALID_RECORD", () => tx.getWorkflowInstance("no id"));
      await refused("INSTANCE_NOT_FOUND", () => tx.updateWorkflowInstance({ id: someId() }));
      return fresh;
    });
    assert.deepEqual(await stored(store, other), other);
  });

  sentence("transactions do not nest, and say so", async (store) => {
    const made = await store.executeTransaction(async (tx) => {
      const fresh = await instance(tx);
      await refused("NESTED_TRANSACTION", () => store.executeTransaction(async () => undefined));
      await refused("NESTED_TRANSACTION", () => store.beginTransaction());
      await refused("NESTED_TRANSACTION", () => instance(store));
      await refused("NESTED_TRANSACTION", () => store.getWorkflowInstance(fresh.id));
      return fresh;
    });
    assert.deepEqual(await stored(store, made), made);
  });

  sentence("nothing more can be done in a transaction that is over", async (store) => {
    const tx = await store.executeTransaction(async (open) => open);
    await refused("TRANSACTION_OVER", () => instance(tx));
    await refused("TRANSACTION_OVER", () => tx.query("select 1"));
  });

  sentence("a transaction that is begun by hand holds when it is committed", async (store) => {
    const tx = await store.beginTransaction();
    const seen = await everything(tx);
    await tx.commit();
    assert.deepEqual(await seen(store), all);
    await refused("TRANSACTION_OVER", () => tx.commit());
    await tx.rollback();
    assert.deepEqual(await seen(store), all);
  });

  sentence("a transaction that is begun by hand leaves nothing when it is rolled back", async (store) => {
    const tx = await store.beginTransaction({ isolation: "serializable" });
    const seen = await everything(tx);
    await tx.rollback();
    assert.deepEqual(await seen(store), nothing);
    await tx.rollback();
    await refused("TRANSACTION_OVER", () => instance(tx));
  });

  sentence("two transactions that add to one number at once lose nothing", async (store) => {
    const { id } = await instance(store, { data: 0 });
    const add = (): Promise<unknown> =>
      store.executeTransaction(
        async (tx) => {
          const read = await tx.getWorkflowInstance(id);
          await tx.updateWorkflowInstance({ id, data: Number(read?.data) + 1 });
        },
        { isolation: "serializable", attempts: 10 },
      );
    await Promise.all([add(), add(), add()]);
    assert.equal((await stored(store, { id })).data, 3);
  });
}

/** The caller's own tables in a transaction. */
export function sqlSentences(sentence: TransactionSentence): void {
  sentence("a caller's own tables hold or vanish with the records", async (store) => {
    const table = `t_${someId().replaceAll("-", "")}`;
    const id = someId();
    await store.executeTransaction((tx) => tx.query(`create table ${table} (id uuid primary key, n int)`));
    try {
      await store.executeTransaction(async (tx) => {
        await instance(tx, { id });
        await tx.query(`insert into ${table} values ($1, $2)`, [id, 1]);
      });
      const worked = store.executeTransaction(async (tx) => {
        await tx.query(`update ${table} set n = 2`);
        throw new Error("changed my mind");
      });
      await assert.rejects(worked, /changed my mind/);
      const { rows } = await store.executeTransaction((tx) => tx.query(`select id, n from ${table}`));
      assert.deepEqual([...rows], [{ id, n: 1 }]);
    } finally {
      await store.executeTransaction((tx) => tx.query(`drop table ${table}`));
    }
  });

  sentence("a query of the caller's cannot end the transaction, and one that fails spoils it", async (store) => {
    await refused("INVALID_REQUEST", () => store.executeTransaction((tx) => tx.query("commit")));
    const id = someId();
    const spoilt = store.executeTransaction(async (tx) => {
      await instance(tx, { id });
      await tx.query("select 1 / 0").catch(() => undefined);
    });
    await refused("PERSISTENCE_ERROR", () => spoilt);
    assert.equal(await store.getWorkflowInstance(id), null);
  });
}
