/** W10: what an idle node asks of the database and of its process, and how soon an event of one process wakes a run in another. */
import { defineWorkflow, event } from "workflow-core";
import { pct, sleep } from "../peers/lib.mjs";
import { hostOn, mark } from "./lib.mjs";
import { HostProcess, nowMs } from "./processes.mjs";

const wake = event("wake");
/** As in worker.mjs: this process only starts it. */
const woken = defineWorkflow({ id: "woken", version: 1 }, (flow) =>
  flow.waitFor(wake, { key: (data) => data.key, as: "got" }).run("body", async () => undefined),
);

await mark({
  id: "W10",
  title: "an idle node, and wake-ups",
  goals: {
    "statements a second, idle": { atMost: 1 },
    "Node.js CPU, idle (%)": { atMost: 1 },
    "event to step, other process, p99 (ms)": { atMost: 15 },
  },
  options: { "idle-seconds": "30", events: "300" },
  async measure({ server, values, count }) {
    const idle = await idleNode(server, Number(values["idle-seconds"]));
    const waits = await wakes(server, count(Number(values.events)));
    return {
      "statements a second, idle": idle.statements / idle.seconds,
      "Node.js CPU, idle (%)": (idle.nodeCpu / idle.seconds) * 100,
      "server CPU of its sessions, idle (%)": (idle.sessionCpu / idle.seconds) * 100,
      "event to step, other process, p50 (ms)": pct(waits, 50),
      "event to step, other process, p99 (ms)": pct(waits, 99),
      "event to step, other process, longest (ms)": Math.max(...waits),
    };
  },
});

async function idleNode(server, seconds) {
  const database = await server.database();
  const host = await hostOn(database.url, [woken]);
  await sleep(3_000); // what a start leaves to be done
  await database.meter.begin();
  await sleep(seconds * 1_000);
  const used = await database.meter.end();
  await host.stop();
  return used;
}

async function wakes(server, events) {
  const database = await server.database();
  const answers = new Map();
  const other = new HostProcess("wake", database.url, (message) => answers.get(message.woken)?.(message.atMs));
  await other.ready;
  const host = await hostOn(database.url, [woken], { concurrency: 0 });
  const warmUp = 20;
  const keys = Array.from({ length: events + warmUp }, (_, n) => `key-${n}`);
  await host.startWorkflows(
    woken,
    keys.map((key) => ({ data: { key } })),
  );
  const waiting = "select from workflow_core.instance where completed_at is null and owner is null and due_at is null";
  while ((await database.client.query(waiting)).rowCount < keys.length) await sleep(50);
  const took = [];
  for (const [n, key] of keys.entries()) {
    const answered = new Promise((resolve) => answers.set(key, resolve));
    const began = nowMs();
    await host.publishEvent(wake, key, { n });
    took.push((await answered) - began);
    await sleep(30 + ((n * 7) % 40));
  }
  await Promise.all([host.stop(), other.stop()]);
  return took.slice(warmUp);
}
