import { defineWorkflow, event, type Flow } from "workflow-core";
import { type Case, endOf, note, noted, noting, pause, waitsAt } from "./case.ts";

/** What the ancestor does not test (3.5 of the table): upkeep, nodes, versions. */

interface Keyed {
  readonly key: string;
}

const heard = event<string>("heard");

const hearing = defineWorkflow({ id: "hearing", version: 1 }, (flow: Flow<Keyed>) =>
  flow.waitFor(heard, { key: ({ key }) => key, as: "word" }).returns((_, { word }) => word),
);

const small = defineWorkflow({ id: "small", version: 1 }, (flow: Flow<object>) =>
  flow.run("one", noting("one")).run("two", noting("two")),
);

const busy = defineWorkflow({ id: "busy", version: 1 }, (flow: Flow<object>) =>
  flow.run("one", () => pause(5)).run("two", noting("two")),
);

const unknown = defineWorkflow({ id: "unknown", version: 1 }, (flow: Flow<Keyed>) =>
  flow
    .waitFor(heard, { key: ({ key }) => key })
    .run("after", noting("after"))
    .returns(() => "known again"),
);

const [first, second] = [1, 2].map((version) =>
  defineWorkflow({ id: "versions", version }, (flow: Flow<object>) =>
    flow.delay(10).run("tell", noting(`version ${version}`)),
  ),
);

const taken = defineWorkflow({ id: "taken", version: 1 }, (flow: Flow<object>) =>
  flow.run("slow", async (_, context) => {
    note(context, "begun");
    await pause(60);
    note(context, "ended");
  }),
);

export const nodes: readonly Case[] = [
  {
    row: "3.5.11",
    name: "Purger",
    workflows: [small],
    play: async ({ host, records }) => {
      const run = await host.startWorkflow(small, {});
      await run.result();
      const { completeTime } = (await records.getWorkflowInstance(run.id)) ?? {};
      const endedBefore = new Date((completeTime?.getTime() ?? 0) + 1);
      await records.purgeWorkflows({ endedBefore, workflowDefinitionId: "small" });
      const left = await records.getWorkflowInstance(run.id);
      return [left, (await records.getExecutionPointersByInstance(run.id)).items];
    },
    end: [null, []],
  },
  {
    row: "3.5.13",
    name: "Poller",
    workflows: [small],
    play: async ({ host, records }) => {
      // Nobody is told of a record: it is found.
      const { id } = await records.createWorkflowInstance({ workflowDefinitionId: "small", data: {} });
      return endOf(host.getRun(id));
    },
    end: { status: "Complete", result: {}, ran: ["one", "two"] },
  },
  {
    row: "3.5.14",
    name: "Greylist",
    workflows: [],
    play: async ({ another }) => {
      const host = await another([busy], { concurrency: 2 });
      const runs = await host.startWorkflows(
        busy,
        Array.from({ length: 20 }, () => ({ data: {} })),
      );
      const ends = runs.map(async (one) => (one.status === "started" ? (await endOf(one.run)).ran.join() : "refused"));
      return [...new Set(await Promise.all(ends))];
    },
    end: ["two"],
  },
  {
    row: "3.5.15",
    name: "Event consumer",
    workflows: [hearing],
    play: async ({ host, key: keyOf }) => {
      const key = keyOf("broadcast");
      const runs = [await host.startWorkflow(hearing, { key }), await host.startWorkflow(hearing, { key })];
      await host.publishEvent(heard, `${key}, but another`, "not for them");
      await host.publishEvent(heard, key, "for all");
      return Promise.all(runs.map((run) => endOf(run)));
    },
    end: [1, 2].map(() => ({ status: "Complete", result: "for all", ran: [] })),
  },
  {
    row: "3.5.16",
    name: "Event repository",
    workflows: [hearing],
    play: async ({ host, records, key: keyOf }) => {
      const key = keyOf("record");
      const run = await host.startWorkflow(hearing, { key });
      const { id } = await records.createEvent({ eventName: "heard", eventKey: key, eventData: "written" });
      const { items } = await records.getEvents({ eventName: "heard", eventKey: key });
      const marked = await records.markEventProcessed(id);
      return { marked, listed: items.map((item) => item.eventData), ...(await endOf(run)) };
    },
    end: { marked: true, listed: ["written"], status: "Complete", result: "written", ran: [] },
  },
  {
    row: "3.5.20",
    name: "Deregistration",
    workflows: [],
    play: async (stage) => {
      const key = stage.key("unknown");
      const host = await stage.another([unknown]);
      const run = await host.startWorkflow(unknown, { key });
      await waitsAt(stage, run, "heard");
      await host.stop();
      await stage.host.publishEvent(heard, key, "while nobody knows it");
      await pause(30);
      const meanwhile = await stage.host.getRun(run.id).status();
      const again = await stage.another([unknown]);
      return { meanwhile, ...(await endOf(again.getRun(run.id))) };
    },
    end: { meanwhile: "Runnable", status: "Complete", result: "known again", ran: ["after"] },
  },
  {
    row: "3.5.21",
    name: "Two versions side by side",
    workflows: [first, second].filter((one) => one !== undefined),
    play: async ({ host }) => {
      const runs = [first, second].map(async (one) => one && endOf(await host.startWorkflow(one, {})));
      return (await Promise.all(runs)).map((end) => end?.ran);
    },
    end: [["version 1"], ["version 2"]],
  },
  {
    row: "3.5.23",
    name: "Two nodes",
    workflows: [small],
    play: async ({ host, another }) => {
      const other = await another([small]);
      const runs = Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? host : other).startWorkflow(small, {}));
      const ends = await Promise.all(runs.map(async (run) => endOf(await run)));
      return [...new Set(ends.map(({ status, ran }) => `${status} ${ran.join()}`))];
    },
    end: ["Complete one,two"],
  },
  {
    row: "3.5.24",
    name: "Lock loss",
    workflows: [taken],
    play: async ({ host, records }) => {
      const run = await host.startWorkflow(taken, {});
      await noted(run, "begun");
      await records.updateWorkflowInstance({ id: run.id, description: "taken from its node" });
      return endOf(run);
    },
    end: { status: "Complete", result: {}, ran: ["begun", "ended"] },
  },
];
