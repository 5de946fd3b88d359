import { randomUUID } from "node:crypto";
import { PostgresPersistenceProvider } from "workflow-core/postgres";

/** The seed's "Transaction Support": several writes, all or none. */

const persistence = new PostgresPersistenceProvider(process.env["DATABASE_URL"] ?? "postgresql://localhost/workflows");
await persistence.initialize();

const id = randomUUID();
await persistence.executeTransaction(async (tx) => {
  await tx.createWorkflowInstance({ id, workflowDefinitionId: "my_workflow", data: { input: "hello" } });
  await tx.createExecutionPointers(id, [{ path: "reserve", status: "Complete", seq: 1 }, { path: "charge" }]);
  await tx.createExecutionHistory({ workflowId: id, type: "imported", detail: { from: "the old system" } });
  // A table of your own, in the same transaction.
  await tx.query("create table if not exists imports (workflow_id uuid primary key)");
  await tx.query("insert into imports values ($1)", [id]);
});
const pointers = await persistence.getExecutionPointersByInstance(id);
const history = await persistence.getExecutionHistory(id, { type: "imported" });
console.log(`Committed: ${pointers.items.length} pointers, ${history.items.length} entry of history`);

const lost = randomUUID();
try {
  await persistence.executeTransaction(async (tx) => {
    await tx.createWorkflowInstance({ id: lost, workflowDefinitionId: "my_workflow" });
    throw new Error("the second write went wrong");
  });
} catch (error) {
  const isThere = (await persistence.getWorkflowInstance(lost)) !== null;
  console.log(
    `Rolled back (${error instanceof Error ? error.message : String(error)}): the instance is ${isThere ? "there" : "not there"}`,
  );
}

await persistence.close();
