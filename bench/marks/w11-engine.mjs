/** One engine's runs of one transactional step: node w11-engine.mjs <engine> <url> <runs> <in flight>. Ends with a line of JSON. */
import pg from "pg";
import { inFlight } from "../peers/lib.mjs";

const [name, url, runs, width] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: url, max: 2 });
await pool.query("create table if not exists ledger (id text primary key, amount int)");

const engines = {
  "workflow-core": () => openEngine({}),
  "workflow-core with 30 connections": () => openEngine({ maxConnections: 30 }),
  "dbos-postgres": openDbos,
  "dbos-knex": openDbos,
};

async function openEngine(options) {
  const { createHost, defineWorkflow, transactionalStep } = await import("workflow-core");
  const { PostgresPersistenceProvider } = await import("workflow-core/postgres");
  const book = transactionalStep("book", async ({ id }, { tx }) => {
    await tx.query("insert into ledger (id, amount) values ($1, $2)", [id, 1]);
    return { ok: true };
  });
  const booking = defineWorkflow({ id: "booking", version: 1 }, (flow) => flow.then(book));
  const host = createHost({ workflows: [booking], persistence: new PostgresPersistenceProvider({ url, ...options }) });
  await host.start();
  return { run: async (id) => (await host.startWorkflow(booking, { id })).result(), close: () => host.stop() };
}

async function openDbos() {
  const { openDbos: open } = await import("./dbos/engine.mjs").catch((cause) => {
    throw new Error("DBOS's data sources are missing: npm install --prefix marks/dbos", { cause });
  });
  return open(name.replace("dbos-", ""), url);
}

const engine = await engines[name]();
const runAll = (count, prefix) => inFlight(count, Number(width), (n) => engine.run(`${prefix}-${process.pid}-${n}`));
await runAll(Math.ceil(runs / 10), "warm-up");
const began = performance.now();
const cpu = process.cpuUsage();
await runAll(Number(runs), "run");
const seconds = (performance.now() - began) / 1_000;
const { user, system } = process.cpuUsage(cpu);
const { rows } = await pool.query("select count(*)::int as n from ledger where id like $1", [`run-${process.pid}-%`]);
if (rows[0].n !== Number(runs)) throw new Error(`${rows[0].n} of ${runs} are in the ledger.`);
console.log(JSON.stringify({ seconds, cpu: (user + system) / 1e6 }));
await engine.close();
await pool.end();
process.exit(0);
