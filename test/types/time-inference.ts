import { defineWorkflow } from "../../src/builder/define-workflow.ts";
import type { Flow } from "../../src/builder/flow.ts";
import type { WorkflowDefinition } from "../../src/models/workflow-definition.ts";
import { same } from "./equal.ts";
import { type Order, paymentConfirmed } from "./order.ts";

/** What is inferred of scopes with a time, of what runs later, and of ticks: every claim is checked by the compiler. */

const timed = defineWorkflow({ id: "timed", version: 1 }, (flow: Flow<Order>) =>
  flow
    .within("2 days", (body) => body.waitFor(paymentConfirmed, { key: ({ id }) => id }), { as: "paid" })
    .within(
      ({ total }) => total,
      (body) => body.run("ask", () => "yes" as const),
      { onTimeout: (late) => late.returns(() => "nobody" as const), as: "answer" },
    )
    .within("1 hour", (body) => body.run("ask-again", () => 1), {
      onTimeout: (late) => late.end(() => "expired" as const),
      as: "sure",
    })
    .schedule("1 hour", (later) =>
      later.run("remind", (_, { scope }) => {
        same<{ amount: number }>()(scope.paid);
      }),
    )
    .recur({ every: "1 day", until: (_, { lap }) => lap > 3 }, (lap) =>
      lap.run("poll", (_, { scope }) => {
        same<number>()(scope.lap);
      }),
    )
    .returns((_, { answer, sure }) => {
      same<"yes" | "nobody">()(answer);
      same<number>()(sure);
      return { answer };
    }),
);

/** What comes out of all ways together. */
export const result: WorkflowDefinition<Order, { readonly answer: "yes" | "nobody" } | "expired"> = timed;
