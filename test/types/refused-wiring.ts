import type { Flow } from "../../src/builder/flow.ts";
import { step, transactionalStep } from "../../src/builder/step.ts";
import { StepBody, type StepContext } from "../../src/models/step.ts";
import { charge, type Item, type Order, pack, release, reserve, Ship } from "./order.ts";

/** Steps that are given the wrong thing. What the compiler says stands behind each mark, and `refused.test.ts` compares it. */

export const inputs = (flow: Flow<Order>) => [
  // @ts-expect-error: Expected 2 arguments, but got 1
  flow.then(charge),
  // @ts-expect-error: Property 'input' is missing in type '{ retry: { maxAttempts: number; }; }'
  flow.then(charge, { retry: { maxAttempts: 2 } }),
  // @ts-expect-error: Property 'amount' is missing in type '{ orderId: string; }'
  flow.then(charge, { input: (order) => ({ orderId: order.id }) }),
  // @ts-expect-error: Type 'string' is not assignable to type 'number'
  flow.then(charge, { input: (order) => ({ orderId: order.id, amount: order.email }) }),
  // @ts-expect-error: Property 'totl' does not exist on type 'Readonly<Order>'. Did you mean 'total'?
  flow.then(charge, { input: (order) => ({ orderId: order.id, amount: order.totl }) }),
  // @ts-expect-error: Property 'address' is missing
  flow.then(Ship, { input: ({ items }) => ({ item: items[0] ?? { sku: "", quantity: 0 }, reservation: "" }) }),
  // @ts-expect-error: Expected 2 arguments, but got 1
  flow.then(pack),
  // @ts-expect-error: Expected 2 arguments, but got 1
  flow.then(charge).then(reserve),
];

const weigh = step("weigh", async (parcel: { weight: number }) => parcel.weight);

export const items = (flow: Flow<Order>) =>
  flow.forEach(
    (order) => order.items,
    (each) => {
      // @ts-expect-error: Expected 2 arguments, but got 1
      each.then(weigh);
      // @ts-expect-error: Property 'quantity' does not exist on type 'string'
      each.then(pack, { input: (_, { item }) => ({ sku: item.sku, quantity: item.sku.quantity }) });
      return each.then(pack);
    },
  );

class NeedsArguments extends StepBody {
  readonly #suffix: string;
  constructor(suffix: string) {
    super();
    this.#suffix = suffix;
  }
  run({ input }: StepContext<Order>) {
    return input.id + this.#suffix;
  }
}

export const bodies = (flow: Flow<Order>) => [
  // @ts-expect-error: is not assignable to parameter of type 'Body<
  flow.then(NeedsArguments),
  // @ts-expect-error: is not assignable to parameter of type 'Body<
  flow.then((order: Order) => order.id),
  // @ts-expect-error: is not assignable to parameter of type 'Body<
  flow.then("reserve"),
  // @ts-expect-error: Expected 2-3 arguments, but got 1
  flow.run((order: Order) => order.id),
  // @ts-expect-error: Property 'totl' does not exist on type 'Order'. Did you mean 'total'?
  flow.run("look", (order) => order.totl),
];

export const compensations = (flow: Flow<Order>) => [
  flow.then(charge, {
    input: (order) => ({ orderId: order.id, amount: order.total }),
    // @ts-expect-error: Type '{ orderId: string; amount: number; }' is missing the following properties from type '{ id: string; items: Item[]; }'
    compensateWith: release,
  }),
  // @ts-expect-error: 'result' is possibly 'undefined'
  flow.then(reserve, { compensateWith: ({ result }) => result.reservation }),
  // @ts-expect-error: Property 'receipt' does not exist on type '{ reservation: string; }'
  flow.then(reserve, { inDoubt: "skip", compensateWith: ({ result }) => result.receipt }),
  // @ts-expect-error: Type '"never"' is not assignable to type '"skip"'
  flow.then(reserve, { inDoubt: "never" }),
];

export const steps = [
  // @ts-expect-error: 'result' is possibly 'undefined'
  step("pay", async (input: Item) => ({ sku: input.sku }), { compensateWith: ({ result }) => result.sku }),
  // @ts-expect-error: Property 'sku' does not exist on type '{ quantity: number; }'
  transactionalStep("pay", async (i: Item) => ({ quantity: i.quantity }), { compensateWith: (d) => d.result.sku }),
  // @ts-expect-error: 'inDoubt' does not exist in type 'StepDefaults<
  transactionalStep("pay", async (input: Item) => input.sku, { inDoubt: "skip" }),
  // @ts-expect-error: Property 'tx' does not exist on type 'StepContext<
  step("pay", async (input: Item, { tx }) => tx.query(input.sku)),
];
