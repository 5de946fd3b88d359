import { defineWorkflow, event, type Flow, PermanentError, type Run, type StepContext } from "workflow-core";
import { type Case, endOf, note, noted, noting, pause, reaches, type Stage } from "./case.ts";

/** Section 6 of the table, which the ancestor has nothing of: compensation that is asked for from outside, and compensation that fails. */

interface Keyed {
  readonly key: string;
}

const never = event("never");
const byKey = { key: ({ key }: Keyed) => key };

const undo = (what: string) => ({
  compensateWith: ({ outcome }: { readonly outcome: string }, context: StepContext) =>
    note(context, `undo ${what} ${outcome}`),
});

const booked = defineWorkflow({ id: "booked-and-undone", version: 1 }, (flow: Flow<Keyed>) =>
  flow
    .run("first", noting("first"), undo("first"))
    .saga((saga) => saga.run("inner", noting("inner"), undo("inner")))
    .parallel({
      items: (branch) =>
        branch.delay(20).forEach(
          () => [1, 2],
          (each) => each.run("item", noting("item"), undo("item")).delay("1 day"),
          { concurrency: 1 },
        ),
      waits: (branch) => branch.saga((saga) => saga.run("open", noting("open"), undo("open")).waitFor(never, byKey)),
    }),
);

const hanging = defineWorkflow({ id: "hanging-and-undone", version: 1 }, (flow: Flow<Keyed>) =>
  flow.run("first", noting("first"), undo("first")).run(
    "hangs",
    (_, context) => {
      note(context, "begun");
      return new Promise<never>((_resolve, reject) => {
        context.signal.addEventListener("abort", () => reject(new Error("stopped")));
      });
    },
    undo("hangs"),
  ),
);

const stuck = defineWorkflow({ id: "stuck-and-undone", version: 1 }, (flow: Flow<Keyed>) =>
  flow
    .run("first", noting("first"), undo("first"))
    .run(
      "stuck",
      (_, context): void => {
        note(context, "stuck");
        throw new PermanentError("no");
      },
      { ...undo("stuck"), onError: "suspend" },
    )
    .run("behind", noting("behind")),
);

/** Waits until these are among the steps of a run that wait or sleep. */
async function restsAt({ records }: Stage, run: Run<unknown>, paths: readonly string[]): Promise<void> {
  for (;;) {
    const active = await records.getActiveExecutionPointers(run.id);
    const resting = active.filter(({ status }) => status === "Waiting" || status === "Sleeping");
    if (paths.every((path) => resting.some((pointer) => pointer.path === path))) return;
    await pause(5);
  }
}

const broken = (what: string, code: string) => (): never => {
  throw new PermanentError(what, { code });
};

const half = defineWorkflow({ id: "half-undone", version: 1 }, (flow: Flow<Keyed>) =>
  flow.run("first", noting("first"), undo("first")).saga(
    (saga) =>
      saga
        .run("pay", noting("pay"), { compensateWith: broken("closed", "CLOSED"), onCompensationError: "continue" })
        .run("second", noting("second"), undo("second"))
        .run("fails", broken("sold out", "SOLD_OUT")),
    { afterCompensation: "continue" },
  ),
);

const reason = "compensated: a mistake";

export const undoing: readonly Case[] = [
  {
    row: "6.1",
    name: "A run that waits and sleeps is undone on request",
    workflows: [booked],
    play: async (stage) => {
      const run = await stage.host.startWorkflow(booked, { key: stage.key("booked") });
      await restsAt(stage, run, ["parallel/items/each[0]/delay", "parallel/waits/saga/never"]);
      await run.compensate("a mistake");
      return endOf(run);
    },
    end: {
      status: "Terminated",
      reason,
      ran: [
        ...["first", "inner", "open", "item"],
        ...["item", "open", "inner", "first"].map((what) => `undo ${what} completed`),
      ],
    },
  },
  {
    row: "6.2",
    name: "A step that runs is stopped, and undone as in doubt",
    workflows: [hanging],
    play: async (stage) => {
      const run = await stage.host.startWorkflow(hanging, { key: stage.key("hanging") });
      await noted(run, "begun");
      await run.compensate("a mistake");
      return endOf(run);
    },
    end: { status: "Terminated", reason, ran: ["first", "begun", "undo hangs unknown", "undo first completed"] },
  },
  {
    row: "6.3",
    name: "A run that rests is undone on request",
    workflows: [stuck],
    play: async (stage) => {
      const run = await stage.host.startWorkflow(stuck, { key: stage.key("stuck") });
      await reaches(run, "Suspended");
      await run.compensate("a mistake");
      return endOf(run);
    },
    end: { status: "Terminated", reason, ran: ["first", "stuck", "undo stuck unknown", "undo first completed"] },
  },
  {
    row: "6.4",
    name: "A compensation that cannot be done is left out",
    workflows: [half],
    play: async (stage) => endOf(await stage.host.startWorkflow(half, { key: stage.key("half") })),
    end: {
      status: "Failed",
      failure: "COMPENSATION_FAILED",
      at: "saga/pay",
      ran: ["first", "pay", "second", "undo second completed", "undo first completed"],
    },
  },
];
