import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseUnreachableError, WorkflowError } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";

/** The seed's "Error Handling": what may pass by itself is tried again, what may not is handled. */

async function persistently<T>(operation: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await operation(attempt);
    } catch (error) {
      // Of the class transient, and will be retried.
      if (error instanceof DatabaseUnreachableError) console.log("Database connection failed - will retry");
      if (!(error instanceof WorkflowError) || !error.shouldRetry() || attempt === 5) throw error;
      await sleep(error.retryDelay());
    }
  }
}

const url = process.env["DATABASE_URL"] ?? "postgresql://localhost/workflows";
const nobodyListens = "postgresql://127.0.0.1:1/workflows";
const persistence = await persistently(async (attempt) => {
  const opened = new PostgresPersistenceProvider(attempt === 1 ? nobodyListens : url);
  await opened.initialize();
  return opened;
});
console.log("Connected");

const order = { id: randomUUID(), workflowDefinitionId: "my_workflow" };
await persistence.createWorkflowInstance(order);
try {
  await persistently(() => persistence.createWorkflowInstance(order));
} catch (error) {
  // It would be the same next time: handle it.
  if (!(error instanceof WorkflowError)) throw error;
  console.log(`Workflow error: ${error.code}, class ${error.errorClass}, retry: ${error.shouldRetry() ? "yes" : "no"}`);
}

await persistence.close();
