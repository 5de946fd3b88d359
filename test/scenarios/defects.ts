import { defineWorkflow, event, type Flow } from "workflow-core";
import { type Case, endOf, note, noted, notesOf, noting, pause, waitsAt } from "./case.ts";

/** Known defects of the ancestor (2.9 of the table), as cases of what must happen instead. */

export interface Keyed {
  readonly key: string;
}

export const go = event<string>("go-on");

export const stalled = defineWorkflow({ id: "stalled", version: 1 }, (flow: Flow<Keyed>) =>
  flow
    .waitFor(go, {
      key: ({ key }) => key,
      timeout: "100 days",
      onTimeout: (late) => late.end(() => "late"),
      as: "word",
    })
    .returns((_, { word }) => word),
);

const draining = defineWorkflow({ id: "draining", version: 1 }, (flow: Flow<object>) =>
  flow.parallel({
    a: (branch) =>
      branch.run("slow", async (_, context) => {
        note(context, "begun");
        await pause(80);
        note(context, "ended");
      }),
    b: (branch) => branch.run("quick", () => 1),
  }),
);

const ending = defineWorkflow({ id: "ending", version: 1 }, (flow: Flow<Keyed>) =>
  flow.parallel({
    waits: (branch) => branch.waitFor(go, { key: ({ key }) => key }),
    sleeps: (branch) => branch.delay("1 day").run("never", noting("never")),
    ends: (branch) => branch.delay(20).end(() => "ended"),
  }),
);

const list = defineWorkflow({ id: "list", version: 1 }, (flow: Flow<{ readonly items: string[] }>) =>
  flow
    .run("meddle", ({ items }) => {
      try {
        items.push("from a body");
      } catch {
        return "refused";
      }
      return "done";
    })
    .waitFor(event("never"), { key: () => "never" }),
);

interface Numbers {
  readonly n: number;
  readonly big: bigint;
  readonly text: string;
}

const outcomes = defineWorkflow({ id: "outcomes", version: 1 }, (flow: Flow<Numbers>) =>
  flow
    .run("ask", ({ n, big, text }) => ({ n, big, text }), { as: "answer" })
    .delay(5)
    .decide((_, { answer }) => (answer.n === 2 && answer.big === 2n && answer.text === "2" ? "same" : "other"), {
      same: (way) => way.run("same", noting("same")),
      other: (way) => way.run("other", noting("other")),
    })
    .returns((_, { answer }) => answer),
);

export const defects: readonly Case[] = [
  {
    row: "2.9.1",
    name: "An event comes long before a timer",
    workflows: [stalled],
    play: async (stage) => {
      const key = stage.key("stalled");
      const run = await stage.host.startWorkflow(stalled, { key });
      await waitsAt(stage, run, "go-on");
      await stage.host.publishEvent(go, key, "in time");
      return endOf(run);
    },
    end: { status: "Complete", result: "in time", ran: [] },
  },
  {
    row: "2.9.2",
    name: "Stop waits for asynchronous work",
    workflows: [draining],
    play: async ({ host, another }) => {
      const leaving = await another([draining]);
      const { id } = await leaving.startWorkflow(draining, {});
      await noted(host.getRun(id), "begun");
      await leaving.stop();
      const whenStopped = notesOf(id);
      return { whenStopped, status: (await endOf(host.getRun(id))).status };
    },
    end: { whenStopped: ["begun", "ended"], status: "Complete" },
  },
  {
    row: "2.9.3",
    name: "An end leaves nothing behind",
    workflows: [ending],
    play: async (stage) => {
      const key = stage.key("ending");
      const run = await stage.host.startWorkflow(ending, { key });
      const end = await endOf(run);
      const active = await stage.records.getActiveExecutionPointers(run.id);
      return { ...end, active, subscribed: await stage.records.getSubscriptionsForEvent("go-on", key) };
    },
    end: { status: "Complete", result: "ended", ran: [], active: [], subscribed: [] },
  },
  {
    row: "2.9.4",
    name: "Copies, and an end that is one",
    workflows: [list],
    play: async (stage) => {
      const items = ["given"];
      const run = await stage.host.startWorkflow(list, { items });
      items.push("afterwards");
      await waitsAt(stage, run, "never");
      const { data } = (await stage.records.getWorkflowInstance(run.id)) ?? {};
      const meddled = (await stage.records.getExecutionPointer(run.id, "meddle"))?.outcome;
      await run.terminate("enough");
      const { status } = await endOf(run);
      const runnable = await stage.records.getRunnableInstances(1_000);
      return { data, meddled, status, isRunnable: runnable.some(({ id }) => id === run.id) };
    },
    end: { data: { items: ["given"] }, meddled: "refused", status: "Terminated", isRunnable: false },
    isRacy: true,
  },
  {
    row: "2.9.5",
    name: "Outcomes are what they were after a reload",
    workflows: [outcomes],
    play: async ({ host }) => endOf(await host.startWorkflow(outcomes, { n: 2, big: 2n, text: "2" })),
    end: { status: "Complete", result: { n: 2, big: 2n, text: "2" }, ran: ["same"] },
  },
];
