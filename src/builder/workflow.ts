import type { RunTimeoutBehavior } from "../models/definition.ts";
import type { Duration } from "../models/duration.ts";
import type { EventFor } from "../models/event-type.ts";
import type { AnyBlock, Block, Ended, Returned } from "./block.ts";
import type { Flow } from "./flow.ts";

/**
 * A workflow as a class; give the class to `defineWorkflow`. Leave the result of `build` to inference.
 *
 * ```ts
 * class Hello implements Workflow<{ name: string }> {
 *   readonly id = "hello";
 *   readonly version = 1;
 *   build(flow: Flow<{ name: string }>) {
 *     return flow.run("greet", ({ name }) => `Hello ${name}`);
 *   }
 * }
 * ```
 */
export interface Workflow<D, B extends AnyBlock = AnyBlock> {
  /** What the workflow is called, for ever: 1 to 512 bytes. */
  readonly id: string;
  /** A whole number from 1; instances stay on the version that they were started with. */
  readonly version: number;
  /** How long a run may take; see `defineWorkflow`. */
  readonly timeout?: Duration;
  /** What becomes of a run whose time is over. Default: `"compensate"`. */
  readonly onTimeout?: RunTimeoutBehavior;
  /** The event that starts it; see `defineWorkflow`. */
  readonly startOn?: EventFor<D>;
  /** Describes the workflow; called once, by `defineWorkflow`. */
  build(builder: Flow<D>): B;
}

/** The result of a workflow: what `returns` says, else its data; or what an early `end` says. */
export type ResultOf<B, D> =
  B extends Returned<infer L, infer E>
    ? L | E
    : B extends Ended<infer E>
      ? E
      : B extends Block<unknown, infer E>
        ? D | E
        : never;
