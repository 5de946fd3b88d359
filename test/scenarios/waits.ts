import { defineWorkflow, event, type Flow, type StepContext } from "workflow-core";
import { type Case, endOf, note, noted, notesOf, noting, pause, waitsAt } from "./case.ts";

/** Rows 14 to 20 and 37 of the ancestor's scenarios: ends, timers, events, branches side by side. */

interface Keyed {
  readonly key: string;
}

const endStep = defineWorkflow({ id: "end-step", version: 1 }, (flow: Flow<object>) =>
  flow
    .run("start", noting("start"))
    .while(
      () => true,
      (lap) => lap.run("body", noting("body")).end(() => "ended"),
    )
    .run("after", noting("after")),
);

const delayed = defineWorkflow({ id: "delayed", version: 1 }, (flow: Flow<object>) =>
  flow.run("before", noting("before")).delay(120).run("after", noting("after")),
);

const told = event<string>("told");

const twoEvents = defineWorkflow(
  { id: "two-events", version: 1 },
  (flow: Flow<Keyed & { readonly one?: string; readonly two?: string }>) =>
    flow
      .waitFor(told, { key: ({ key }) => key, output: (_, one) => ({ one }) })
      .waitFor(told, { key: ({ key }) => key, output: (_, two) => ({ two }), name: "again" })
      .returns(({ one, two }) => [one, two]),
);

const numbered = event<number>("numbered");

const inOrder = defineWorkflow(
  { id: "in-order", version: 1 },
  (flow: Flow<Keyed & { readonly got: readonly number[] }>) =>
    flow
      .while(
        ({ got }) => got.length < 5,
        (lap) => lap.waitFor(numbered, { key: ({ key }) => key, output: ({ got }, n) => ({ got: [...got, n] }) }),
      )
      .returns(({ got }) => got),
);

const [one, two, three] = [event("one"), event("two"), event<string>("three")];

const cancelledWait = defineWorkflow({ id: "cancelled-wait", version: 1 }, (flow: Flow<Keyed>) =>
  flow
    .race({
      first: (branch) => branch.waitFor(one, { key: ({ key }) => key }).run("tail-1", noting("branch 1")),
      second: (branch) => branch.waitFor(two, { key: ({ key }) => key }).run("tail-2", noting("branch 2")),
    })
    .waitFor(three, { key: ({ key }) => key, as: "data" })
    .returns((_, { data }) => data),
);

const threeBranches = defineWorkflow({ id: "three-branches", version: 1 }, (flow: Flow<Keyed>) =>
  flow
    .parallel({
      a: (branch) => branch.run("a1", noting("a1")).run("a2", noting("a2")),
      b: (branch) =>
        branch
          .run("b1", noting("b1"))
          .waitFor(one, { key: ({ key }) => key })
          .run("b2", noting("b2")),
      c: (branch) => branch.run("c1", noting("c1")).run("c2", noting("c2")),
    })
    .run("end", noting("end"))
    .returns(() => "joined"),
);

const many = event<number>("many");

const fiveWaits = defineWorkflow({ id: "five-waits", version: 1 }, (flow: Flow<Keyed>) =>
  flow
    .forEach(
      () => [1, 2, 3, 4, 5],
      (each) =>
        each
          .waitFor(many, { key: ({ key }, { item }) => `${key} ${item}`, as: "sent" })
          .run("work", async (item, context) => {
            await pause(item);
            note(context, `worked ${item}`);
            return item * 10;
          }),
      { as: "sums" },
    )
    .returns((_, { sums }) => sums),
);

/** Ends its body well, however soon it is told to stop. */
const slowly = async (_: unknown, context: StepContext): Promise<void> => {
  note(context, "begun");
  await pause(100);
  note(context, "ended");
};

const stopped = defineWorkflow({ id: "stopped", version: 1 }, (flow: Flow<object>) =>
  flow.run("slow", slowly).run("next", noting("next")),
);

export const waits: readonly Case[] = [
  {
    row: "14",
    name: "EndStepScenario",
    workflows: [endStep],
    play: async ({ host }) => endOf(await host.startWorkflow(endStep, {})),
    end: { status: "Complete", result: "ended", ran: ["start", "body"] },
  },
  {
    row: "15",
    name: "DelayScenario",
    workflows: [delayed],
    play: async ({ host }) => endOf(await host.startWorkflow(delayed, {})),
    end: { status: "Complete", result: {}, ran: ["before", "after"] },
  },
  {
    row: "16",
    name: "EventScenario",
    workflows: [twoEvents],
    play: async (stage) => {
      const key = stage.key("event");
      const run = await stage.host.startWorkflow(twoEvents, { key });
      await waitsAt(stage, run, "told");
      await stage.host.publishEvent(told, key, "first");
      await waitsAt(stage, run, "again");
      await stage.host.publishEvent(told, key, "second");
      return endOf(run);
    },
    end: { status: "Complete", result: ["first", "second"], ran: [] },
  },
  {
    row: "17",
    name: "EventOrderScenario",
    workflows: [inOrder],
    play: async ({ host, key: keyOf }) => {
      const key = keyOf("order");
      for (const n of [-1, -2, -3, -4, -5]) await host.publishEvent(numbered, key, n); // before the start: nobody's
      await pause(2); // an event of the start's own millisecond counts as after it
      const run = await host.startWorkflow(inOrder, { key, got: [] });
      for (const n of [1, 2, 3, 4, 5]) await host.publishEvent(numbered, key, n);
      return endOf(run);
    },
    end: { status: "Complete", result: [1, 2, 3, 4, 5], ran: [] },
  },
  {
    row: "18",
    name: "CancelledEventScenario",
    workflows: [cancelledWait],
    play: async (stage) => {
      const key = stage.key("cancelled");
      const run = await stage.host.startWorkflow(cancelledWait, { key });
      await stage.host.publishEvent(two, key);
      await waitsAt(stage, run, "three");
      await stage.host.publishEvent(one, key);
      await stage.host.publishEvent(three, key, "Pass");
      return endOf(run);
    },
    end: { status: "Complete", result: "Pass", ran: ["branch 2"] },
  },
  {
    row: "19",
    name: "ParallelScenario",
    workflows: [threeBranches],
    play: async (stage) => {
      const key = stage.key("parallel");
      const run = await stage.host.startWorkflow(threeBranches, { key });
      await waitsAt(stage, run, "parallel/b/one");
      const before = [...notesOf(run.id)].sort();
      await stage.host.publishEvent(one, key);
      return { before, ...(await endOf(run, { anyOrder: true })) };
    },
    end: {
      before: ["a1", "a2", "b1", "c1", "c2"],
      status: "Complete",
      result: "joined",
      ran: ["a1", "a2", "b1", "b2", "c1", "c2", "end"],
    },
  },
  {
    row: "20",
    name: "ParallelEventsScenario",
    workflows: [fiveWaits],
    play: async ({ host, key: keyOf }) => {
      const key = keyOf("events");
      const run = await host.startWorkflow(fiveWaits, { key });
      await host.publishEvents(
        many,
        [1, 2, 3, 4, 5].map((n) => ({ key: `${key} ${n}`, data: n })),
      );
      return endOf(run, { anyOrder: true });
    },
    end: {
      status: "Complete",
      result: [10, 20, 30, 40, 50],
      ran: ["worked 1", "worked 2", "worked 3", "worked 4", "worked 5"],
    },
  },
  {
    row: "37",
    name: "StopAsyncScenario",
    workflows: [stopped],
    play: async ({ host, another }) => {
      const leaving = await another([stopped]);
      const { id } = await leaving.startWorkflow(stopped, {});
      const run = host.getRun(id);
      await noted(run, "begun");
      await leaving.stop();
      return { whenStopped: notesOf(id).slice(0, 2), ...(await endOf(run)) };
    },
    end: { whenStopped: ["begun", "ended"], status: "Complete", result: {}, ran: ["begun", "ended", "next"] },
  },
];
