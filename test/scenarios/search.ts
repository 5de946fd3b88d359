import { defineWorkflow, type Flow } from "workflow-core";
import { type Case, noting, type Stage } from "./case.ts";

/** Rows 46 to 52 of the ancestor's scenarios, as far as the records answer them. */

const found = defineWorkflow({ id: "found", version: 1 }, (flow: Flow<object>) => flow.run("one", noting("one")));

/** Two runs that have ended, of which the first is to be found. */
async function two({ host }: Stage, reference: string): Promise<readonly [string, string]> {
  const runs = [
    await host.startWorkflow(found, {}, { reference, tags: { colour: reference } }),
    await host.startWorkflow(found, {}, { reference: `${reference}, but another` }),
  ] as const;
  await Promise.all(runs.map((run) => run.result()));
  return [runs[0].id, runs[1].id];
}

export const search: readonly Case[] = [
  {
    row: "46",
    name: "Search by reference",
    workflows: [found],
    play: async (stage) => {
      const reference = stage.key("search");
      const [wanted] = await two(stage, reference);
      const { items } = await stage.records.getWorkflowInstances({ reference });
      return items.map(({ id }) => id === wanted);
    },
    end: [true],
  },
  {
    row: "47",
    name: "Search by custom data tokens",
    workflows: [found],
    play: async (stage) => {
      const colour = stage.key("tagged");
      const [wanted] = await two(stage, colour);
      const { items } = await stage.records.getWorkflowInstances({ tags: { colour } });
      return items.map(({ id }) => id === wanted);
    },
    end: [true],
  },
  {
    row: "50",
    name: "Filter on reference",
    workflows: [found],
    play: async (stage) => {
      const reference = stage.key("filter");
      await two(stage, reference);
      const { items } = await stage.records.getWorkflowInstances({ reference, workflowDefinitionId: "another" });
      return items;
    },
    end: [],
  },
  {
    row: "51",
    name: "Filter on status",
    workflows: [found],
    play: async (stage) => {
      const reference = stage.key("status");
      await two(stage, reference);
      const of = async (status: "Complete" | "Failed") =>
        (await stage.records.getWorkflowInstances({ reference, status })).items.length;
      return [await of("Complete"), await of("Failed")];
    },
    end: [1, 0],
  },
  {
    row: "52",
    name: "Filter on date range",
    workflows: [found],
    play: async (stage) => {
      const reference = stage.key("date");
      const [wanted] = await two(stage, reference);
      const created = (await stage.records.getWorkflowInstance(wanted))?.createTime.getTime() ?? 0;
      const between = async (from: number, to: number) => {
        const range = { createdFrom: new Date(created + from), createdTo: new Date(created + to) };
        return (await stage.records.getWorkflowInstances({ reference, ...range })).items.length;
      };
      return [await between(-1_000, 0), await between(0, 1_000), await between(1_000, 2_000)];
    },
    end: [0, 1, 0],
  },
];
