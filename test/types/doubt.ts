import { defineWorkflow } from "../../src/builder/define-workflow.ts";
import type { Flow } from "../../src/builder/flow.ts";
import { step, transactionalStep } from "../../src/builder/step.ts";
import type { DoneOf, StepContext } from "../../src/models/step.ts";
import { type Equal, holds, same } from "./equal.ts";

/** What a compensation is given, by the step that it undoes. */

interface Money {
  amount: number;
}

// ── a plain step may be in doubt: the result may be missing, and the outcome says so
export const pay = step("pay", async (input: Money) => ({ receipt: `R-${input.amount}` }), {
  compensateWith: ({ input, result }) => {
    same<Money>()(input);
    same<{ receipt: string } | undefined>()(result);
    return result?.receipt ?? `ask for ${input.amount}`;
  },
});
export const payAgain = step("pay-again", async (input: Money) => ({ receipt: `R-${input.amount}` }), {
  compensateWith: ({ outcome, result }, context) => {
    same<"completed" | "unknown">()(outcome);
    same<StepContext>()(context);
    return outcome === "completed" ? result.receipt : undefined; // narrowed, though destructured
  },
});

// ── opted out in the defaults: its compensation runs only after a known result
export const paySure = step("pay-sure", async (input: Money) => ({ receipt: `R-${input.amount}` }), {
  inDoubt: "skip",
  compensateWith: ({ outcome, result }) => {
    same<"completed">()(outcome);
    return result.receipt;
  },
});
holds<
  Equal<
    DoneOf<typeof paySure>,
    { readonly input: Money; readonly outcome: "completed"; readonly result: { receipt: string } }
  >
>();
// the same with the options in the other order
export const paySurely = step("pay-surely", async (input: Money) => ({ receipt: `R-${input.amount}` }), {
  compensateWith: ({ result }) => result.receipt,
  inDoubt: "skip",
});

// ── a transactional step is never in doubt
export const book = transactionalStep("book", async (input: Money) => ({ row: input.amount }), {
  compensateWith: ({ outcome, result }) => {
    same<"completed">()(outcome);
    return result.row;
  },
});
export const unbook = transactionalStep("unbook", async ({ input, result }: DoneOf<typeof book>, { tx }) => {
  await tx.query("delete from bookings where amount = $1 and row = $2", [input.amount, result.row]);
});
export const lookFor = step("look-for", async ({ result }: DoneOf<typeof pay>) => result?.receipt);

class Lift {
  async run({ input }: StepContext<Money>) {
    return { height: input.amount };
  }
}

// ── the same at the place of use, for steps, classes and inline functions
export const undoing = defineWorkflow({ id: "undoing", version: 1 }, (flow: Flow<Money>) =>
  flow
    .then(pay, {
      compensateWith: ({ result }) => {
        same<{ receipt: string } | undefined>()(result);
      },
    })
    .then(pay, {
      name: "pay-2",
      inDoubt: "skip",
      compensateWith: ({ result }) => {
        same<{ receipt: string }>()(result);
      },
    })
    .then(paySure, { compensateWith: ({ result }) => result.receipt })
    .then(book, { compensateWith: unbook })
    .then(book, { name: "book-2", compensateWith: ({ result }) => result.row })
    // a compensation that can bear doubt serves where there is none
    .then(paySure, { name: "pay-sure-2", compensateWith: lookFor })
    .then(Lift, {
      compensateWith: ({ result }) => {
        same<{ height: number } | undefined>()(result);
      },
    })
    .then(new Lift(), { name: "lift-2", compensateWith: ({ result }) => result.height, inDoubt: "skip" })
    .run("say", ({ amount }) => `${amount}`, {
      compensateWith: ({ input, result }) => {
        same<Money>()(input);
        same<string | undefined>()(result);
      },
    })
    .run("say-2", ({ amount }) => `${amount}`, { inDoubt: "skip", compensateWith: ({ result }) => result.length }),
);
