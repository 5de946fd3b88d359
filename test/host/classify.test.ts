import assert from "node:assert/strict";
import { test } from "node:test";
import { createHost, defineWorkflow, type Flow } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";

test("what a body throws is retried or not as the user says, and as its class says where the user is silent", async () => {
  const attempts = new Map<string, number>();
  const workflow = defineWorkflow({ id: "throws", version: 1 }, (flow: Flow<{ message: string }>) =>
    flow.run(
      "throw",
      ({ message }, { attempt }) => {
        attempts.set(message, attempt);
        throw new Error(message);
      },
      { retry: { maxAttempts: 3, initial: 1 } },
    ),
  );
  const host = createHost({
    workflows: [workflow],
    persistence: new MemoryPersistenceProvider(),
    classifyError: (error) => (error instanceof Error && error.message === "card declined" ? "permanent" : undefined),
  });
  await host.start();
  for (const message of ["card declined", "no answer"])
    await assert.rejects((await host.startWorkflow(workflow, { message })).result());
  await host.stop();
  assert.deepEqual(Object.fromEntries(attempts), { "card declined": 1, "no answer": 3 });
});

test("a classification that answers with a promise says nothing, and does not end the process when that fails", async () => {
  const workflow = defineWorkflow({ id: "throws", version: 1 }, (flow: Flow<object>) =>
    flow.run(
      "throw",
      (_, { attempt }) => {
        if (attempt === 1) throw new Error("no answer");
      },
      { retry: { maxAttempts: 2, initial: 1 } },
    ),
  );
  const classifyError = (async () =>
    Promise.reject(new Error("it should not be asynchronous"))) as unknown as () => "permanent";
  const host = createHost({ workflows: [workflow], persistence: new MemoryPersistenceProvider(), classifyError });
  await host.start();
  await (await host.startWorkflow(workflow, {})).result();
  await host.stop();
});
