import { definitionOf } from "../models/workflow-definition.ts";
import { DuplicateWorkflowError, WorkflowNotRegisteredError } from "../models/errors-definition.ts";
import { type Plan, planOf } from "./plan.ts";

/** The definitions that a host runs, by id and version. */
export class Registry {
  private readonly plans = new Map<string, Plan>();

  /** Takes the very same definition once, however often it is given. Throws `DuplicateWorkflowError` if another one has the id and
   *  version, `InvalidRequestError` for what is no definition. */
  add(workflow: unknown): Plan {
    const definition = definitionOf(workflow);
    const { id, version } = definition.graph;
    const name = nameOf(id, version);
    const known = this.plans.get(name);
    if (known?.definition === definition) return known;
    if (known !== undefined) throw new DuplicateWorkflowError(id, version);
    const plan = planOf(definition);
    this.plans.set(name, plan);
    return plan;
  }

  find(id: string, version: number): Plan | undefined {
    return this.plans.get(nameOf(id, version));
  }

  /** Throws `WorkflowNotRegisteredError`. */
  get(id: string, version: number): Plan {
    const plan = this.find(id, version);
    if (plan === undefined) throw new WorkflowNotRegisteredError(id, version);
    return plan;
  }

  /** Stands for a definition that this host does not have: good for requests that need none of its code. */
  unknown(id: string, version: number): Plan {
    return { ...planOf({ graph: { id, version, root: { nodes: [] } }, functions: new Map() }), isUnknown: true };
  }

  all(): readonly Plan[] {
    return [...this.plans.values()];
  }

  /** `id@version` of every definition. */
  names(): readonly string[] {
    return [...this.plans.keys()];
  }
}

export const nameOf = (id: string, version: number): string => `${id}@${version}`;
