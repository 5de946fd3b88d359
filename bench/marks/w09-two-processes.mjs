/** W9: 10,000 runs of three steps started at once, done by one process and by two; and how old the oldest run grows that none has. */
import { median, sleep } from "../peers/lib.mjs";
import { mark } from "./lib.mjs";
import { HostProcess } from "./processes.mjs";

await mark({
  id: "W9",
  title: "10,000 runs at once",
  goals: {
    "time, two processes / one": { atMost: 1.1 },
    "time, each of two starts half / one": { atMost: 1.1 },
    "oldest due run that none has, two processes (s)": { atMost: 2 },
  },
  async measure({ server, count }) {
    const runs = count(10_000);
    const alone = [await burst(server, [runs])];
    const together = await burst(server, [runs, 0]);
    const halves = await burst(server, [Math.ceil(runs / 2), Math.floor(runs / 2)]);
    alone.push(await burst(server, [runs]));
    const one = median(alone.map(({ seconds }) => seconds));
    return {
      "time, two processes / one": together.seconds / one,
      "time, each of two starts half / one": halves.seconds / one,
      "seconds, one process": one,
      "seconds, two processes": together.seconds,
      "share of the runs done by the process that did not start them": together.shares[1],
      "oldest due run that none has, one process (s)": Math.max(...alone.map(({ oldest }) => oldest)),
      "oldest due run that none has, two processes (s)": together.oldest,
    };
  },
});

/** Starts a process for each number, and in it as many runs at once. */
async function burst(server, starts) {
  const database = await server.database();
  const hosts = [];
  while (hosts.length < starts.length) {
    hosts.push(new HostProcess("work", database.url));
    await hosts.at(-1).ready;
  }
  await sleep(500);
  const warmUp = 1_000; // no more than a host holds, so that each does its own
  for (const host of hosts) host.tell({ act: "start", count: warmUp });
  await finish(hosts, hosts.length * warmUp);
  await committed(database.client);
  await sleep(200);
  const before = hosts.map(({ finished }) => finished);
  const began = performance.now();
  for (const [n, host] of hosts.entries()) if (starts[n] > 0) host.tell({ act: "start", count: starts[n] });
  const watch = watchOldest(database.client);
  const all = starts.reduce((total, count) => total + count, 0);
  await finish(hosts, before.reduce((total, count) => total + count, 0) + all);
  await committed(database.client);
  const seconds = (performance.now() - began) / 1_000;
  const oldest = await watch.stop();
  const shares = hosts.map(({ finished }, n) => (finished - before[n]) / all);
  for (const host of hosts) await host.stop();
  await server.drop(database);
  return { seconds, oldest, shares };
}

async function finish(hosts, count) {
  while (hosts.reduce((total, { finished }) => total + finished, 0) < count) await sleep(5);
}

async function committed(client) {
  const open = "select from workflow_core.instance where completed_at is null limit 1";
  while ((await client.query(open)).rowCount > 0) await sleep(5);
}

/** Looks ten times a second for the run that has been due for the longest time without an owner. */
function watchOldest(client) {
  let oldest = 0;
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      const { rows } = await client.query(
        `select extract(epoch from statement_timestamp() - min(due_at))::float8 as age from workflow_core.instance
         where due_at <= statement_timestamp() and owner is null`,
      );
      oldest = Math.max(oldest, rows[0].age ?? 0);
      await sleep(100);
    }
  })();
  const stop = async () => {
    isOver = true;
    await watching;
    return oldest;
  };
  return { stop };
}
