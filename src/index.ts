import { WorkflowHost } from "./host/workflow-host.ts";
import type { HostOptions } from "./host/host-options.ts";
import { defaultPersistence } from "./default-persistence.ts";

export type { HostOptions } from "./host/host-options.ts";

/** Options of `createHost`. */
export interface CreateHostOptions extends Omit<HostOptions, "persistence"> {
  /**
   * Where workflows are kept. Default: the PostgreSQL that the environment variable `DATABASE_URL` names, else an embedded one
   * (PGlite) in the directory `.workflow-core`, which `npm i @electric-sql/pglite` provides.
   */
  readonly persistence?: HostOptions["persistence"];
}

/** Makes a host; `await host.start()` sets it going. Throws `DuplicateWorkflowError`, and `InvalidRequestError` for bad options. */
export function createHost(options: CreateHostOptions): WorkflowHost {
  return new WorkflowHost({ ...options, persistence: options.persistence ?? defaultPersistence() });
}
