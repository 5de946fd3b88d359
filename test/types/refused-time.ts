import type { Flow } from "../../src/builder/flow.ts";
import type { Schedules } from "../../src/host/schedules.ts";
import { fulfilOrder, type Order } from "./order.ts";

/** Time, used wrongly. What the compiler says stands behind each mark. */

export const delays = (flow: Flow<Order>) => [
  // @ts-expect-error: Argument of type 'string' is not assignable to parameter of type
  flow.delayUntil("2030-01-01"),
  // @ts-expect-error: Type 'number' is not assignable to type 'Date'
  flow.delayUntil(({ total }) => total),
];

export const schedules = (all: Schedules, order: Order) => [
  // @ts-expect-error: Type 'undefined' is not assignable to type 'string'
  all.create({ id: "x", workflow: fulfilOrder, data: { ...order, email: undefined }, every: "1 day" }),
  // @ts-expect-error: is not assignable to parameter of type
  all.create({ id: "x", workflow: fulfilOrder, data: order, every: "1 day", cron: "0 9 * * *" }),
  // @ts-expect-error: is not assignable to parameter of type
  all.create({ id: "x", workflow: fulfilOrder, data: order }),
  // @ts-expect-error: is not assignable to parameter of type
  all.create({ id: "x", workflow: fulfilOrder, data: order, every: "1 day", timeZone: "Europe/Berlin" }),
  // @ts-expect-error: Type '"sometimes"' is not assignable to type 'Overlap'
  all.create({ id: "x", workflow: fulfilOrder, data: order, every: "1 day", overlap: "sometimes" }),
  // @ts-expect-error: Type '"1 fortnight"' is not assignable to type
  all.create({ id: "x", workflow: fulfilOrder, data: order, every: "1 fortnight" }),
  // @ts-expect-error: is not assignable to parameter of type
  all.update("x", { data: order }),
  // @ts-expect-error: Type 'number' is not assignable to type
  all.update("x", { workflow: fulfilOrder, data: 5 }),
];
