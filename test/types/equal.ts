import type { WorkflowDefinition } from "../../src/models/workflow-definition.ts";

/** Whether two types are the same, `any`, `never` and optional fields told apart. */
export type Equal<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;

/** Compiles if its type argument is `true`; does nothing. */
export const holds = <_Claim extends true>(): void => undefined;

/** Compiles if the value is of exactly the type: `same<string>()(name)`. */
export const same =
  <Expected>() =>
  <Actual>(_value: Actual, ..._proof: Equal<Expected, Actual> extends true ? [] : [never]): void =>
    undefined;

/** What a definition yields, and what starts it. */
export type Result<W> = W extends WorkflowDefinition<never, infer R, never> ? R : never;
export type Start<W> = W extends WorkflowDefinition<never, unknown, infer S> ? S : never;

/** An object type written flat, as a reader sees it. */
export type Flat<T> = { [P in keyof T]: T[P] };
