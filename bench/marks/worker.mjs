/** A host in a process of its own, for marks that measure across processes: fork(worker.mjs, [role, url]), then messages. */
import { createHost, defineWorkflow, event } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";

const [role, url] = process.argv.slice(2);
/** One clock for all processes of a machine. */
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

let finished = 0;
const three = defineWorkflow({ id: "three", version: 1 }, (flow) =>
  flow
    .run("step-1", async () => ({ ok: 1 }))
    .run("step-2", async () => ({ ok: 2 }))
    .run("step-3", async () => ({ ok: ++finished })),
);
const woken = defineWorkflow({ id: "woken", version: 1 }, (flow) =>
  flow
    .waitFor(event("wake"), { key: (data) => data.key, as: "got" })
    .run("body", async (data) => process.send({ woken: data.key, atMs: nowMs() })),
);
const first = defineWorkflow({ id: "first", version: 1 }, (flow) =>
  flow.run("body", async () => process.send({ firstAtMs: nowMs() })),
);

const host = createHost({ workflows: [three, woken, first], persistence: new PostgresPersistenceProvider(url) });
await host.start();

const acts = {
  /** Starts as many runs of three steps as asked for, all at once. */
  start: ({ count }) =>
    host.startWorkflows(
      three,
      Array.from({ length: count }, () => ({ data: { x: 1 } })),
    ),
  stop: async () => {
    await host.stop();
    process.exit(0);
  },
};

if (role === "first-step") {
  await host.startWorkflow(first, {});
} else {
  let told = 0;
  setInterval(() => {
    if (finished > told) process.send({ finished: (told = finished) });
  }, 5);
  process.send({ ready: true });
}
process.on("message", (message) => void acts[message.act](message));
