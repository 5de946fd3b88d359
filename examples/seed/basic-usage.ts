import { randomUUID } from "node:crypto";
import { PostgresPersistenceProvider } from "workflow-core/postgres";

/** The seed's "Basic Usage": a store, its migrations, an instance, and what could run now. */

const persistence = new PostgresPersistenceProvider(process.env["DATABASE_URL"] ?? "postgresql://localhost/workflows");

// Connects, and runs the migrations.
await persistence.initialize();

const workflow = await persistence.createWorkflowInstance({
  id: randomUUID(),
  workflowDefinitionId: "my_workflow",
  version: 1,
  description: "Example workflow",
  reference: null,
  status: "Runnable",
  data: { input: "hello" },
  createTime: new Date(),
  completeTime: null,
  nextExecution: null,
  nodeId: null,
  correlationId: null,
  tags: {},
});
console.log(`Stored ${workflow.workflowDefinitionId}, version ${workflow.version}: ${workflow.status}`);

const runnable = await persistence.getRunnableInstances(10);
console.log(`Found ${runnable.length} runnable workflows`);

await persistence.close();
