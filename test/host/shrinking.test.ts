import assert from "node:assert/strict";
import { test } from "node:test";
import { createHost, defineWorkflow, type Flow } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { PersistenceError } from "../../src/models/errors-storage.ts";
import type { EngineStore } from "../../src/persistence/provider.ts";
import { freshDatabase, runOnce } from "../support/database.ts";
import { hostOn } from "../support/mortal.ts";
import { over } from "../support/over.ts";

const timeout = 30_000;
const count = 60;
type Nothing = Readonly<Record<string, never>>;

test("a batch that takes longer than the server allows goes in smaller ones", { timeout }, async (t) => {
  const database = await freshDatabase();
  t.after(() => database.drop());
  const persistence = new PostgresPersistenceProvider(database.url);
  await persistence.initialize();
  await runOnce(
    database.url,
    `create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.02); return new; end $$`,
  );
  await runOnce(
    database.url,
    `create trigger slow before update on workflow_core.instance for each row when (new.status = 2) execute function slow()`,
  );
  await runOnce(
    database.url,
    `do $$ begin execute format('alter database %I set statement_timeout = 400', current_database()); end $$`,
  );
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const workflow = defineWorkflow({ id: "slow", version: 1 }, (flow: Flow<Nothing>) => flow.run("wait", () => gate));
  const host = createHost({ workflows: [workflow], persistence: new PostgresPersistenceProvider(database.url) });
  t.after(() => host.stop());
  await host.start();
  const all = await host.startWorkflows(workflow, many());
  open(); // all of them end at once
  for (const one of all) if (one.status === "started") await one.run.result();
});

test(
  "of a batch whose answer was lost, and that goes in smaller ones after, nothing is done twice or forgotten",
  { timeout },
  async (t) => {
    const { store }: { readonly store: EngineStore } = new MemoryPersistenceProvider();
    const faulty = over(store, {
      instances: over(store.instances, {
        start: faultyOnce(
          (...args) => store.instances.start(...args),
          ([, batch]) => batch.length,
        ),
        commit: faultyOnce(
          (...args) => store.instances.commit(...args),
          ([batch]) => batch.length,
        ),
      }),
    });
    let bodies = 0;
    const workflow = defineWorkflow({ id: "counted", version: 1 }, (flow: Flow<Nothing>) =>
      flow.run("first", () => (bodies += 1)).run("second", () => (bodies += 1)),
    );
    const host = await hostOn(faulty, { workflows: [workflow] });
    t.after(() => host.stop());
    const all = await host.startWorkflows(workflow, many());
    for (const one of all) {
      assert.equal(one.status, "started");
      await one.run.result();
    }
    assert.equal(bodies, 2 * count);
  },
);

const many = () => Array.from({ length: count }, () => ({ data: {} }));

/** The first large batch is carried out and its answer lost; the second sending is too slow. */
function faultyOnce<A extends unknown[], R>(call: (...args: A) => Promise<R>, sizeOf: (args: A) => number) {
  let sendings = 0;
  return async (...args: A): Promise<R> => {
    if (sizeOf(args) < count / 2) return call(...args);
    sendings += 1;
    if (sendings === 1) await call(...args);
    if (sendings === 1) throw new PersistenceError("no answer", "transient");
    if (sendings < 4) throw new PersistenceError("canceled", "transient", { sqlState: "57014" });
    return call(...args);
  };
}
