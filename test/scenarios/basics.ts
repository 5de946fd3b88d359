import { defineWorkflow, type Flow, step, StepBody, type StepContext } from "workflow-core";
import { type Case, endOf, note, noting } from "./case.ts";

/** Rows 1 to 13 of the ancestor's scenarios: data, choices, loops. */

class First extends StepBody {
  static readonly stepName = "first";
  run(context: StepContext): void {
    note(context, "class");
  }
}

const basic = defineWorkflow({ id: "basic", version: 1 }, (flow: Flow<object>) =>
  flow.startWith(First).run("second", noting("inline")),
);

interface Sum {
  readonly a: number;
  readonly b: number;
  readonly sum?: number;
  readonly exact: bigint;
  readonly double: number;
}

const add = step("add", ({ a, b }: { readonly a: number; readonly b: number }) => a + b);

const dataIo = defineWorkflow({ id: "data-io", version: 1 }, (flow: Flow<Sum>) =>
  flow.then(add, { input: ({ a, b }) => ({ a, b }), output: (_, sum) => ({ sum }) }),
);
const exact = { exact: 1234567890123456789012345678n, double: 0.1 + 0.2 };

interface Bag {
  readonly values: Readonly<Record<string, number>>;
}

const dynamicIo = defineWorkflow({ id: "dynamic-io", version: 1 }, (flow: Flow<Bag>) =>
  flow.then(add, {
    input: ({ values }) => ({ a: values["Value1"] ?? 0, b: values["Value2"] ?? 0 }),
    output: ({ values }, sum) => ({ values: { ...values, Value3: sum } }),
  }),
);

interface N {
  readonly n: number;
}

const ifs = defineWorkflow({ id: "ifs", version: 1 }, (flow: Flow<N>) =>
  flow
    .if(
      ({ n }) => n < 3,
      (yes) => yes.run("one", noting("below 3")).run("more", noting("more")),
    )
    .if(
      ({ n }) => n === 5,
      (yes) => yes.run("two", noting("is 5")),
    )
    .if(
      ({ n }) => n === 2,
      (yes) => yes.run("three", noting("is 2")),
    )
    .run("tail", noting("tail")),
);

const whiles = defineWorkflow({ id: "whiles", version: 1 }, (flow: Flow<N>) =>
  flow
    .while(
      ({ n }) => n < 3,
      (lap) =>
        lap
          .run("one", noting("one"))
          .run("two", noting("two"))
          .run("count", noting("count"), { output: ({ n }) => ({ n: n + 1 }) }),
    )
    .run("tail", noting("tail")),
);

interface Items {
  readonly items: readonly number[];
  readonly sum: number;
}

const crowd = defineWorkflow({ id: "crowd", version: 1 }, (flow: Flow<Items>) =>
  flow
    .forEach(
      ({ items }) => items,
      (each) =>
        each.run("item", (item, context) => (note(context, `item ${item}`), item), {
          output: ({ sum }, item) => ({ sum: sum + item }),
        }),
    )
    .run("tail", ({ sum }, context) => note(context, `tail ${sum}`)),
);

const emptyRow = defineWorkflow({ id: "empty-row", version: 1 }, (flow: Flow<Items>) =>
  flow
    .forEach(
      ({ items }) => items,
      (each) => each.run("item", noting("item")),
      { concurrency: 1 },
    )
    .run("tail", noting("tail")),
);

const inTurn = defineWorkflow({ id: "in-turn", version: 1 }, (flow: Flow<Items & { readonly last: number }>) =>
  flow
    .forEach(
      ({ items }) => items,
      (each) =>
        each
          .delay((_, { item }) => item * 8)
          .run("write", (item, context) => (note(context, `write ${item}`), item), { output: (_, last) => ({ last }) }),
      { concurrency: 1 },
    )
    .returns(({ last }) => last),
);

const fork = defineWorkflow({ id: "fork", version: 1 }, (flow: Flow<object>) =>
  flow.run("ask", noting("ask", true), { as: "answer" }).decide((_, { answer }) => (answer ? "yes" : "no"), {
    no: (way) => way.run("no", noting("no")),
    yes: (way) => way.run("yes", noting("yes")),
  }),
);

const whens = defineWorkflow({ id: "whens", version: 1 }, (flow: Flow<object>) =>
  flow
    .run("ask", noting("ask", 2), { as: "outcome" })
    .parallel({
      first: (branch) =>
        branch.if(
          (_, { outcome }) => outcome === 1,
          (yes) => yes.run("one", noting("one")),
        ),
      second: (branch) =>
        branch.if(
          (_, { outcome }) => outcome === 2,
          (yes) => yes.run("two", noting("two")),
        ),
      third: (branch) =>
        branch.if(
          (_, { outcome }) => outcome === 2,
          (yes) => yes.run("again", noting("two again")),
        ),
    })
    .run("tail", noting("tail")),
);

interface Sign {
  readonly sign: string;
  readonly result?: number;
}

const decision = defineWorkflow({ id: "decision", version: 1 }, (flow: Flow<Sign>) =>
  flow.decide(({ sign }) => (sign === "+" ? "add" : "subtract"), {
    add: (way) => way.run("add", noting("add", 2 + 3), { output: (_, result) => ({ result }) }),
    subtract: (way) => way.run("subtract", noting("subtract", 2 - 3), { output: (_, result) => ({ result }) }),
  }),
);

const attach = defineWorkflow({ id: "attach", version: 1 }, (flow: Flow<N>) =>
  flow
    .block((body, step1) =>
      body.run("step1", noting("step1"), { output: ({ n }) => ({ n: n + 1 }) }).if(
        ({ n }) => n < 4,
        (yes) => yes.run("inner", noting("inner")).restart(step1),
      ),
    )
    .run("tail", noting("tail")),
);

export const basics: readonly Case[] = [
  {
    row: "1",
    name: "BasicScenario",
    workflows: [basic],
    play: async ({ host }) => endOf(await host.startWorkflow(basic, {})),
    end: { status: "Complete", result: {}, ran: ["class", "inline"] },
  },
  {
    row: "2",
    name: "DataIOScenario",
    workflows: [dataIo],
    play: async ({ host }) => endOf(await host.startWorkflow(dataIo, { a: 2, b: 3, ...exact })),
    end: { status: "Complete", result: { a: 2, b: 3, sum: 5, ...exact }, ran: [] },
  },
  {
    row: "3",
    name: "DynamicDataIOScenario",
    workflows: [dynamicIo],
    play: async ({ host }) => endOf(await host.startWorkflow(dynamicIo, { values: { Value1: 2, Value2: 3 } })),
    end: { status: "Complete", result: { values: { Value1: 2, Value2: 3, Value3: 5 } }, ran: [] },
  },
  {
    row: "4",
    name: "IfScenario",
    workflows: [ifs],
    play: async ({ host }) => endOf(await host.startWorkflow(ifs, { n: 2 })),
    end: { status: "Complete", result: { n: 2 }, ran: ["below 3", "more", "is 2", "tail"] },
  },
  {
    row: "5",
    name: "WhileScenario",
    workflows: [whiles],
    play: async ({ host }) => endOf(await host.startWorkflow(whiles, { n: 0 })),
    end: {
      status: "Complete",
      result: { n: 3 },
      ran: ["one", "two", "count", "one", "two", "count", "one", "two", "count", "tail"],
    },
  },
  {
    row: "6",
    name: "ForeachScenario (a)",
    workflows: [crowd],
    play: async ({ host }) => endOf(await host.startWorkflow(crowd, { items: [2, 2, 3], sum: 0 }), { anyOrder: true }),
    end: {
      status: "Complete",
      result: { items: [2, 2, 3], sum: 7 },
      ran: ["item 2", "item 2", "item 3", "tail 7"],
    },
  },
  {
    row: "7",
    name: "ForeachScenario (b)",
    workflows: [emptyRow],
    play: async ({ host }) => endOf(await host.startWorkflow(emptyRow, { items: [], sum: 0 })),
    end: { status: "Complete", result: { items: [], sum: 0 }, ran: ["tail"] },
  },
  {
    row: "8",
    name: "ForeachSyncScenario",
    workflows: [inTurn],
    play: async ({ host }) => endOf(await host.startWorkflow(inTurn, { items: [10, 2, 3], sum: 0, last: 0 })),
    end: { status: "Complete", result: 3, ran: ["write 10", "write 2", "write 3"] },
  },
  {
    row: "9",
    name: "ForkScenario",
    workflows: [fork],
    play: async ({ host }) => endOf(await host.startWorkflow(fork, {})),
    end: { status: "Complete", result: {}, ran: ["ask", "yes"] },
  },
  {
    row: "10",
    name: "WhenScenario",
    workflows: [whens],
    play: async ({ host }) => {
      const { ran, ...rest } = await endOf(await host.startWorkflow(whens, {}));
      return { ...rest, ran: [...ran].sort(), last: ran.at(-1) };
    },
    end: { status: "Complete", result: {}, ran: ["ask", "tail", "two", "two again"], last: "tail" },
  },
  {
    row: "11",
    name: "DecisionScenario (+)",
    workflows: [decision],
    play: async ({ host }) => endOf(await host.startWorkflow(decision, { sign: "+" })),
    end: { status: "Complete", result: { sign: "+", result: 5 }, ran: ["add"] },
  },
  {
    row: "12",
    name: "DecisionScenario (−)",
    workflows: [decision],
    play: async ({ host }) => endOf(await host.startWorkflow(decision, { sign: "-" })),
    end: { status: "Complete", result: { sign: "-", result: -1 }, ran: ["subtract"] },
  },
  {
    row: "13",
    name: "AttachScenario",
    workflows: [attach],
    play: async ({ host }) => endOf(await host.startWorkflow(attach, { n: 0 })),
    end: {
      status: "Complete",
      result: { n: 4 },
      ran: ["step1", "inner", "step1", "inner", "step1", "inner", "step1", "tail"],
    },
  },
];
