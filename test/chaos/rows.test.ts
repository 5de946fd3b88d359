import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow, type Flow } from "../../src/index.ts";
import { arena, until, within } from "./arena.ts";

const isQuick = process.env["TEST_QUICK"] === "1";
const [instances, steps] = [isQuick ? 100 : 400, 5] as const;
const world = arena();

const chain = defineWorkflow({ id: "chain", version: 1 }, (flow: Flow<{ readonly n: number }>) =>
  flow
    .run("one", ({ n }) => n + 1, { as: "one" })
    .run("two", (_, { scope }) => scope.one + 1, { as: "two" })
    .run("three", (_, { scope }) => scope.two + 1, { as: "three" })
    .run("four", (_, { scope }) => scope.three + 1, { as: "four" })
    .run("five", (_, { scope }) => scope.four + 1, { as: "five" })
    .returns((_, { five }) => five),
);

interface Writes {
  readonly table: string;
  readonly inserts: number;
  readonly updates: number;
  readonly deletes: number;
}

test(
  "a finished step is one row, a transition one update, and many of them one commit",
  { timeout: 60_000 },
  async () => {
    await (await world.host({ workflows: [chain] })).stop();
    const before = await counted();
    const host = await world.host({ workflows: [chain] });
    const runs = await Promise.all(Array.from({ length: instances }, (_, n) => host.startWorkflow(chain, { n })));
    const results = await within(30_000, Promise.all(runs.map((run) => run.result())), "the runs");
    assert.deepEqual(
      results,
      runs.map((_, n) => n + steps),
    );
    await host.stop();
    const after = await counted();

    const written = (table: string): Omit<Writes, "table"> => difference(table, before.tables, after.tables);
    assert.deepEqual(written("pointer"), { inserts: instances * steps, updates: 0, deletes: 0 });
    const { inserts, updates, deletes } = written("instance");
    assert.deepEqual({ inserts, deletes }, { inserts: instances, deletes: 0 });
    assert.ok(updates <= instances * steps, `${updates} updates for ${instances * steps} transitions`);
    assert.ok(updates >= instances * (steps - 1), `only ${updates} updates were counted`);
    for (const table of ["history", "inbox", "event", "subscription", "definition", "meta", "migration"])
      assert.deepEqual(written(table), { inserts: 0, updates: 0, deletes: 0 }, table);
    const commits = after.commits - before.commits;
    assert.ok(commits < (instances * steps) / 2, `${commits} commits for ${instances * steps} steps`);
  },
);

const difference = (table: string, before: readonly Writes[], after: readonly Writes[]): Omit<Writes, "table"> => {
  const none = { inserts: 0, updates: 0, deletes: 0 };
  const [was, is] = [before, after].map((all) => all.find((one) => one.table === table) ?? none);
  assert.ok(is !== undefined && was !== undefined);
  return { inserts: is.inserts - was.inserts, updates: is.updates - was.updates, deletes: is.deletes - was.deletes };
};

/** The server counts a session's writes for certain when that session has ended. */
async function counted(): Promise<{ readonly tables: readonly Writes[]; readonly commits: number }> {
  await until("the host's sessions have ended", async () => {
    const text = `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
      and backend_type = 'client backend'`;
    return (await world.rows(text)).length === 0;
  });
  const tables = await world.rows<Writes>(
    `select relname as table, n_tup_ins::int as inserts, n_tup_upd::int as updates, n_tup_del::int as deletes
     from pg_stat_user_tables where schemaname = 'workflow_core'`,
  );
  const [row] = await world.rows<{ commits: number }>(
    "select xact_commit::int as commits from pg_stat_database where datname = current_database()",
  );
  return { tables, commits: row?.commits ?? 0 };
}
