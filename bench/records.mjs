/**
 * Record-level writes and reads one by one and many in one statement, in records a second.
 *
 *   npm run build && DATABASE_URL=postgres://… node bench/records.mjs [--count 2000] [--batch 500] [--store postgres|pglite|memory] [--json]
 *
 * Writes into a schema of its own, `bench_records`.
 */
import { parseArgs } from "node:util";
import { Event, EventSubscription } from "workflow-core";
import { PglitePersistenceProvider } from "workflow-core/pglite";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { MemoryPersistenceProvider } from "workflow-core/testing";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "2000" },
    batch: { type: "string", default: "500" },
    store: { type: "string", default: "postgres" },
    json: { type: "boolean", default: false },
  },
});
const count = Number(values.count);
const batch = Number(values.batch);
const schema = "bench_records";

const stores = {
  postgres: () => new PostgresPersistenceProvider({ url: process.env.DATABASE_URL, schema }),
  pglite: () => new PglitePersistenceProvider(),
  memory: () => new MemoryPersistenceProvider(),
};
const persistence = stores[values.store]();
await persistence.initialize();

const many = (make) => Array.from({ length: count }, (_, n) => make(n));
const data = { customer: "C-1", items: [{ sku: "A", quantity: 2 }], note: "x".repeat(200) };
const newInstance = () => ({ workflowDefinitionId: "bench", data, nextExecution: new Date("2990-01-01") });

async function perSecond(work) {
  const began = performance.now();
  await work();
  return Math.round(count / ((performance.now() - began) / 1000));
}

const oneByOne = (records, act) =>
  perSecond(async () => {
    for (const record of records) await act(record);
  });

const inBatches = (records, act) =>
  perSecond(async () => {
    for (let at = 0; at < count; at += batch) await act(records.slice(at, at + batch));
  });

async function compare(what, records, [single, plural]) {
  const [first, second] = [records(), records()];
  const one = await oneByOne(first, single);
  const all = await inBatches(second, plural);
  return { what, oneByOne: one, inBatches: all, times: Math.round((all / one) * 10) / 10 };
}

const ids = (await persistence.createWorkflowInstances(many(newInstance).slice(0, 10_000))).map(({ id }) => id);
const [instance, other] = ids;
let path = 0;
const paths = () => many(() => ({ path: `step-${(path += 1)}`, status: "Complete", outcome: { ok: true } }));
const changes = () => many((n) => ({ id: ids[n % ids.length], data: { ...data, n } }));
const created = [];

const results = [
  await compare("create instances", () => many(newInstance), [
    (record) => persistence.createWorkflowInstance(record),
    (records) => persistence.createWorkflowInstances(records),
  ]),
  await compare("update instances", changes, [
    (change) => persistence.updateWorkflowInstance(change),
    (all) => persistence.updateWorkflowInstances(all),
  ]),
  await compare("create pointers", () => (created.push(paths()), created.at(-1)), [
    (pointer) => persistence.createExecutionPointer(instance, pointer),
    (pointers) => persistence.createExecutionPointers(instance, pointers),
  ]),
  await compare("update pointers", () => created.shift(), [
    (pointer) => persistence.updateExecutionPointer(instance, { path: pointer.path, outcome: { ok: false } }),
    (pointers) =>
      persistence.updateExecutionPointers(
        instance,
        pointers.map((pointer) => ({ path: pointer.path, outcome: { ok: false } })),
      ),
  ]),
  await compare("create events", () => many((n) => new Event("bench", `k-${n}`).withEventData(data)), [
    (event) => persistence.createEvent(event),
    (events) => persistence.createEvents(events),
  ]),
  await compare(
    "create subscriptions",
    () => many(() => new EventSubscription(other, `wait-${(path += 1)}`, "bench", `k-${path}`)),
    [
      (subscription) => persistence.createSubscription(subscription),
      (subscriptions) => persistence.createSubscriptions(subscriptions),
    ],
  ),
  await compare(
    "create history",
    () => many((n) => ({ workflowId: ids[n % ids.length], type: "note", detail: data })),
    [(entry) => persistence.createExecutionHistory(entry), (entries) => persistence.createExecutionHistory(entries)],
  ),
];

await persistence.executeTransaction((tx) => tx.query(`drop schema ${schema} cascade`)).catch(() => undefined);
await persistence.close();
if (values.json) console.log(JSON.stringify(results, null, 2));
else console.table(results);
