import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Definition, RunTimeoutBehavior } from "../models/definition.ts";
import { type Duration, toRunTimeoutMs } from "../models/duration.ts";
import { InvalidDefinitionError } from "../models/errors-definition.ts";
import { checkSchema, type EventFor, type EventType } from "../models/event-type.ts";
import { checkName } from "../models/identity.ts";
import { canonicalGraph, engineDefinition, type WorkflowDefinition } from "../models/workflow-definition.ts";
import type { AnyBlock } from "./block.ts";
import { BlockDraft, Construction } from "./construction.ts";
import { attempt, type Fault, Fields, isClass, show } from "./fields.ts";
import { FlowBuilder } from "./flow-builder.ts";
import type { Flow } from "./flow.ts";
import { mermaidOf } from "./mermaid.ts";
import { finishedBlock } from "./nested.ts";
import type { ResultOf, Workflow } from "./workflow.ts";

/** What a workflow is called, and what starts it. */
export interface WorkflowOptions<D, S> {
  /** What the workflow is called, for ever: 1 to 512 bytes. */
  readonly id: string;
  /** A whole number from 1; instances stay on the version that they were started with. */
  readonly version: number;
  /** A Standard Schema (zod, valibot, arktype, …): validates what starts the workflow, and gives the data its type. */
  readonly data?: StandardSchemaV1<S, D>;
  /** How long a run may take from its start on; the start may say otherwise. A suspended run's time goes on, but is over at the earliest
   *  when it is resumed. Default: for ever. */
  readonly timeout?: Duration;
  /** What becomes of a run whose time is over; its failure has code RUN_TIMEOUT. Default: `"compensate"`. */
  readonly onTimeout?: RunTimeoutBehavior;
  /** Each event of this name, whatever its key, starts one run, whose data is the payload. Counts from the first start of a host that has
   *  the definition; of several versions the highest that was ever registered decides. Default: only code starts runs. */
  readonly startOn?: EventFor<NoInfer<S>>;
}

/** The options of a workflow that takes its data as the event tells it. */
export interface StartedByEvent<D> extends Omit<WorkflowOptions<D, D>, "data" | "startOn"> {
  readonly data?: never;
  /** The event that starts it, which gives the data its type; see `WorkflowOptions`. */
  readonly startOn: EventType<D>;
}

/**
 * Describes a workflow and checks it; nothing runs yet. The type of the data comes from the schema, from the event that starts it, or from
 * the annotation of the callback's parameter; that of the result is inferred. Throws `InvalidDefinitionError`, which names the step at fault.
 *
 * ```ts
 * const fulfilOrder = defineWorkflow({ id: "fulfil-order", version: 1 }, (flow: Flow<Order>) =>
 *   flow
 *     .startWith(reserve, { as: "stock" })
 *     .then(charge, { input: (order) => ({ orderId: order.id, amount: order.total }) })
 *     .returns((order, { stock }) => ({ order: order.id, reservation: stock.reservation })),
 * );
 * ```
 *
 * Also takes a class; see `Workflow`.
 */
export function defineWorkflow<D, B extends AnyBlock>(
  options: StartedByEvent<D>,
  build: (flow: Flow<D>) => B,
): WorkflowDefinition<D, ResultOf<B, D>>;
export function defineWorkflow<D, B extends AnyBlock, S = D>(
  options: WorkflowOptions<D, S>,
  build: (flow: Flow<D>) => B,
): WorkflowDefinition<D, ResultOf<B, D>, S>;
export function defineWorkflow<D, B extends AnyBlock>(
  workflow: new () => Workflow<D, B>,
): WorkflowDefinition<D, ResultOf<B, D>>;
export function defineWorkflow(given: unknown, build?: unknown): BuiltWorkflow {
  return build === undefined ? fromClass(given) : fromFunction(given, build);
}

function fromFunction(given: unknown, build: unknown): BuiltWorkflow {
  const unnamed = faultOf("");
  if (isClass(given)) throw unnamed("a workflow class needs nothing beside it: write defineWorkflow(TheClass)");
  const id = typeof given === "object" && given !== null && "id" in given ? given.id : undefined;
  const fault = faultOf(typeof id === "string" ? id : "");
  const fields = new Fields(given ?? {}, ["id", "version", "data", "startOn", "timeout", "onTimeout"], fault);
  if (typeof build !== "function" || isClass(build)) {
    throw fault(`defineWorkflow takes a build function, as in (flow) => flow.run(…), not ${show(build)}`);
  }
  const data = fields.value("data");
  const schema = data === undefined ? undefined : attempt(() => checkSchema(data, `the option "data"`), fault);
  return built(
    { id, version: fields.value("version"), schema, ...startOf(fields, fault), ...limitOf(fields, fault) },
    build as (flow: never) => unknown,
    "the build function",
  );
}

function fromClass(given: unknown): BuiltWorkflow {
  const unnamed = faultOf("");
  if (typeof given !== "function" || (!isClass(given) && given.prototype === undefined)) {
    throw unnamed(`defineWorkflow takes ({ id, version }, (flow) => …) or a workflow class, not ${show(given)}`);
  }
  const workflow: unknown = new (given as new () => unknown)();
  if (
    typeof workflow !== "object" ||
    workflow === null ||
    !("build" in workflow) ||
    typeof workflow.build !== "function"
  ) {
    throw unnamed(`${show(given)} has no method build(flow)`);
  }
  const { build } = workflow;
  const id = "id" in workflow ? workflow.id : undefined;
  const version = "version" in workflow ? workflow.version : undefined;
  const fault = faultOf(typeof id === "string" ? id : "");
  const { timeout, onTimeout, startOn } = workflow as Readonly<Record<string, unknown>>;
  const fields = new Fields({ timeout, onTimeout, startOn }, ["timeout", "onTimeout", "startOn"], fault);
  return built(
    { id, version, schema: undefined, ...startOf(fields, fault), ...limitOf(fields, fault) },
    (flow: never): unknown => build.call(workflow, flow),
    "build",
  );
}

interface Named {
  readonly id: unknown;
  readonly version: unknown;
  readonly schema: unknown;
  readonly startOn?: string;
  readonly eventSchema?: unknown;
  readonly timeoutMs?: number;
  readonly onTimeout?: RunTimeoutBehavior;
}

function startOf(fields: Fields, fault: Fault): Pick<Named, "startOn" | "eventSchema"> {
  const given = fields.value("startOn");
  if (given === undefined) return {};
  if (typeof given !== "object" || given === null || !("name" in given)) {
    throw fault(`its option "startOn" takes an event (made by event), not ${show(given)}`);
  }
  const startOn = attempt(() => checkName(given.name, "event name"), fault);
  const schema = "schema" in given ? given.schema : undefined;
  if (schema === undefined) return { startOn };
  return { startOn, eventSchema: attempt(() => checkSchema(schema, "its event's schema"), fault) };
}

function limitOf(fields: Fields, fault: Fault): Pick<Named, "timeoutMs" | "onTimeout"> {
  const timeout = fields.value("timeout");
  const onTimeout = fields.oneOf("onTimeout", ["compensate", "fail", "terminate"]);
  return {
    ...(timeout !== undefined && { timeoutMs: attempt(() => toRunTimeoutMs(timeout), fault) }),
    ...(onTimeout !== undefined && { onTimeout }),
  };
}

/** PostgreSQL's integer. */
const highestVersion = 2 ** 31 - 1;

function built(
  { id: givenId, version, schema, eventSchema, ...facts }: Named,
  build: (flow: never) => unknown,
  what: string,
): BuiltWorkflow {
  const id = attempt(() => checkName(givenId, "workflow id"), faultOf(typeof givenId === "string" ? givenId : ""));
  const fault = faultOf(id);
  if (!isVersion(version)) throw fault(`its version must be a whole number from 1 to 2^31 - 1, not ${show(version)}`);
  const construction = new Construction(id, FlowBuilder.open);
  const root = finishedBlock(new BlockDraft(construction, "", []), build, what, fault);
  if (root.nodes.length === 0) throw fault("it has no steps");
  const { functions } = construction;
  return new BuiltWorkflow({
    graph: frozen({ id, version, ...facts, root }),
    functions,
    ...(schema !== undefined && { schema }),
    ...(eventSchema !== undefined && { eventSchema }),
  });
}

const isVersion = (version: unknown): version is number =>
  Number.isInteger(version) && (version as number) >= 1 && (version as number) <= highestVersion;

const faultOf =
  (workflow: string): Fault =>
  (problem, cause) =>
    new InvalidDefinitionError(workflow, "", `${problem}.`, cause === undefined ? undefined : { cause });

function frozen<V>(value: V): V {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}

class BuiltWorkflow implements WorkflowDefinition<never, never, never> {
  readonly id: string;
  readonly version: number;
  readonly [engineDefinition]: Definition;

  constructor(definition: Definition) {
    this.id = definition.graph.id;
    this.version = definition.graph.version;
    this[engineDefinition] = Object.freeze(definition);
    Object.freeze(this);
  }

  toJSON(): unknown {
    return canonicalGraph(this[engineDefinition].graph);
  }

  toMermaid(): string {
    return mermaidOf(this[engineDefinition].graph);
  }
}
