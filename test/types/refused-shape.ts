import { z } from "zod";
import { defineWorkflow } from "../../src/builder/define-workflow.ts";
import type { Flow } from "../../src/builder/flow.ts";
import { event } from "../../src/models/event-type.ts";
import { ExecutionResult } from "../../src/models/execution-result.ts";
import { fulfilOrder, type Order, pack, paymentConfirmed, reserve } from "./order.ts";

/** Graphs of the wrong shape. What the compiler says stands behind each mark, and `refused.test.ts` compares it. */

export const plain = (flow: Flow<Order>) => [
  flow.forEach(
    // @ts-expect-error: Type 'number' is not assignable to type 'readonly unknown[]'
    (order) => order.total,
    (each) => each.run("x", () => 1),
  ),
  flow.if(
    // @ts-expect-error: Type 'number' is not assignable to type 'boolean'
    (order) => order.total,
    (yes) => yes.then(reserve),
  ),
  flow.if(
    // @ts-expect-error: Type 'Promise<boolean>' is not assignable to type 'boolean'
    async (order) => order.total > 1,
    (yes) => yes.then(reserve),
  ),
  // @ts-expect-error: Argument of type '"2 dayz"' is not assignable to parameter of type
  flow.delay("2 dayz"),
  // @ts-expect-error: Type '"soon"' is not assignable to type 'Duration | undefined'
  flow.then(reserve, { timeout: "soon" }),
  // @ts-expect-error: Type '"1 sec"' is not assignable to type 'Duration | undefined'
  flow.then(reserve, { retry: { initial: "1 sec" } }),
  // @ts-expect-error: 'attempts' does not exist in type 'RetryPolicy'
  flow.then(reserve, { retry: { attempts: 3 } }),
  // @ts-expect-error: Type '"ignore"' is not assignable to type
  flow.then(reserve, { onError: "ignore" }),
  // @ts-expect-error: 'retries' does not exist in type 'StepOptions<
  flow.then(reserve, { retries: 3 }),
  // @ts-expect-error: Property 'key' is missing in type '{ timeout: number; }'
  flow.waitFor(paymentConfirmed, { timeout: 5 }),
  // @ts-expect-error: Type 'number' is not assignable to type 'string'
  flow.waitFor(paymentConfirmed, { key: (order) => order.total }),
  // @ts-expect-error: Type '"suspend"' is not assignable to type
  flow.waitFor(paymentConfirmed, { key: (order) => order.id, onError: "suspend" }),
  // @ts-expect-error: Argument of type 'string' is not assignable to parameter of type 'EventType<
  flow.waitFor("payment-confirmed", { key: (order) => order.id }),
  // @ts-expect-error: Type '"maybe"' is not assignable to type '"fail" | "continue" | undefined'
  flow.saga((saga) => saga.then(reserve), { afterCompensation: "maybe" }),
  flow.forEach(
    (order) => order.items,
    (each) => each.run("x", () => 1),
    // @ts-expect-error: Type 'string' is not assignable to type 'number'
    { concurrency: "4" },
  ),
];

export const behind = (flow: Flow<Order>) => [
  // @ts-expect-error: Property 'then' does not exist on type 'Ended<Order>'
  flow.end().then(reserve),
  // @ts-expect-error: Property 'run' does not exist on type 'Returned<string, never>'
  flow.returns((order) => order.id).run("x", () => 1),
  // @ts-expect-error: 'input' does not exist in type 'RunOptions<
  flow.run("x", () => 1, { input: () => 1 }),
];

export const callbacks = (flow: Flow<Order>) => [
  flow.if(
    (order) => order.total > 1,
    // @ts-expect-error: Type 'void' is not assignable to type 'Block<unknown, unknown>'
    (yes) => {
      yes.then(reserve);
    },
  ),
  flow.parallel({
    // @ts-expect-error: Type 'void' is not assignable to type 'AnyBlock'
    a: (a) => {
      a.then(reserve);
    },
  }),
  flow.forEach(
    (order) => order.items,
    // @ts-expect-error: Property '[block]' is missing in type 'Promise<any>'
    async (each) => each.then(pack),
  ),
];

// @ts-expect-error: Type 'void' is not assignable to type 'AnyBlock'
export const nothing = defineWorkflow({ id: "x", version: 1 }, (flow: Flow<Order>) => {
  flow.then(reserve);
});
// @ts-expect-error: The return type of an async function must either be a valid promise or must not contain a callable 'then' member
export const later = defineWorkflow({ id: "x", version: 1 }, async (flow: Flow<Order>) => flow.then(reserve));
// @ts-expect-error: Type of 'await' operand must either be a valid promise or must not contain a callable 'then' member
export const awaiting = async (flow: Flow<Order>) => await flow.then(reserve); // eslint-disable-line @typescript-eslint/await-thenable -- what is refused
// @ts-expect-error: Property 'version' is missing
export const versionless = defineWorkflow({ id: "x" }, (flow: Flow<Order>) => flow.then(reserve));
// @ts-expect-error: 'description' does not exist in type 'WorkflowOptions<
export const more = defineWorkflow({ id: "x", version: 1, description: "x" }, (flow: Flow<Order>) =>
  flow.then(reserve),
);
export const methodless = defineWorkflow(
  // @ts-expect-error: is not assignable to parameter of type 'new () => Workflow<
  class {
    readonly id = "x";
    readonly version = 1;
  },
);
export const schema = defineWorkflow(
  { id: "x", version: 1, data: z.object({ id: z.string(), amount: z.number() }) },
  // @ts-expect-error: Property 'amout' does not exist on type 'Readonly<{ id: string; amount: number; }>'. Did you mean 'amount'?
  (flow) => flow.set((data) => ({ amount: data.amout })),
);

// @ts-expect-error: Property 'then' does not exist on type 'WorkflowDefinition<
export const then = fulfilOrder.then;
// @ts-expect-error: Constructor of class 'ExecutionResult<R>' is private
export const made = new ExecutionResult("next", 1, 0);
// @ts-expect-error: Argument of type '"1 fortnight"' is not assignable to parameter of type 'Duration'
export const slept = ExecutionResult.sleep("1 fortnight");
// @ts-expect-error: is not assignable to parameter of type 'StandardSchemaV1<
export const schemaless = event<{ amount: number }>("paid", z.object({ amount: z.string() }));
