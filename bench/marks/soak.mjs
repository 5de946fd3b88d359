/** Soak: the heap over minutes of mixed work, after a garbage collection each time. */
import { defineWorkflow, event } from "workflow-core";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { sleep } from "../peers/lib.mjs";
import { chain, hostOn, lineThrough, mark } from "./lib.mjs";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");

const told = event("told");
const three = chain(3);
const many = defineWorkflow({ id: "many", version: 1 }, (flow) =>
  flow.forEach(
    () => Array.from({ length: 20 }, (_, n) => n),
    (each) => each.run("part", async (n) => ({ n })),
    { concurrency: 5, as: "parts" },
  ),
);
const laps = defineWorkflow({ id: "laps", version: 1 }, (flow) =>
  flow.while(
    (_, { lap }) => lap <= 20,
    (lap) => lap.run("step", async () => ({ ok: 1 })),
    { keepLaps: 5 },
  ),
);
const sleeping = defineWorkflow({ id: "sleeping", version: 1 }, (flow) =>
  flow.delay("1 second").run("end", async () => ({ ok: 1 })),
);
const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow) =>
  flow.waitFor(told, { key: (data) => data.key, as: "got", timeout: "1 minute" }).run("end", async () => ({ ok: 1 })),
);
const failing = defineWorkflow({ id: "failing", version: 1 }, (flow) =>
  flow.saga((saga) =>
    saga
      .run("done", async () => ({ ok: 1 }), { compensateWith: async () => undefined })
      .run(
        "fails",
        async () => {
          throw new Error("as it should");
        },
        { retry: { maxAttempts: 2, initial: "10 ms" } },
      ),
  ),
);

await mark({
  id: "soak",
  title: "the heap under mixed work",
  goals: { "growth of the heap over the second half (%)": { atMost: 5 } },
  options: { minutes: "3", "every-seconds": "30" },
  async measure({ server, values }) {
    const database = await server.database();
    const host = await hostOn(database.url, [three, many, laps, sleeping, waiting, failing]);
    const work = mixedWork(host);
    const samples = [];
    const began = performance.now();
    const minutes = () => (performance.now() - began) / 60_000;
    while (minutes() < Number(values.minutes)) {
      await sleep(Number(values["every-seconds"]) * 1_000);
      collect();
      const { heapUsed, rss, external } = process.memoryUsage();
      samples.push({ minutes: minutes(), heap: heapUsed / 2 ** 20, rss: rss / 2 ** 20, external: external / 2 ** 20 });
    }
    const runs = await work.stop();
    await host.stop();
    collect();
    const half = samples.slice(Math.floor(samples.length / 2));
    const line = lineThrough(half.map(({ minutes: at, heap }) => [at, heap]));
    const growth = (of, what) => lineThrough(of.map((sample) => [sample.minutes / 60, sample[what]])).slope;
    return {
      "growth of the heap over the second half (%)":
        (line.at(half.at(-1).minutes) / line.at(half[0].minutes) - 1) * 100,
      "growth of the heap in an hour, second half (MB)": growth(half, "heap"),
      "growth of the heap in an hour, all samples (MB)": growth(samples, "heap"),
      "growth of resident memory in an hour, second half (MB)": growth(half, "rss"),
      "heap, first sample (MB)": samples[0].heap,
      "heap, last sample (MB)": samples.at(-1).heap,
      "heap, host stopped (MB)": process.memoryUsage().heapUsed / 2 ** 20,
      "external, last sample (MB)": samples.at(-1).external,
      "resident, last sample (MB)": samples.at(-1).rss,
      "runs a second": runs / (minutes() * 60),
    };
  },
});

/** A few lanes of each kind of work, at a steady pace that leaves the machine room. */
function mixedWork(host) {
  let isOver = false;
  let runs = 0;
  const lane = async (run) => {
    while (!isOver) {
      await run(`key-${(runs += 1)}`);
      await sleep(5);
    }
  };
  const ended = async (workflow, data = {}) => (await host.startWorkflow(workflow, data)).result();
  const kinds = [
    () => ended(three),
    () => ended(many),
    () => ended(laps),
    () => ended(sleeping),
    () => ended(failing).catch(() => undefined),
    async (key) => {
      const run = await host.startWorkflow(waiting, { key });
      await sleep(20);
      await host.publishEvent(told, key, { key });
      await run.result();
    },
  ];
  const lanes = kinds.flatMap((kind) => Array.from({ length: 4 }, () => lane(kind)));
  const stop = async () => {
    isOver = true;
    await Promise.all(lanes);
    return runs;
  };
  return { stop };
}
