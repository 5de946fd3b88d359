import assert from "node:assert/strict";
import { createHost, type CreateHostOptions, type WorkflowDefinition, type WorkflowHost } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { hostOn, Line, LocalBus, viewOf } from "../support/mortal.ts";

export { assert };

type Options = Omit<CreateHostOptions, "workflows" | "persistence">;

/** What the hidden code of a snippet works with; everything runs on the store that its marker names. */
export interface Staging {
  /** A started host, stopped behind the snippet. */
  stage(workflows: readonly object[], options?: Options): Promise<WorkflowHost>;
  /** The result of one run on a host of its own. */
  resultOf<D, R, S>(workflow: WorkflowDefinition<D, R, S>, data: NoInfer<S>): Promise<R>;
  clear(): Promise<void>;
}

/** Each snippet's own. */
export function staging(): Staging {
  const closing: (() => Promise<void>)[] = [];
  const isCrashing = process.env["SNIPPET_MODE"] === "crash";
  const stage: Staging["stage"] = async (workflows, options = {}) => {
    const { host, close } = await (isCrashing ? crashing(workflows, options) : straight(workflows, options));
    closing.push(close);
    return host;
  };
  return {
    stage,
    async resultOf(workflow, data) {
      const host = await stage([workflow]);
      return (await host.startWorkflow(workflow, data)).result();
    },
    clear: async () => void (await Promise.all(closing.map((close) => close()))),
  };
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Opened {
  readonly host: WorkflowHost;
  readonly close: () => Promise<void>;
}

async function straight(workflows: readonly object[], options: Options): Promise<Opened> {
  const memory = process.env["SNIPPET_STORE"] === "memory" && { persistence: new MemoryPersistenceProvider() };
  const host = createHost({ ...options, workflows, ...memory });
  await host.start();
  return { host, close: () => host.stop() };
}

/** A host that runs nothing, and beside it a line of hosts that die after each transition. */
async function crashing(workflows: readonly object[], options: Options): Promise<Opened> {
  const [{ store }, bus] = [new MemoryPersistenceProvider(), new LocalBus()];
  const host = await hostOn(viewOf(store, bus), { ...options, workflows, concurrency: 0 });
  const line = new Line(store, bus, { ...options, workflows });
  await line.begin();
  const close = async (): Promise<void> => {
    await line.end();
    await host.stop();
    // Where nobody died, nothing is shown.
    if (line.deaths === 0) throw new Error("no host has died under this snippet");
  };
  return { host, close };
}
