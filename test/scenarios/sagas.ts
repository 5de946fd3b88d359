import { defineWorkflow, event, type Flow, PermanentError, type StepContext } from "workflow-core";
import { type Case, endOf, note, noting, waitsAt } from "./case.ts";

/** Rows 23 to 34 of the ancestor's scenarios: compensation. What a compensation does is noted as its step was, with "undo" before. */

interface Trouble {
  readonly fails: boolean;
}

/** A body that notes what it does, and then fails for good. */
const failing =
  (what: string, code = "BROKEN") =>
  (_: unknown, context: StepContext): void => {
    note(context, what);
    throw new PermanentError(`${what} is broken`, { code });
  };

const failingIf =
  (what: string) =>
  ({ fails }: Trouble, context: StepContext): void => {
    note(context, what);
    if (fails) throw new PermanentError(`${what} is broken`, { code: "BROKEN" });
  };

const undo = (...whats: readonly string[]) => ({
  compensateWith: (_: unknown, context: StepContext) => {
    for (const what of whats) note(context, `undo ${what}`);
  },
});

const alone = defineWorkflow({ id: "alone", version: 1 }, (flow: Flow<Trouble>) =>
  flow.run("step", failingIf("step"), undo("step")).run("tail", noting("tail")),
);

const aloneWithTwo = defineWorkflow({ id: "alone-with-two", version: 1 }, (flow: Flow<Trouble>) =>
  flow
    .saga((saga) => saga.run("step", failingIf("step"), undo("first", "second")), { afterCompensation: "continue" })
    .run("tail", noting("tail")),
);

const saga = defineWorkflow({ id: "saga", version: 1 }, (flow: Flow<Trouble>) =>
  flow
    .run("before", noting("before"), undo("before"))
    .saga(
      (body) =>
        body
          .run("begin", noting("begin"), undo("saga")) // undone last: what is to be undone of the saga itself
          .run("one", noting("one"), undo("one"))
          .run("two", failingIf("two"), undo("two"))
          .run("three", noting("three"), undo("three")),
      { afterCompensation: "continue" },
    )
    .run("tail", noting("tail")),
);

const four = defineWorkflow({ id: "four", version: 1 }, (flow: Flow<object>) =>
  flow.saga(
    (body) =>
      body
        .run("one", noting("one"), undo("one"))
        .run("two", noting("two"), undo("two a", "two b"))
        .run("three", noting("three"), undo("three"))
        .run("four", failing("four"), undo("four a", "four b")),
    { afterCompensation: "continue" },
  ),
);

const nested = defineWorkflow({ id: "nested", version: 1 }, (flow: Flow<object>) =>
  flow.saga(
    (body) =>
      body.run("outer", noting("outer"), undo("outer 1", "outer 2")).if(
        () => true,
        (yes) =>
          yes
            .run("first", noting("first"), undo("first 1", "first 2"))
            .run("previous", noting("previous"), undo("previous"))
            .run("fails", failing("fails"), undo("fails")),
      ),
    { afterCompensation: "continue" },
  ),
);

interface Laps {
  readonly lap: number;
}

/** Fails in the first two laps. */
const thirdTime = (_: unknown, context: StepContext & { readonly scope: Laps }): "done" => {
  note(context, "fails");
  if (context.scope.lap < 3) throw new PermanentError("not yet", { code: "NOT_YET" });
  return "done";
};

const retried = defineWorkflow({ id: "retried", version: 1 }, (flow: Flow<object>) =>
  flow
    .run("outer", noting("outer"), undo("outer"))
    .until(
      (lap) =>
        lap
          .delay((_, { lap: n }) => (n === 1 ? 0 : 10))
          .saga(
            (body) =>
              body
                .run("one", noting("one"), undo("one"))
                .run("two", noting("two"), undo("two"))
                .run("fails", thirdTime)
                .run("successor", noting("successor", "ok")),
            { afterCompensation: "continue" },
          ),
      (_, { last }) => last === "ok",
    )
    .run("tail", noting("tail")),
);

const retriedInIf = defineWorkflow({ id: "retried-in-if", version: 1 }, (flow: Flow<object>) =>
  flow
    .run("outer", noting("outer"), undo("outer"))
    .if(
      () => true,
      (yes) =>
        yes.until(
          (lap) =>
            lap.saga(
              (body) =>
                body
                  .run("one", noting("one"), undo("one"))
                  .if(
                    () => true,
                    (inner) => inner.run("two", noting("two"), undo("two")).run("fails", thirdTime),
                  )
                  .run("successor", noting("successor", "ok")),
              { afterCompensation: "continue" },
            ),
          (_, { last }) => last === "ok",
        ),
    )
    .run("tail", noting("tail")),
);

const answered = event<"yes" | "no">("answered");

const withQuestion = defineWorkflow({ id: "with-question", version: 1 }, (flow: Flow<{ readonly key: string }>) =>
  flow
    .until(
      (lap) =>
        lap.saga(
          (body) =>
            body
              .run("one", noting("one"), undo("one"))
              .waitFor(answered, { key: ({ key }, { lap: n }) => `${key} ${n}`, as: "answer" })
              .decide((_, { answer }) => answer, {
                yes: (way) => way.run("fails", thirdTime),
                no: (way) => way.run("no", noting("no")),
              })
              .run("successor", noting("successor", "ok")),
          { afterCompensation: "continue" },
        ),
      (_, { last }) => last === "ok",
    )
    .run("tail", noting("tail")),
);

const terminating = defineWorkflow({ id: "terminating", version: 1 }, (flow: Flow<object>) =>
  flow.saga((body) =>
    body
      .run("one", noting("one"), undo("one"))
      .if(
        () => true,
        (yes) => yes.run("fails", failing("fails"), { onError: "terminate" }).run("later", noting("later")),
      )
      .run("last", noting("last")),
  ),
);

const crowd = defineWorkflow({ id: "crowd-undone", version: 1 }, (flow: Flow<object>) =>
  flow
    .forEach(
      () => [1],
      (each) =>
        each.run("before", noting("before")).decide((_, { item }) => (item === 1 ? "throws" : "well"), {
          throws: (way) => way.run("throws", failing("throws"), undo("throws")),
          well: (way) => way.run("well", noting("well")),
        }),
    )
    .run("tail", noting("tail")),
);

const round = ["one", "two", "fails", "undo two", "undo one"];
const threeRounds = ["outer", ...round, ...round, "one", "two", "fails", "successor", "tail"];

export const sagas: readonly Case[] = [
  {
    row: "23",
    name: "CompensationScenario (no error)",
    workflows: [alone],
    play: async ({ host }) => endOf(await host.startWorkflow(alone, { fails: false })),
    end: { status: "Complete", result: { fails: false }, ran: ["step", "tail"] },
  },
  {
    row: "24",
    name: "CompensationScenario (error)",
    workflows: [alone],
    play: async ({ host }) => endOf(await host.startWorkflow(alone, { fails: true })),
    end: { status: "Failed", failure: "BROKEN", at: "step", ran: ["step", "undo step"] },
  },
  {
    row: "25",
    name: "CompensationScenario2 (both)",
    workflows: [aloneWithTwo],
    play: async ({ host }) => [
      await endOf(await host.startWorkflow(aloneWithTwo, { fails: false })),
      await endOf(await host.startWorkflow(aloneWithTwo, { fails: true })),
    ],
    end: [
      { status: "Complete", result: { fails: false }, ran: ["step", "tail"] },
      { status: "Complete", result: { fails: true }, ran: ["step", "undo first", "undo second", "tail"] },
    ],
  },
  {
    row: "26",
    name: "SagaScenario (no error)",
    workflows: [saga],
    play: async ({ host }) => endOf(await host.startWorkflow(saga, { fails: false })),
    end: { status: "Complete", result: { fails: false }, ran: ["before", "begin", "one", "two", "three", "tail"] },
  },
  {
    row: "27",
    name: "SagaScenario (error in 2nd of 3)",
    workflows: [saga],
    play: async ({ host }) => endOf(await host.startWorkflow(saga, { fails: true })),
    end: {
      status: "Complete",
      result: { fails: true },
      ran: ["before", "begin", "one", "two", "undo two", "undo one", "undo saga", "tail"],
    },
  },
  {
    row: "28",
    name: "MultistepCompensationScenario",
    workflows: [four],
    play: async ({ host }) => endOf(await host.startWorkflow(four, {})),
    end: {
      status: "Complete",
      result: {},
      ran: [
        ...["one", "two", "three", "four"],
        ...["undo four a", "undo four b", "undo three", "undo two a", "undo two b", "undo one"],
      ],
    },
  },
  {
    row: "29",
    name: "MultistepCompensationScenario2",
    workflows: [nested],
    play: async ({ host }) => endOf(await host.startWorkflow(nested, {})),
    end: {
      status: "Complete",
      result: {},
      ran: [
        ...["outer", "first", "previous", "fails"],
        ...["undo fails", "undo previous", "undo first 1", "undo first 2", "undo outer 1", "undo outer 2"],
      ],
    },
  },
  {
    row: "30",
    name: "RetrySagaScenario",
    workflows: [retried],
    play: async ({ host }) => endOf(await host.startWorkflow(retried, {})),
    end: { status: "Complete", result: {}, ran: threeRounds },
  },
  {
    row: "31",
    name: "NestedRetrySagaScenario",
    workflows: [retriedInIf],
    play: async ({ host }) => endOf(await host.startWorkflow(retriedInIf, {})),
    end: { status: "Complete", result: {}, ran: threeRounds },
  },
  {
    row: "32",
    name: "RetrySagaWithUserTaskScenario",
    workflows: [withQuestion],
    play: async (stage) => {
      const key = stage.key("question");
      const run = await stage.host.startWorkflow(withQuestion, { key });
      for (const lap of [1, 2, 3]) {
        await waitsAt(stage, run, `until#${lap}/saga/answered`);
        await stage.host.publishEvent(answered, `${key} ${lap}`, "yes");
      }
      const { status, ran } = await endOf(run);
      return { status, ran };
    },
    end: {
      status: "Complete",
      ran: ["one", "fails", "undo one", "one", "fails", "undo one", "one", "fails", "successor", "tail"],
    },
  },
  {
    row: "33",
    name: "FailingSagaScenario",
    workflows: [terminating],
    play: async ({ host }) => endOf(await host.startWorkflow(terminating, {})),
    end: { status: "Terminated", reason: "fails is broken", ran: ["one", "fails"] },
  },
  {
    row: "34",
    name: "ForeachWithCompensationScenario",
    workflows: [crowd],
    play: async ({ host }) => endOf(await host.startWorkflow(crowd, {})),
    end: {
      status: "Failed",
      failure: "BROKEN",
      at: "each[0]/decide/throws/throws",
      ran: ["before", "throws", "undo throws"],
    },
  },
];
