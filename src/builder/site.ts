import type { AnyFunction, FunctionRef } from "../models/definition.ts";
import type { InvalidDefinitionError } from "../models/errors-definition.ts";
import { checkName, checkStepName } from "../models/identity.ts";
import { maxPathBytes } from "../models/limits.ts";
import { childOf } from "../models/path.ts";
import { shorten, utf8Bytes } from "../models/text.ts";
import type { BlockDraft, Role } from "./construction.ts";
import { attempt, type Fault, Fields, isClass, show } from "./fields.ts";

/** What a verb puts somewhere: `name` of a leaf is that of its body or event; a container is called after its verb. */
export interface Putting {
  readonly verb: string;
  readonly leaf?: string | undefined;
  readonly container?: string;
  readonly options?: unknown;
  readonly known: readonly string[];
}

/** Options that any step may have, and those of a step whose value can be kept. */
export const commonOptions: readonly string[] = ["name", "description"];
export const keptOptions: readonly string[] = [...commonOptions, "as", "output"];

/** Most digits that an iteration's index can have: no stored collection is longer. */
const indexDigits = 7;
/** The same for a lap's number: a lap a millisecond takes three centuries to need more. */
const lapDigits = 13;

/** Where one step is put: its name and path, its options, and the errors that name it. */
export class Site {
  readonly block: BlockDraft;
  readonly name: string;
  readonly path: string;
  readonly options: Fields;
  readonly as: string | undefined;
  readonly fault: Fault & ((problem: string, cause?: unknown) => InvalidDefinitionError);

  constructor(block: BlockDraft, putting: Putting) {
    const { verb, leaf, container, options, known } = putting;
    const fallback = leaf ?? (container === undefined ? undefined : block.freeName(container));
    const shown = shorten(givenName(options) ?? fallback ?? verb, 100);
    this.block = block;
    this.fault = (problem, cause) => block.construction.fault(childOf(block.path, shown), problem, cause);
    this.options = new Fields(options, known, this.fault);
    const name = this.options.text("name") ?? fallback;
    if (name === undefined || name === "") throw this.fault("it has no name of its own: give it one with { name }");
    this.name = attempt(() => checkStepName(name), this.fault);
    this.path = childOf(block.path, name);
    this.#checkPlace();
    this.as = this.#readAs();
    block.takeName(name);
    block.construction.countStep(this.path);
  }

  /** What every node begins with. */
  get facts(): { readonly name: string; readonly path: string; readonly description?: string; readonly as?: string } {
    const description = this.options.text("description");
    const { name, path, as } = this;
    return { name, path, ...(description !== undefined && { description }), ...(as !== undefined && { as }) };
  }

  /** The `output` of a node that may have one. */
  get output(): { readonly output?: FunctionRef } {
    const output = this.options.function("output");
    return output === undefined ? {} : { output: this.ref("output", output) };
  }

  ref(role: Role, value: unknown): FunctionRef {
    return this.block.construction.register(this.path, role, value);
  }

  /** Lets a function pass that a verb takes as an argument. */
  functionOf(value: unknown, what: string): AnyFunction {
    if (typeof value === "function" && !isClass(value)) return value as AnyFunction;
    throw this.fault(`${what} must be a function, not ${show(value)}`);
  }

  #checkPlace(): void {
    const { block, name, path } = this;
    const before = block.endedBy;
    if (before !== undefined) throw this.fault(`it is never reached: nothing can follow "${before}" in its block`);
    if (block.hasName(name)) {
      throw this.fault(`two steps of one block are called "${name}": give one of them another name with { name }`);
    }
    // Paths of pointers are longer than static ones: they have indexes and numbers of laps, and a compensation has `/undo`.
    const numbers = (path.split("[]").length - 1) * indexDigits + (path.split("#").length - 1) * lapDigits;
    const longest = utf8Bytes(path) + numbers + "/undo".length;
    if (longest > maxPathBytes) {
      throw this.fault(
        `its path may take ${longest} bytes, and ${maxPathBytes} are allowed: nest less, or use shorter names`,
      );
    }
  }

  #readAs(): string | undefined {
    const as = this.options.text("as");
    if (as !== undefined) checkKeptName(as, `the name "${shorten(as, 60)}" in \`as\``, this);
    return as;
  }
}

/** Throws if a scope cannot have this name for a new value. */
function checkKeptName(name: string, what: string, site: Site): void {
  checkScopeName(name, "as", site.fault);
  if (!site.block.scope.has(name)) return;
  throw site.fault(`${what} is taken: a value of that name can be read here already`);
}

/** Throws if this can be no name in a scope. */
export function checkScopeName(name: string, option: string, fault: Fault): void {
  attempt(() => checkName(name, `name in \`${option}\``), fault);
  if (name === "__proto__") throw fault(`"__proto__" cannot be used in \`${option}\``);
}

function givenName(options: unknown): string | undefined {
  if (typeof options !== "object" || options === null || !("name" in options)) return undefined;
  return typeof options.name === "string" && options.name !== "" ? options.name : undefined;
}
