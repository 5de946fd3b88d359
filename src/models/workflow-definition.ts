import { createHash } from "node:crypto";
import type { Definition } from "./definition.ts";
import { InvalidRequestError } from "./errors.ts";

/** Where a workflow definition keeps what the engine runs. */
export const engineDefinition: unique symbol = Symbol.for("workflow-core.definition");

declare const carries: unique symbol;

/**
 * A workflow, frozen: made by `defineWorkflow`, given to a host. D is its data, R its result, S what starts it (the input type of
 * the data's schema).
 */
export interface WorkflowDefinition<D, R, S = D> {
  /** What the workflow is called, for ever. */
  readonly id: string;
  /** A whole number from 1; instances stay on the version that they were started with. */
  readonly version: number;
  /** The graph as canonical JSON (sorted keys); an author's function stands in it as `{ ref: "charge.input" }`. */
  toJSON(): unknown;
  /** The graph as a Mermaid flowchart. */
  toMermaid(): string;
  /** For the engine: graph and functions. */
  readonly [engineDefinition]: Definition;
  /** Carries the types; there is no such property at run time. */
  readonly [carries]?: (start: S, data: D) => R;
}

/** What the engine runs of a workflow. Throws `InvalidRequestError` for anything that `defineWorkflow` did not make. */
export function definitionOf(workflow: unknown): Definition {
  if (typeof workflow === "object" && workflow !== null && engineDefinition in workflow) {
    return workflow[engineDefinition] as Definition;
  }
  const problem =
    typeof workflow === "function"
      ? "must be a definition, not the class or function that builds it: pass what defineWorkflow returns"
      : "must be a definition: pass what defineWorkflow returns";
  throw new InvalidRequestError("workflow", problem);
}

/** A graph as canonical JSON, also one that was stored: the same for equal graphs, in whatever order their options were written. */
export const canonicalGraph = (graph: unknown): unknown => sorted(graph, everything);

/**
 * SHA-256, in hexadecimal, of what instances rely on: kinds, paths, names, policies, and which functions there are. Neither source
 * text nor descriptions count, nor what starts it: an instance started before such a change goes on as it was.
 */
export function fingerprintOf(definition: Definition): string {
  const json = JSON.stringify(sorted(definition.graph, reliedOn));
  return createHash("sha256").update(json).digest("hex");
}

type Keep = (key: string) => boolean;
const everything: Keep = () => true;
const reliedOn: Keep = (key) => key !== "description" && key !== "startOn";

function sorted(value: unknown, keep: Keep): unknown {
  if (Array.isArray(value)) return value.map((item) => sorted(item, keep));
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([key, field]) => field !== undefined && keep(key));
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([key, field]) => [key, sorted(field, keep)]));
}
