/** W12: ten-step runs that carry 1 KB, 100 KB and 1 MB of data and do not change it: log and time a run. */
import { randomBytes } from "node:crypto";
import { sleep } from "../peers/lib.mjs";
import { chain, hostOn, mark, sum } from "./lib.mjs";

const ten = chain(10);
const rounds = 10;

await mark({
  id: "W12",
  title: "ten steps that carry data",
  goals: {
    "log a run beyond an empty one / stored payload, 1 KB": { atMost: 1.3 },
    "log a run beyond an empty one / stored payload, 100 KB": { atMost: 1.3 },
    "log a run beyond an empty one / stored payload, 1 MB": { atMost: 1.3 },
    "time a byte beyond an empty run, 1 MB / 100 KB": { atMost: 1.5 },
    "CPU a byte beyond an empty run, 1 MB / 100 KB": { atMost: 1.5 },
  },
  async measure({ server, count }) {
    const database = await server.database();
    const host = await hostOn(database.url, [ten]);
    const sizes = [
      { name: "empty", bytes: 0, runs: count(100), used: [] },
      { name: "1 KB", bytes: 1_000, runs: count(100), used: [] },
      { name: "100 KB", bytes: 100_000, runs: count(50), used: [] },
      { name: "1 MB", bytes: 1_000_000, runs: count(10), used: [] },
    ];
    for (const size of sizes) size.data = payloadOf(size.bytes);
    for (const size of sizes) await runSome(host, size, size.runs);
    await sleep(1_000);
    for (let round = 0; round < rounds; round += 1) {
      for (const size of sizes) {
        await database.meter.begin();
        await runSome(host, size, size.runs);
        size.used.push(await database.meter.end());
      }
    }
    for (const size of sizes) size.stored = await storedBytes(database.client, size);
    await host.stop();
    return figuresOf(sizes);
  },
});

/** Rows of an order, in text that does not compress. */
function payloadOf(bytes) {
  const lines = Array.from({ length: Math.floor(bytes / 100) }, (_, n) => ({
    n: 10_000 + n,
    text: randomBytes(57).toString("base64"),
  }));
  return { lines };
}

/** What the data of such a run takes in the table. */
async function storedBytes(client, { lastId }) {
  const { rows } = await client.query(
    "select pg_column_size(data)::float8 as bytes from workflow_core.instance where id = $1",
    [lastId],
  );
  return rows[0].bytes;
}

/** One after the other, so that nothing is shared. */
async function runSome(host, size, runs) {
  for (let n = 0; n < runs; n += 1) {
    const run = await host.startWorkflow(ten, size.data);
    await run.result();
    size.lastId = run.id;
  }
}

function figuresOf(sizes) {
  const aRun = ({ used, runs }, what) => sum(used.map((one) => one[what])) / (rounds * runs);
  const [empty, ...others] = sizes;
  const beyond = (size, what) => (aRun(size, what) - aRun(empty, what)) / (size.stored - empty.stored);
  const cpu = (size) => beyond(size, "nodeCpu") + beyond(size, "sessionCpu");
  const [, hundred, million] = others;
  const figures = {};
  for (const size of others)
    figures[`log a run beyond an empty one / stored payload, ${size.name}`] = beyond(size, "wal");
  figures["time a byte beyond an empty run, 1 MB / 100 KB"] = beyond(million, "seconds") / beyond(hundred, "seconds");
  figures["CPU a byte beyond an empty run, 1 MB / 100 KB"] = cpu(million) / cpu(hundred);
  for (const size of sizes) {
    figures[`bytes of log a run, ${size.name}`] = aRun(size, "wal");
    figures[`bytes stored, ${size.name}`] = size.stored;
    figures[`ms a run, ${size.name}`] = aRun(size, "seconds") * 1e3;
    figures[`ms of Node.js CPU a run, ${size.name}`] = aRun(size, "nodeCpu") * 1e3;
    figures[`ms of server CPU a run, ${size.name}`] = aRun(size, "sessionCpu") * 1e3;
  }
  return figures;
}
