import { WorkflowError, type Because } from "./errors.ts";
import { sentence } from "./text.ts";

/** This host was not given the workflow, or not in this version. */
export class WorkflowNotRegisteredError extends WorkflowError {
  override readonly name = "WorkflowNotRegisteredError";
  readonly code = "WORKFLOW_NOT_REGISTERED";
  readonly errorClass = "invalid";
  readonly workflow: string;
  readonly version: number | undefined;

  constructor(workflow: string, version?: number) {
    const which = version === undefined ? `workflow "${workflow}"` : `workflow "${workflow}" version ${version}`;
    super(`This host has no ${which}. Pass its definition to createHost({ workflows }).`);
    this.workflow = workflow;
    this.version = version;
  }
}

/** Two different definitions were registered under one id and version. */
export class DuplicateWorkflowError extends WorkflowError {
  override readonly name = "DuplicateWorkflowError";
  readonly code = "DUPLICATE_WORKFLOW";
  readonly errorClass = "invalid";
  readonly workflow: string;
  readonly version: number;

  constructor(workflow: string, version: number) {
    super(
      `Workflow "${workflow}" version ${version} is registered already. Give the other definition another id or version.`,
    );
    this.workflow = workflow;
    this.version = version;
  }
}

/** A workflow definition cannot be run as it was built. */
export class InvalidDefinitionError extends WorkflowError {
  override readonly name = "InvalidDefinitionError";
  readonly code = "INVALID_DEFINITION";
  readonly errorClass = "invalid";
  readonly workflow: string;
  /** The step at fault; empty for the definition as a whole. */
  readonly path: string;
  readonly problem: string;

  constructor(workflow: string, path: string, problem: string, because?: Because) {
    super(`Workflow "${workflow}"${path === "" ? "" : `, step "${path}"`}: ${problem}`, because);
    this.workflow = workflow;
    this.path = path;
    this.problem = problem;
  }
}

/** A definition changed under the same id and version while instances of the other one are unfinished, or a running process has it. */
export class DefinitionChangedError extends WorkflowError {
  override readonly name = "DefinitionChangedError";
  readonly code = "DEFINITION_CHANGED";
  readonly errorClass = "invalid";
  readonly workflow: string;
  readonly version: number;
  /** What differs, one line each. */
  readonly difference: string;
  /** The label of a running process that has the other one; undefined: unfinished instances rely on that. */
  readonly process: string | undefined;

  constructor(
    workflow: string,
    version: number,
    found: { readonly difference: string; readonly process?: string | undefined },
  ) {
    const { difference, process } = found;
    const whose = process === undefined ? "unfinished instances run" : `a running process ("${process}") still has`;
    const stopIt = process === undefined ? "" : "Stop that process first. Or else: ";
    super(
      `Workflow "${workflow}" version ${version} differs from the one that ${whose}: ${difference}\n` +
        `${stopIt}Register it as version ${version + 1} beside the old one; in development, \`onChanged: "accept"\` takes it as it is.`,
    );
    this.workflow = workflow;
    this.version = version;
    this.difference = difference;
    this.process = process;
  }
}

/** What an author's function was asked for when it failed. */
export type MappingRole =
  | "input"
  | "condition"
  | "outcome"
  | "output"
  | "items"
  | "key"
  | "compensation"
  | "duration"
  | "patch"
  | "value"
  | (string & {});

/** A mapping, condition or key function threw, answered a promise, or answered nonsense. It is never tried again: it is pure. */
export class MappingFailedError extends WorkflowError {
  override readonly name = "MappingFailedError";
  readonly code = "MAPPING_FAILED";
  readonly errorClass = "permanent";
  /** The pointer whose function it was. */
  readonly path: string;
  readonly role: MappingRole;

  /** `problem` continues "The … function of step …": "threw: x is undefined", "answered a promise". */
  constructor(path: string, role: MappingRole, problem: string, because?: Because) {
    super(
      `The ${role} function of step "${path}" ${sentence(problem)} It must be synchronous and depend on its arguments alone.`,
      because,
    );
    this.path = path;
    this.role = role;
  }
}

/** A step's body did not end within its timeout. */
export class StepTimeoutError extends WorkflowError {
  override readonly name = "StepTimeoutError";
  readonly code = "STEP_TIMEOUT";
  readonly errorClass = "timeout";
  readonly path: string;
  readonly timeoutMs: number;

  constructor(path: string, timeoutMs: number) {
    super(`Step "${path}" did not end within ${timeoutMs} ms. Its late answer, if one comes, is not taken.`);
    this.path = path;
    this.timeoutMs = timeoutMs;
  }
}
