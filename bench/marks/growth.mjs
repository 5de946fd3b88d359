/** Growth: what 100,000 one-step and three-step runs leave in the tables, and how fast runs go while an old snapshot is pinned beside a database without one. */
import { chain, hostOn, mark, runMany } from "./lib.mjs";

const [one, three] = [chain(1), chain(3)];
const sliceSeconds = 10;

await mark({
  id: "growth",
  title: "tables after many runs, and an old snapshot",
  goals: {
    "share of HOT updates, three-step runs": { atLeast: 0.9 },
    "throughput with an old snapshot / without": { atLeast: 0.8 },
  },
  options: { "pin-seconds": "60" },
  async measure({ server, values, count }) {
    return {
      ...(await sizes(server, one, { runs: count(100_000), steps: 1, what: "one-step runs" })),
      ...(await sizes(server, three, { runs: count(100_000), steps: 3, what: "three-step runs" })),
      ...(await pinned(server, Number(values["pin-seconds"]))),
    };
  },
});

async function sizes(server, workflow, { runs, steps, what }) {
  const database = await server.database();
  const host = await hostOn(database.url, [workflow]);
  await runMany(host, workflow, { count: runs, inFlight: 500 });
  await host.stop(); // so that its sessions have told their statistics
  const { rows } = await database.client.query(
    `select relname as name, n_dead_tup::float8 as dead, n_tup_upd::float8 as updates, n_tup_hot_upd::float8 as hot,
       autovacuum_count::float8 as vacuums, pg_relation_size(relid)::float8 as heap, pg_indexes_size(relid)::float8 as indexes
     from pg_stat_user_tables where schemaname = 'workflow_core' and relname in ('instance', 'pointer') order by relname`,
  );
  const { rows: claims } = await database.client.query(
    "select sum(epoch - 1)::float8 as n from workflow_core.instance where epoch > 1",
  );
  await server.drop(database);
  const figures = {};
  const [instances] = rows;
  // Each run ends in one update, which cannot be HOT, and so can none that claims one.
  const inBetween = instances.updates - runs - (claims[0].n ?? 0);
  if (steps > 1) figures[`share of HOT updates, ${what}`] = instances.hot / inBetween;
  figures[`updates of an instance, ${what}`] = instances.updates / runs;
  for (const { name, heap, indexes, dead, vacuums } of rows) {
    figures[`bytes a run in ${name}, ${what}`] = heap / runs;
    figures[`bytes a run in indexes of ${name}, ${what}`] = indexes / runs;
    figures[`dead tuples in ${name}, ${what}`] = dead;
    figures[`vacuums of ${name}, ${what}`] = vacuums;
  }
  return figures;
}

/** Two like databases in turns, one of which an old snapshot keeps from being vacuumed: so what else befalls the machine befalls both. */
async function pinned(server, seconds) {
  const [held, free] = [await fed(server), await fed(server)];
  const slice = Math.min(sliceSeconds, seconds / 2);
  for (const { rateFor } of [held, free]) await rateFor(slice);
  await held.client.query("begin isolation level repeatable read");
  await held.client.query("select from workflow_core.instance limit 1");
  const rates = [];
  for (let spent = 0; spent < seconds; spent += 2 * slice)
    rates.push([await held.rateFor(slice), await free.rateFor(slice)]);
  const dead = await deadTuples(held.client);
  await held.client.query("commit");
  const after = [await held.rateFor(slice), await free.rateFor(slice)];
  for (const { host } of [held, free]) await host.stop();
  const [during, beside] = [0, 1].map((which) => mean(rates.map((pair) => pair[which])));
  const last = rates.slice(-3);
  return {
    "throughput with an old snapshot / without": during / beside,
    "the last three slices with an old snapshot / without":
      mean(last.map(([rate]) => rate)) / mean(last.map(([, rate]) => rate)),
    "afterwards / without": after[0] / after[1],
    "runs a second without an old snapshot": beside,
    "seconds it was pinned": rates.length * 2 * slice,
    "dead tuples at its end": dead,
  };
}

async function fed(server) {
  const { url, client } = await server.database();
  const host = await hostOn(url, [three]);
  return { client, host, rateFor: async (span) => (await runMany(host, three, { seconds: span })) / span };
}

function mean(rates) {
  return rates.reduce((total, rate) => total + rate, 0) / rates.length;
}

/** As the server's statistics tell it, which this transaction may read. */
async function deadTuples(client) {
  const { rows } = await client.query(
    "select sum(n_dead_tup)::float8 as n from pg_stat_user_tables where schemaname = 'workflow_core'",
  );
  return rows[0].n;
}
