import type { Flow } from "../../src/builder/flow.ts";
import type { Schedules } from "../../src/host/schedules.ts";
import { fulfilOrder, type Order, reserve } from "./order.ts";

/** Time, used wrongly. What the compiler says stands behind each mark. */

export const delays = (flow: Flow<Order>) => [
  // @ts-expect-error: Argument of type 'string' is not assignable to parameter of type
  flow.delayUntil("2030-01-01"),
  // @ts-expect-error: Type 'number' is not assignable to type 'Date'
  flow.delayUntil(({ total }) => total),
];

export const scopes = (flow: Flow<Order>) => [
  // @ts-expect-error: Argument of type '"2 dayz"' is not assignable to parameter of type
  flow.within("2 dayz", (body) => body.then(reserve)),
  // @ts-expect-error: Type 'void' is not assignable to type 'Block
  flow.within("2 days", (body) => {
    body.then(reserve);
  }),
  // @ts-expect-error: Type '"suspend"' is not assignable to type
  flow.within("2 days", (body) => body.then(reserve), { onError: "suspend" }),
  flow
    .within("2 days", (body) => body.then(reserve), { onTimeout: (late) => late, as: "stock" })
    // @ts-expect-error: 'stock' is possibly 'undefined'
    .returns((_, { stock }) => stock.reservation),
  // @ts-expect-error: Type '"leave"' is not assignable to type
  flow.schedule("1 hour", (later) => later.then(reserve), { atEnd: "leave" }),
  flow
    .schedule("1 hour", (later) => later.then(reserve, { as: "stock" }))
    // @ts-expect-error: Property 'stock' does not exist on type
    .returns((_, { stock }) => stock),
];

export const recurring = (flow: Flow<Order>) => [
  // @ts-expect-error: is not assignable to parameter of type
  flow.recur({ times: 3 }, (lap) => lap.then(reserve)),
  // @ts-expect-error: Type 'string' is not assignable to type 'Duration'
  flow.recur({ cron: "0 9 * * *", every: "1 day" }, (lap) => lap.then(reserve)),
  // @ts-expect-error: Type 'number' is not assignable to type 'boolean'
  flow.recur({ every: "1 day", until: (_, { lap }) => lap }, (lap) => lap.then(reserve)),
  // @ts-expect-error: Property 'lap' does not exist on type
  flow.recur({ every: "1 day" }, (lap) => lap.then(reserve)).returns((_, { lap }) => lap),
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
