import type { StepNode } from "../models/definition.ts";
import { type Outcome, type Step, stepFacts } from "../models/step.ts";
import { type Fault, isClass, show } from "./fields.ts";

/** A body as an author gave it, recognized. */
export interface KnownBody {
  readonly call: StepNode["call"];
  /** For the function table. */
  readonly body: unknown;
  readonly name: string | undefined;
  readonly transactional: boolean;
  /** What a step brings along: retry, timeout, compensateWith, inDoubt. */
  readonly defaults: Readonly<Record<string, unknown>>;
}

/** Any step, whatever it takes and answers. */
export type AnyStep = Step<never, unknown, Outcome>;

/** Whether a value was made by `step` or `transactionalStep`, of this copy of the package or another. */
export const isStep = (value: unknown): value is AnyStep =>
  typeof value === "object" && value !== null && stepFacts in value;

/** Recognizes what `then` was given: a step, a class or an instance. */
export function recognize(given: unknown, fault: Fault): KnownBody {
  if (isStep(given)) {
    return { call: "function", body: given.run, name: given.name, ...given[stepFacts] };
  }
  if (isClass(given)) {
    if (given.length > 0) {
      throw fault(
        `the constructor of class ${given.name} takes arguments: give an instance, as in then(new ${given.name}(…))`,
      );
    }
    return { call: "class", body: given, name: nameOfClass(given), transactional: false, defaults: {} };
  }
  if (typeof given === "function") {
    const advice = `write run("a name", fn) for a function, and never await a flow`;
    throw fault(`then takes a step, a step class or an instance of one, and no bare function: ${advice}`);
  }
  if (typeof given === "object" && given !== null && "run" in given && typeof given.run === "function") {
    const maker: unknown = given.constructor;
    const name = isClass(maker) ? nameOfClass(maker) : undefined;
    return { call: "instance", body: given, name, transactional: false, defaults: {} };
  }
  throw fault(
    `then takes a step (made by step or transactionalStep), a step class or an instance of one, not ${show(given)}`,
  );
}

/** What a body is called before anybody looks at it closely: for errors, and as the default name of its step. */
export function nameOfBody(given: unknown): string | undefined {
  if (isStep(given)) return given.name;
  if (isClass(given)) return nameOfClass(given);
  if (typeof given === "object" && given !== null && isClass(given.constructor)) return nameOfClass(given.constructor);
  return typeof given === "function" && given.name !== "" ? given.name : undefined;
}

/** `static stepName`, else the class's own name. */
function nameOfClass(made: { readonly name: string; readonly stepName?: unknown }): string | undefined {
  const name = typeof made.stepName === "string" ? made.stepName : made.name;
  return name === "" ? undefined : name;
}
