/**
 * W7: what a one-step run costs the server with empty tables, with 100,000 parked and with 1,000,000 finished runs in them. Beside those,
 * tables that hold 100,000 finished runs, as the workload itself leaves them after some seconds: it is what the goals compare with, since
 * the keys of empty tables are a level lower than those of any that are used.
 */
import { defineWorkflow, event } from "workflow-core";
import { sleep } from "../peers/lib.mjs";
import { chain, hostOn, mark, runMany, sum } from "./lib.mjs";

const never = event("never");
const parking = defineWorkflow({ id: "parking", version: 1 }, (flow) =>
  flow.run("mark", async () => ({ ok: 1 })).waitFor(never, { key: (data) => data.id, as: "got" }),
);
const one = chain(1);
const rounds = 8;

/** Ids as the engine makes them, of a time that has passed; the same for the same `g` in every table. */
const id = `(lpad(to_hex(1750000000000 - g), 12, '0') || '70008000' || lpad(to_hex(g), 12, '0'))::uuid`;
const bucket = "g % 64";
/** Behind all of those, and before all that are made now. */
const measuredFrom = "01980000-0000-0000-0000-000000000000";

await mark({
  id: "W7",
  title: "one-step runs beside a backlog",
  goals: Object.fromEntries(
    ["parked", "finished"].flatMap((kind) =>
      ["server CPU", "buffers"].map((what) => [`${what}, ${kind} / used`, { atMost: 1.05 }]),
    ),
  ),
  async measure({ server, count }) {
    const places = [
      { kind: "empty", fill: async () => undefined },
      { kind: "used", fill: (place) => copyFinished(place, count(100_000)) },
      { kind: "parked", fill: (place) => copyParked(place, count(100_000)) },
      { kind: "finished", fill: (place) => copyFinished(place, count(1_000_000)) },
    ];
    for (const place of places) await prepare(place, await server.database());
    await server.admin.query("checkpoint");
    await sleep(1_000);
    // One place after the other in short rounds, so that a noisy moment hits all alike.
    for (let round = 0; round < rounds; round += 1) for (const place of places) await measureAt(place, count(5_000));
    for (const place of places) await place.host.stop();
    for (const place of places) place.levels = await levels(place.database.client);
    return figuresOf(places);
  },
});

async function prepare(place, database) {
  place.database = database;
  place.used = [];
  place.host = await hostOn(database.url, [one, parking]);
  await place.fill(place);
  await database.client.query("vacuum analyze");
}

async function measureAt({ host, database, used }, runs) {
  await runMany(host, one, { count: Math.ceil(runs / 10) });
  await database.meter.begin();
  await runMany(host, one, { count: runs });
  used.push({ runs, ...(await database.meter.end()) });
  await forget(database.client);
}

/**
 * What was measured goes again, so that empty tables stay so, and the others as full as they were. Without these options the vacuum would
 * pass the indexes of large tables by and cut small ones, so that some would have to be extended, and others not.
 */
async function forget(client) {
  await client.query(`delete from workflow_core.pointer where instance >= '${measuredFrom}'`);
  await client.query(`delete from workflow_core.instance where id >= '${measuredFrom}' and completed_at is not null`);
  await client.query("vacuum (index_cleanup on, truncate off) workflow_core.pointer, workflow_core.instance");
}

function figuresOf(places) {
  const figures = {};
  const perRun = (place, what) => sum(place.used.map((used) => used[what])) / sum(place.used.map(({ runs }) => runs));
  const [empty, used] = places;
  for (const [what, counted] of [
    ["server CPU", "sessionCpu"],
    ["buffers", "buffers"],
  ]) {
    for (const place of places.slice(2)) {
      figures[`${what}, ${place.kind} / used`] = perRun(place, counted) / perRun(used, counted);
      figures[`${what}, ${place.kind} / empty`] = perRun(place, counted) / perRun(empty, counted);
    }
  }
  for (const place of places) {
    figures[`µs of server CPU a run, ${place.kind}`] = perRun(place, "sessionCpu") * 1e6;
    figures[`the same with background processes, ${place.kind}`] = perRun(place, "serverCpu") * 1e6;
    figures[`buffers a run, ${place.kind}`] = perRun(place, "buffers");
    figures[`runs a second, ${place.kind}`] = 1 / perRun(place, "seconds");
    figures[`levels of the instances' key, ${place.kind}`] = place.levels;
  }
  return figures;
}

/** How many pages of the key lie on the way to a row: each more is a buffer for each look. NaN without the extension pageinspect. */
async function levels(client) {
  try {
    await client.query("create extension if not exists pageinspect");
    const { rows } = await client.query("select level from bt_metap('workflow_core.instance_pkey')");
    return Number(rows[0].level) + 1;
  } catch {
    return NaN;
  }
}

/** As many runs that wait for an event as asked for, made of one real one. */
async function copyParked({ host, database: { client } }, n) {
  const run = await host.startWorkflow(parking, { id: "parked-0" });
  const parked = `select from workflow_core.instance where id = '${run.id}' and owner is null`;
  while ((await client.query(parked)).rowCount === 0) await sleep(20);
  const data = `jsonb_build_object('id', 'parked-' || g)`;
  const times = { ...ago("created_at"), ...ago("turned_at") };
  await copy(client, { table: "instance", where: `t.id = '${run.id}'`, n }, { id, bucket, data, ...times });
  await copy(
    client,
    { table: "pointer", where: `t.instance = '${run.id}'`, n },
    { instance: id, bucket, ...ago("ended_at") },
  );
  await copy(
    client,
    { table: "subscription", where: `t.instance = '${run.id}'`, n },
    { instance: id, instance_bucket: bucket, bucket, topic: id, key: `'parked-' || g` },
  );
}

/** As many finished runs as asked for, made of one real one. */
async function copyFinished({ host, database: { client } }, n) {
  const run = await host.startWorkflow(one, { x: 1 });
  await run.result();
  const times = { ...ago("created_at"), ...ago("turned_at"), ...ago("completed_at") };
  await copy(client, { table: "instance", where: `t.id = '${run.id}'`, n }, { id, bucket, ...times });
  await copy(
    client,
    { table: "pointer", where: `t.instance = '${run.id}'`, n },
    { instance: id, bucket, ...ago("ended_at") },
  );
}

/** Each a millisecond older than the one before it: of one instant they would be one entry of an index. */
function ago(column) {
  return { [column]: `t.${column} - g * interval '1 ms'` };
}

async function copy(client, { table, where, n }, changed) {
  const { rows } = await client.query(
    `select column_name as name from information_schema.columns
     where table_schema = 'workflow_core' and table_name = $1 order by ordinal_position`,
    [table],
  );
  const columns = rows.map(({ name }) => `"${name}"`).join(", ");
  const values = rows.map(({ name }) => changed[name] ?? `t."${name}"`).join(", ");
  await client.query(
    `insert into workflow_core.${table} (${columns})
     select ${values} from workflow_core.${table} t, generate_series(1, ${n}) g where ${where}`,
  );
}
