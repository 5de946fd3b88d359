import { defineWorkflow, ExecutionResult, type Flow, PermanentError, type Run, type StepContext } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { hostOn, LocalBus, viewOf } from "../support/mortal.ts";
import { type Case, endOf, note, noted, noting, pause, reaches, type Stage, waitsAt } from "./case.ts";
import { go, type Keyed, stalled } from "./defects.ts";

/** Known defects of the ancestor's port (5.4 of the table), as cases of what must happen instead. */

const broken = defineWorkflow({ id: "broken", version: 1 }, (flow: Flow<object>) =>
  flow
    .run(
      "throws",
      (): void => {
        throw new TypeError("a mistake");
      },
      { retry: { maxAttempts: 1 } },
    )
    .run("tail", noting("tail")),
);

const ordered = defineWorkflow({ id: "ordered", version: 1 }, (flow: Flow<object>) => {
  const doing = (what: string) => ({ compensateWith: noting(`u${what}`) });
  return flow
    .saga((saga) =>
      saga
        .run("t1", noting("t1"), doing("1"))
        .run("t2", noting("t2"), doing("2"))
        .run("t3", noting("t3"), doing("3"))
        .run(
          "boom",
          (_, context) => {
            note(context, "boom");
            throw new PermanentError("boom", { code: "BOOM" });
          },
          doing("4"),
        ),
    )
    .run("tail", noting("tail"));
});

const lengths = [200, 10, 60, 110];

const sleepers = defineWorkflow({ id: "sleepers", version: 1 }, (flow: Flow<object>) =>
  flow.forEach(
    () => lengths,
    (each) => each.delay((_, { item }) => item).run("woke", () => undefined),
  ),
);

/** Whether each of the sleepers was woken early. */
async function naps({ records }: Stage, run: Run<unknown>): Promise<readonly boolean[]> {
  await run.result();
  const born = (await records.getWorkflowInstance(run.id))?.createTime.getTime() ?? Infinity;
  const woken = lengths.map((_, n) => records.getExecutionPointer(run.id, `each[${n}]/delay`));
  return (await Promise.all(woken)).map((nap, n) => (nap?.endTime?.getTime() ?? 0) < born + (lengths[n] ?? 0));
}

const early = defineWorkflow(
  { id: "early", version: 1 },
  (flow: Flow<Keyed & { readonly word?: string; readonly naps?: number }>) =>
    flow
      .run(
        "naps",
        (_, { persistenceData }: StepContext<unknown, { readonly n: number }>) => {
          const n = (persistenceData?.n ?? 0) + 1;
          return n < 3 ? ExecutionResult.sleep(5, { n }) : n;
        },
        { output: (_, naps) => ({ naps }) },
      )
      .waitFor(go, { key: ({ key }) => key, output: (_, word) => ({ word }) })
      .returns(({ word, naps }) => ({ word, naps })),
);

const beforeWait = defineWorkflow({ id: "before-wait", version: 1 }, (flow: Flow<Keyed>) =>
  flow
    .delay(40)
    .waitFor(go, { key: ({ key }) => key, as: "word" })
    .returns((_, { word }) => word),
);

let atOnce = 0;
let most = 0;
const crowded = defineWorkflow({ id: "crowded-node", version: 1 }, (flow: Flow<object>) =>
  flow.run("work", async () => {
    atOnce += 1;
    most = Math.max(most, atOnce);
    await pause(3);
    atOnce -= 1;
  }),
);

const hanging = defineWorkflow({ id: "hanging", version: 1 }, (flow: Flow<object>) =>
  flow.run("hangs", async (_, context) => {
    note(context, "begun");
    await new Promise((_, reject) => context.signal.addEventListener("abort", () => reject(new Error("told to stop"))));
  }),
);

const unspaced = defineWorkflow({ id: "unspaced", version: 1 }, (flow: Flow<object>) =>
  flow
    .run(
      "twice",
      (_, { attempt }) => {
        if (attempt === 1) throw new Error("once");
      },
      { retry: { maxAttempts: 2, jitter: false } },
    )
    .returns(() => "at last"),
);

const entry = defineWorkflow({ id: "entry", version: 1 }, (flow: Flow<object>) =>
  flow.run("first", noting("first"), { compensateWith: noting("undo first") }).run("then", noting("then")),
);

const empty = defineWorkflow({ id: "empty", version: 1 }, (flow: Flow<object>) =>
  flow
    .forEach(
      () => [] as number[],
      (each) => each.run("item", noting("item")),
      { as: "all" },
    )
    .run("tail", noting("tail"))
    .returns((_, { all }) => all),
);

export const portDefects: readonly Case[] = [
  {
    row: "5.4.1",
    name: "An exception is no success",
    workflows: [broken],
    play: async ({ host }) => endOf(await host.startWorkflow(broken, {})),
    end: { status: "Failed", failure: "a mistake", at: "throws", ran: [] },
  },
  {
    row: "5.4.2",
    name: "A saga is undone in reverse, and is no success",
    workflows: [ordered],
    play: async ({ host }) => endOf(await host.startWorkflow(ordered, {})),
    end: {
      status: "Failed",
      failure: "BOOM",
      at: "saga/boom",
      ran: ["t1", "t2", "t3", "boom", "u4", "u3", "u2", "u1"],
    },
  },
  {
    row: "5.4.3",
    name: "A sleeping branch sleeps on beside another",
    workflows: [sleepers],
    play: async (stage) => naps(stage, await stage.host.startWorkflow(sleepers, {})),
    end: [false, false, false, false],
  },
  {
    row: "5.4.4",
    name: "A delay is not rounded up to the poll",
    workflows: [],
    play: async (stage) => {
      const host = await stage.another([sleepers], { pollMs: 3_600_000 });
      return naps(stage, await host.startWorkflow(sleepers, {}));
    },
    end: [false, false, false, false],
  },
  {
    row: "5.4.5",
    name: "Outputs wait for what they are made of",
    workflows: [early],
    play: async (stage) => {
      const key = stage.key("early");
      const run = await stage.host.startWorkflow(early, { key });
      await waitsAt(stage, run, "go-on");
      const data = (await stage.records.getWorkflowInstance(run.id))?.data as { readonly naps?: number };
      await stage.host.publishEvent(go, key, "now");
      return { fields: Object.keys(data).sort(), ...(await endOf(run)) };
    },
    end: { fields: ["key", "naps"], status: "Complete", result: { word: "now", naps: 3 }, ran: [] },
  },
  {
    row: "5.4.6",
    name: "An event without a time is delivered",
    workflows: [beforeWait],
    play: async (stage) => {
      const key = stage.key("without time");
      const run = await stage.host.startWorkflow(beforeWait, { key });
      await waitsAt(stage, run, "go-on");
      await stage.host.publishEvent(go, key, "no time");
      return endOf(run);
    },
    end: { status: "Complete", result: "no time", ran: [] },
  },
  {
    row: "5.4.7",
    name: "An event before the wait is not lost",
    workflows: [beforeWait],
    play: async ({ host, key: keyOf }) => {
      const key = keyOf("before");
      const run = await host.startWorkflow(beforeWait, { key });
      await host.publishEvent(go, key, "before the wait");
      return endOf(run);
    },
    end: { status: "Complete", result: "before the wait", ran: [] },
  },
  {
    row: "5.4.8",
    name: "There is a cap on what runs at once",
    workflows: [],
    play: async ({ another }) => {
      const host = await another([crowded], { concurrency: 3 });
      [atOnce, most] = [0, 0];
      const runs = await host.startWorkflows(
        crowded,
        Array.from({ length: 20 }, () => ({ data: {} })),
      );
      for (const one of runs) if (one.status === "started") await one.run.result();
      return most <= 3;
    },
    end: true,
  },
  {
    row: "5.4.9",
    name: "A running instance can be terminated",
    workflows: [hanging],
    play: async ({ host }) => {
      const run = await host.startWorkflow(hanging, {});
      await noted(run, "begun");
      return { asked: await run.terminate("now"), ...(await endOf(run)) };
    },
    end: { asked: true, status: "Terminated", reason: "now", ran: ["begun"] },
  },
  {
    row: "5.4.10",
    name: "A retry without an interval is not at once",
    workflows: [unspaced],
    play: async ({ host, records }) => {
      const run = await host.startWorkflow(unspaced, {});
      const end = await endOf(run);
      const { createTime, completeTime } = (await records.getWorkflowInstance(run.id)) ?? {};
      return { ...end, waited: (completeTime?.getTime() ?? 0) - (createTime?.getTime() ?? 0) >= 1_000 };
    },
    end: { status: "Complete", result: "at last", ran: [], waited: true },
  },
  {
    row: "5.4.11",
    name: "Two hosts of a process share nothing but their store",
    workflows: [entry],
    play: async ({ host }) => {
      const elsewhere = await hostOn(viewOf(new MemoryPersistenceProvider().store, new LocalBus()), {
        workflows: [entry],
      });
      const run = await host.startWorkflow(entry, {});
      const there = await elsewhere.startWorkflow(entry, {});
      const unseen = await elsewhere
        .getRun(run.id)
        .status()
        .catch((error: { readonly code?: string }) => error.code);
      const ends = [await endOf(run), await endOf(there)].map(({ status }) => status);
      await elsewhere.stop();
      return { unseen, ends };
    },
    end: { unseen: "INSTANCE_NOT_FOUND", ends: ["Complete", "Complete"] },
    isRacy: true,
  },
  {
    row: "5.4.12",
    name: "A wait is stored with the state that waits",
    workflows: [stalled],
    play: async ({ host, key: keyOf }) => {
      const key = keyOf("wait");
      const runs = [1, 2, 3, 4, 5].map(async () => {
        const run = await host.startWorkflow(stalled, { key });
        await reaches(run, "Runnable");
        return run;
      });
      const started = await Promise.all(runs);
      await host.publishEvent(go, key, "to all of them");
      return Promise.all(started.map((run) => run.result()));
    },
    end: Array.from({ length: 5 }, () => "to all of them"),
  },
  {
    row: "5.4.13",
    name: "Ids are unique, and rise with time",
    workflows: [entry],
    play: async ({ host }) => {
      const ids: string[] = [];
      for (let n = 0; n < 5; n += 1) {
        const run = await host.startWorkflow(entry, {});
        ids.push(run.id);
        await run.result();
        await pause(2);
      }
      return {
        are: ids.every((id) => /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/.test(id)),
        rise: [...ids].sort().join() === ids.join(),
      };
    },
    end: { are: true, rise: true },
  },
  {
    row: "5.4.14",
    name: "Subscriptions, events and pointers are read as they were stored",
    workflows: [stalled],
    play: async (stage) => {
      const key = stage.key("stored");
      const run = await stage.host.startWorkflow(stalled, { key });
      await waitsAt(stage, run, "go-on");
      const subscribed = await stage.records.getSubscriptionsForEvent("go-on", key);
      await stage.host.publishEvent(go, key, "seen");
      const { result } = await endOf(run);
      const events = await stage.records.getEvents({ eventName: "go-on", eventKey: key });
      const pointers = await stage.records.getExecutionPointersByInstance(run.id);
      return {
        result,
        subscribed: subscribed.map(({ workflowId, path }) => [workflowId === run.id, path]),
        events: events.items.map(({ eventData }) => eventData),
        pointers: pointers.items.map(({ path, status, outcome }) => [path, status, outcome]),
      };
    },
    end: {
      result: "seen",
      subscribed: [[true, "go-on"]],
      events: ["seen"],
      pointers: [["go-on", "Complete", "seen"]],
    },
  },
  {
    row: "5.4.15",
    name: "A first step with a compensation runs itself",
    workflows: [entry],
    play: async ({ host }) => endOf(await host.startWorkflow(entry, {})),
    end: { status: "Complete", result: {}, ran: ["first", "then"] },
  },
  {
    row: "5.4.16",
    name: "An empty list is passed through",
    workflows: [empty],
    play: async ({ host }) => endOf(await host.startWorkflow(empty, {})),
    end: { status: "Complete", result: [], ran: ["tail"] },
  },
];
