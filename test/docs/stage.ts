import assert from "node:assert/strict";
import { createHost, type CreateHostOptions, type WorkflowDefinition, type WorkflowHost } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";

export { assert };

/** What the hidden code of a snippet works with; everything runs on the store that its marker names. */
const hosts: WorkflowHost[] = [];

/** A started host, stopped behind the snippet. */
export async function stage(
  workflows: readonly object[],
  options: Omit<CreateHostOptions, "workflows" | "persistence"> = {},
): Promise<WorkflowHost> {
  const memory = process.env["SNIPPET_STORE"] === "memory" && { persistence: new MemoryPersistenceProvider() };
  const host = createHost({ ...options, workflows, ...memory });
  await host.start();
  hosts.push(host);
  return host;
}

/** The result of one run on a host of its own. */
export async function resultOf<D, R, S>(workflow: WorkflowDefinition<D, R, S>, data: NoInfer<S>): Promise<R> {
  const host = await stage([workflow]);
  return (await host.startWorkflow(workflow, data)).result();
}

export async function clear(): Promise<void> {
  await Promise.all(hosts.map((host) => host.stop()));
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
