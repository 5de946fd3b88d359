import type { Flow } from "../../src/builder/flow.ts";
import { type Order, pack, paymentConfirmed, reserve } from "./order.ts";

/** Loops, decisions, races and handlers, used wrongly. What the compiler says stands behind each mark. */

export const loops = (flow: Flow<Order>) => [
  flow.while(
    // @ts-expect-error: Type 'number' is not assignable to type 'boolean'
    (order) => order.total,
    (lap) => lap.then(reserve),
  ),
  flow.while(
    // @ts-expect-error: Property 'last' does not exist on type
    (_, { last }) => last === undefined,
    (lap) => lap.then(reserve),
  ),
  flow.until(
    (lap) => lap.then(reserve),
    // @ts-expect-error: Property 'receipt' does not exist on type '{ reservation: string; }'
    (_, { last }) => last?.receipt === "x",
  ),
  flow.while(
    () => true,
    // @ts-expect-error: Type 'void' is not assignable to type 'Block<unknown, unknown>'
    (lap) => {
      lap.then(reserve);
    },
  ),
  // @ts-expect-error: Property 'lap' does not exist on type
  flow.run("look", (_, { scope }) => scope.lap),
  flow.doWhile(
    // @ts-expect-error: Expected 2 arguments, but got 1
    (lap) => lap.then(pack),
    () => true,
  ),
  // @ts-expect-error: Type 'string' is not assignable to type 'number'
  flow.block((round) => round.then(reserve), { maxLaps: "3" }),
  flow
    .while(
      () => true,
      (lap) => lap.then(reserve),
      { as: "stock" },
    )
    // @ts-expect-error: 'stock' is possibly 'undefined'
    .returns((_, { stock }) => stock.reservation),
];

export const jumps = (flow: Flow<Order>) => [
  // @ts-expect-error: Argument of type 'string' is not assignable to parameter of type 'Label'
  flow.block((round) => round.restart("block")),
  // @ts-expect-error: Property 'then' does not exist on type 'Ended<never>'
  flow.block((round, here) => round.leave(here).then(reserve)),
];

export const decisions = (flow: Flow<Order>) => [
  flow.decide(
    ({ total }) => (total > 100 ? "large" : "small"),
    // @ts-expect-error: Property 'small' is missing in type
    { large: (way) => way.then(reserve) },
  ),
  flow.decide(
    // @ts-expect-error: Type 'number' is not assignable to type 'string'
    ({ total }) => total,
    { large: (way) => way.then(reserve) },
  ),
  flow.decide(
    ({ total }) => (total > 100 ? "large" : "small"),
    // @ts-expect-error: Expected 2 arguments, but got 1
    { large: (way) => way.then(reserve), small: (way) => way.then(pack) },
  ),
];

const branches = {
  a: (branch: Flow<Order>) => branch.run("a", () => 1),
  b: (branch: Flow<Order>) => branch.run("b", () => "b"),
};

export const joins = (flow: Flow<Order>) => [
  // @ts-expect-error: Type '"some"' is not assignable to type 'Join | undefined'
  flow.parallel(branches, { join: "some" }),
  // @ts-expect-error: Type '"wait"' is not assignable to type '"cancel" | "absorb" | undefined'
  flow.parallel(branches, { join: "first", rest: "wait" }),
  // @ts-expect-error: Type 'number' is not assignable to type 'Tolerance | undefined'
  flow.parallel(branches, { tolerate: 2 }),
  // @ts-expect-error: Property 'value' does not exist on type
  flow.parallel(branches, { join: "first", as: "some" }).returns((_, { some }) => some.a.value),
  flow
    .forEach(
      (order) => order.items,
      (each) => each.then(pack),
      { as: "boxes", tolerate: { count: 1 } },
    )
    // @ts-expect-error: Property 'box' does not exist on type 'Joined<
    .returns((_, { boxes }) => boxes.map(({ box }) => box)),
  // @ts-expect-error: 'join' does not exist in type 'RaceOptions<
  flow.race(branches, { join: "all" }),
  flow.race(branches, { as: "first" }).if(
    // @ts-expect-error: This comparison appears to be unintentional because the types '"a" | "b"' and '"c"' have no overlap
    (_, { first }) => first.winner === "c",
    (yes) => yes,
  ),
];

export const handlers = (flow: Flow<Order>) => [
  // @ts-expect-error: Did you mean to write 'timeout'?
  flow.attempt((body) => body.then(reserve), { timout: (handler: Flow<Order>) => handler }),
  // @ts-expect-error: Property 'failure' does not exist on type
  flow.attempt((body) => body.run("look", (_, { scope }) => scope.failure), { otherwise: (handler) => handler }),
  flow.attempt((body) => body.then(reserve), {
    // @ts-expect-error: Property 'reason' does not exist on type 'Failure'
    otherwise: (handler) => handler.run("look", (_, { scope }) => scope.failure.reason),
  }),
  flow
    .attempt((body) => body.then(reserve), { otherwise: (handler) => handler }, { as: "stock" })
    // @ts-expect-error: 'stock' is possibly 'undefined'
    .returns((_, { stock }) => stock.reservation),
  // @ts-expect-error: Property 'key' is missing in type
  flow.cancelWhen(paymentConfirmed, (body) => body.then(reserve), {}),
  flow.cancelWhen(paymentConfirmed, (body) => body.then(reserve), {
    key: (order) => order.id,
    // @ts-expect-error: Property 'by' does not exist on type '{ amount: number; }'
    onCancel: (cleanup) => cleanup.run("look", (_, { scope }) => scope.cancelledBy.by),
  }),
];

export const goingOn = (flow: Flow<Order>) => [
  // @ts-expect-error: 'stock' is possibly 'undefined'
  flow.then(reserve, { as: "stock", onError: "continue" }).returns((_, { stock }) => stock.reservation),
  // @ts-expect-error: Type '"continue"' is not assignable to type
  flow.waitFor(paymentConfirmed, { key: (order) => order.id, timeout: 5, onError: "continue" }),
  // @ts-expect-error: Type 'string' is not assignable to type
  flow.then(reserve, { retry: { nonRetryable: "timeout" } }),
];
