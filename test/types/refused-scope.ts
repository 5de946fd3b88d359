import type { Flow } from "../../src/builder/flow.ts";
import { shipAll } from "./inference.ts";
import { type Order, pack, paymentConfirmed, reserve, Ship } from "./order.ts";

/** Data and kept names, used wrongly. What the compiler says stands behind each mark, and `refused.test.ts` compares it. */

export const patches = (flow: Flow<Order>) => [
  // @ts-expect-error: Type 'string' is not assignable to type 'number'
  flow.set(() => ({ total: "12" })),
  // @ts-expect-error: Type '{ payd: number; }' has no properties in common with type 'Partial<Order>
  flow.set(() => ({ payd: 12 })),
  // @ts-expect-error: Type 'number' is not assignable to type 'NotAFieldOfTheData<"payd">'
  flow.set(() => ({ paid: 12, payd: 12 })),
  // @ts-expect-error: Type 'Promise<{ paid: number; }>' has no properties in common with type 'Partial<Order>
  flow.set(async () => ({ paid: 12 })),
  // @ts-expect-error: Type 'string' is not assignable to type 'number'
  flow.then(reserve, { output: (_, stock) => ({ paid: stock.reservation }) }),
  // @ts-expect-error: Type 'string' is not assignable to type 'NotAFieldOfTheData<"note">'
  flow.then(reserve, { output: (_, stock) => ({ paid: 1, note: stock.reservation }) }),
  // @ts-expect-error: Property 'receipt' does not exist on type '{ reservation: string; }'
  flow.then(reserve, { output: (_, stock) => ({ email: stock.receipt }) }),
  flow.set((order) => {
    // @ts-expect-error: Cannot assign to 'total' because it is a read-only property
    order.total = 12;
    return { total: 12 };
  }),
];

export const names = (flow: Flow<Order>) => [
  // @ts-expect-error: Property 'stock' does not exist on type 'Nothing'
  flow.then(reserve, { as: "stock", output: (_, __, { stock }) => ({ email: stock }) }),
  // @ts-expect-error: Property 'stock' does not exist on type 'Nothing'
  flow.saga((saga) => saga.then(reserve, { as: "stock" })).returns((_, { stock }) => stock),
  // @ts-expect-error: Type '"stock"' is not assignable to type '"\"stock\" is already kept in this scope"'
  flow.then(reserve, { as: "stock" }).then(reserve, { name: "again", as: "stock" }),
  // @ts-expect-error: Type '"stock"' is not assignable to type '"\"stock\" is already kept in this scope"'
  flow.then(reserve, { as: "stock" }).saga((saga) => saga.then(reserve, { as: "stock" })),
  // @ts-expect-error: Property 'item' does not exist on type 'Nothing'
  flow.run("look", (_, { scope }) => scope.item),
  flow.forEach(
    (o) => o.items,
    // @ts-expect-error: Property 'reservation' does not exist on type
    (each) => each.then(Ship, { input: (o, k) => ({ ...o, ...k, reservation: k.reservation }) }),
  ),
  // @ts-expect-error: Type 'Flow<Order, Nothing, Order, undefined, never>' is not assignable to type 'Flow<Order, { reservation: string; }, Order, undefined, never>'
  flow.saga(shipAll),
  // @ts-expect-error: Property 'b' does not exist on type
  flow.parallel({ a: (a) => a.run("x", () => 1) }, { as: "both" }).returns((_, { both }) => both.b),
];

export const missing = (flow: Flow<Order>) => [
  flow
    .waitFor(paymentConfirmed, { key: (o) => o.id, timeout: 5, onTimeout: (late) => late, as: "p" })
    // @ts-expect-error: 'p' is possibly 'undefined'
    .returns((_, { p }) => p.amount),
  flow
    .saga((saga) => saga.then(reserve), { as: "s", afterCompensation: "continue" })
    // @ts-expect-error: 's' is possibly 'undefined'
    .returns((_, { s }) => s.reservation),
  flow
    .if(
      (order) => order.total > 0,
      (yes) => yes.then(reserve),
      undefined,
      { as: "r" },
    )
    // @ts-expect-error: 'r' is possibly 'undefined'
    .returns((_, { r }) => r.reservation),
];

export const shadows = (flow: Flow<Order>) =>
  flow.forEach(
    (order) => order.items,
    (each) => {
      // @ts-expect-error: Type '"item"' is not assignable to type '"\"item\" is already kept in this scope"'
      each.then(pack, { as: "item" });
      // @ts-expect-error: Type '"index"' is not assignable to type '"\"index\" is already kept in this scope"'
      return each.then(pack, { as: "index" });
    },
  );
