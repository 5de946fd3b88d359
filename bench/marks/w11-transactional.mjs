/** W11: runs of one transactional step, beside the transactions of DBOS's data sources; each engine in a process of its own, in turn. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { mark, sum } from "./lib.mjs";

const script = fileURLToPath(new URL("w11-engine.mjs", import.meta.url));
const rounds = 3;

await mark({
  id: "W11",
  title: "runs of one transactional step",
  goals: {
    "runs a second, workflow-core / the faster data source of DBOS": { atLeast: 3 },
    "runs a second, workflow-core with 30 connections / the faster data source of DBOS": { atLeast: 3 },
  },
  options: { "in-flight": "64" },
  async measure({ server, values, count }) {
    const engines = [
      { name: "workflow-core", runs: count(8_000), used: [] }, // 16 connections, its default
      { name: "workflow-core with 30 connections", runs: count(8_000), used: [] }, // DBOS has 30, and 30 for its data source
      { name: "dbos-postgres", runs: count(2_000), used: [] },
      { name: "dbos-knex", runs: count(2_000), used: [] },
    ];
    for (const engine of engines) engine.database = await server.database();
    for (let round = 0; round < rounds; round += 1)
      for (const engine of engines) engine.used.push(await measureOne(server, engine, values["in-flight"]));
    const rate = ({ runs, used }) => (rounds * runs) / sum(used.map(({ seconds }) => seconds));
    const best = Math.max(...engines.slice(2).map(rate));
    const figures = {};
    for (const ours of engines.slice(0, 2)) {
      figures[`runs a second, ${ours.name} / the faster data source of DBOS`] = rate(ours) / best;
    }
    for (const engine of engines) {
      const aRun = (what) => sum(engine.used.map((used) => used[what])) / (rounds * engine.runs);
      figures[`runs a second, ${engine.name}`] = rate(engine);
      figures[`µs of Node.js CPU a run, ${engine.name}`] = aRun("cpu") * 1e6;
      figures[`µs of server CPU a run, ${engine.name}`] = aRun("serverCpu") * 1e6;
    }
    return figures;
  },
});

async function measureOne(server, { name, runs, database }, inFlight) {
  await server.admin.query("checkpoint");
  await database.meter.begin();
  const { stdout } = await promisify(execFile)(process.execPath, [script, name, database.url, runs, inFlight]);
  const { serverCpu } = await database.meter.end();
  return { ...JSON.parse(stdout.trim().split("\n").at(-1)), serverCpu };
}
