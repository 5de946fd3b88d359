import { defineWorkflow } from "../../src/builder/define-workflow.ts";
import type { Flow } from "../../src/builder/flow.ts";
import { type Equal, holds, type Result, same } from "./equal.ts";
import type { Order } from "./order.ts";

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
