import { createHost, defineWorkflow, type Flow, PermanentError } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";

/** The seed's "Monitoring": how workflows fare, what they weigh, and what makes the database slow. */

const url = process.env["DATABASE_URL"] ?? "postgresql://localhost/workflows";
const charge = defineWorkflow({ id: "charge", version: 1 }, (flow: Flow<{ amount: number }>) =>
  flow.run("charge", ({ amount }) => {
    if (amount < 0) throw new PermanentError("An amount is not negative.");
  }),
);
const host = createHost({ workflows: [charge], persistence: new PostgresPersistenceProvider(url) });
await host.start();
const started = await host.startWorkflows(charge, [
  { data: { amount: 1 } },
  { data: { amount: 2 } },
  { data: { amount: -1 } },
]);
await Promise.allSettled(started.map(async (one) => (one.status === "started" ? one.run.result() : undefined)));
await host.stop();

const persistence = new PostgresPersistenceProvider(url);
await persistence.initialize();

const stats = await persistence.getWorkflowStats({ timeZone: "Europe/Berlin" });
console.log(`Total workflows: ${stats.totalWorkflows}${stats.estimated ? " (estimated)" : ""}`);
console.log(`Running workflows: ${stats.runningWorkflows}`);
console.log(
  `Complete: ${stats.completeWorkflows}, failed: ${stats.failedWorkflows}, error rate: ${stats.errorRate.toFixed(2)}`,
);

for (const step of (await persistence.getStepStats()).steps)
  console.log(`Step ${step.workflowDefinitionId}/${step.path}: ${step.count} times, ${step.failures} failed`);

const storage = await persistence.getStorageStats();
console.log(`Tables: ${storage.totalSizeBytes} bytes, database: ${storage.databaseSizeBytes ?? "?"} bytes`);

const analysis = await persistence.analyzePerformance({ slowQueries: 3 });
for (const query of analysis.slowQueries)
  console.log(
    `Slow query: ${query.query.slice(0, 40).replaceAll("\n", " ")} (${query.avgDurationMs.toFixed(2)}ms avg)`,
  );
for (const { what, remedy } of analysis.unavailable) console.log(`Not known: ${what}. ${remedy}`);

await persistence.close();
