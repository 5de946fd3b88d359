import { defineWorkflow } from "../../src/builder/define-workflow.ts";
import type { Joined } from "../../src/builder/block.ts";
import type { Flow } from "../../src/builder/flow.ts";
import { type Equal, holds, type Result, same } from "./equal.ts";
import { type Order, pack, paymentConfirmed, reserve } from "./order.ts";

/** What is inferred of loops, decisions, races and handlers: every claim is checked by the compiler. */

export const looping = defineWorkflow({ id: "looping", version: 1 }, (flow: Flow<Order>) =>
  flow
    .while(
      ({ paid }, { lap }) => paid < 3 && lap < 10,
      (lap) =>
        lap.run("poll", (_, { scope }) => {
          same<number>()(scope.lap);
          return `${scope.lap}`;
        }),
      { as: "polled", maxLaps: 5 },
    )
    .doWhile(
      (lap) => lap.run("poll", (order) => order.total),
      (_, { lap, last }) => {
        same<number>()(lap);
        same<number | undefined>()(last);
        return lap < 3;
      },
    )
    .until(
      (lap) => lap.run("page", (_, { scope }) => ({ isLast: scope.lap > 2 })),
      (_, { last }) => last?.isLast ?? false,
      { as: "page" },
    )
    .block((round, again) =>
      round
        .if(
          ({ paid }) => paid > 1,
          (yes) => yes.restart(again),
        )
        .while(
          () => true,
          (lap) => lap.leave(again),
        ),
    )
    .run("look", (_, { scope }) => {
      same<string | undefined>()(scope.polled);
      same<{ isLast: boolean } | undefined>()(scope.page);
    }),
);

export const deciding = defineWorkflow({ id: "deciding", version: 1 }, (flow: Flow<Order>) =>
  flow
    .decide(
      ({ total }) => (total > 100 ? "large" : total > 10 ? "small" : "none"),
      {
        large: (way) => way.run("inspect", () => 1),
        small: (way) => way.run("pay", () => "paid"),
        none: (way) => way.end(() => "nothing" as const),
      },
      { as: "settled" },
    )
    .run("look", (_, { scope }) => same<number | string>()(scope.settled)),
);
holds<Equal<Result<typeof deciding>, Order | "nothing">>();

export const joining = defineWorkflow({ id: "joining", version: 1 }, (flow: Flow<Order>) =>
  flow
    .race(
      {
        paid: (branch) => branch.waitFor(paymentConfirmed, { key: ({ id }) => id }),
        late: (branch) => branch.delay("1 day"),
      },
      { as: "first", output: (_, { winner }) => ({ email: winner }) },
    )
    .parallel({ a: (a) => a.run("a", () => 1), b: (b) => b.run("b", () => "b") }, { as: "all", join: "all" })
    .parallel(
      { a: (a) => a.run("a", () => 1), b: (b) => b.run("b", () => "b") },
      { as: "some", join: { atLeast: 1 }, output: (_, { a }) => ({ paid: a.status === "done" ? a.value : 0 }) },
    )
    .forEach(
      ({ items }) => items,
      (each) => each.then(pack),
      { as: "boxes", tolerate: { share: 0.5 } },
    )
    .forEach(
      ({ items }) => items,
      (each) => each.run("maybe", ({ quantity }) => (quantity > 1 ? quantity : undefined)),
      { as: "maybe" },
    )
    .forEach(
      ({ items }) => items,
      (each) => each.run("nothing", () => {}),
      { as: "nothing" },
    )
    .forEach(
      ({ items }) => items,
      (each) => each.then(pack),
      { as: "firstBoxes", join: "first", rest: "absorb" },
    )
    .run("look", (_, { scope }) => {
      same<
        | { readonly winner: "paid"; readonly value: { amount: number } }
        | { readonly winner: "late"; readonly value: undefined }
      >()(scope.first);
      same<{ readonly a: number; readonly b: string }>()(scope.all);
      same<{ readonly a: Joined<number>; readonly b: Joined<string> }>()(scope.some);
      same<Joined<{ box: number }>[]>()(scope.boxes);
      same<(number | null)[]>()(scope.maybe);
      same<null[]>()(scope.nothing);
      same<Joined<{ box: number }>[]>()(scope.firstBoxes);
    }),
);

export const handling = defineWorkflow({ id: "handling", version: 1 }, (flow: Flow<Order>) =>
  flow
    .attempt(
      (body) => body.run("work", () => 1),
      {
        timeout: (handler) => handler.run("late", (_, { scope }) => scope.failure.message),
        permanent: (handler) => handler.end(() => "broken" as const),
        otherwise: (handler) => handler,
      },
      { as: "worked" },
    )
    .cancelWhen(paymentConfirmed, (body) => body.run("remind", () => true), { key: ({ id }) => id, as: "reminded" })
    .cancelWhen(paymentConfirmed, (body) => body.run("remind", () => true), {
      key: ({ id }) => id,
      onCancel: (cleanup) => cleanup.run("thank", (_, { scope }) => same<number>()(scope.cancelledBy.amount)),
    })
    .run("look", (_, { scope }) => {
      same<number | string | undefined>()(scope.worked);
      same<boolean | undefined>()(scope.reminded);
    }),
);
holds<Equal<Result<typeof handling>, Order | "broken">>();

export const goingOn = defineWorkflow({ id: "going-on", version: 1 }, (flow: Flow<Order>) =>
  flow
    .then(reserve, { as: "stock", onError: "continue" })
    .run("guess", () => 1, { as: "guess", onError: "continue", output: (_, guess) => ({ paid: guess }) })
    .run("sure", () => 1, {
      as: "sure",
      onError: "fail",
      retry: { maxElapsed: "1 hour", nonRetryable: ["timeout", "NO"] },
    })
    .run("look", (_, { scope }) => {
      same<{ reservation: string } | undefined>()(scope.stock);
      same<number | undefined>()(scope.guess);
      same<number>()(scope.sure);
    }),
);
