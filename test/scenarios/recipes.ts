import { defineWorkflow, event, type Flow, PermanentError, type StepContext } from "workflow-core";
import type { PersistenceProvider, WorkflowInstanceData } from "workflow-core";
import { type Case, endOf, note, noting, pause } from "./case.ts";
import { TaskBoard } from "./task-board.ts";

/** What has no verb of its own yet, by recipe: activities of workers, tasks of people, middleware, filters on data. */

const board = new TaskBoard();

// ── an activity: offered where workers look, under the step's own key, and waited for under that key ─────────────────────

interface Work {
  readonly name: string;
  readonly amount: number;
}
interface Answer {
  readonly ok: boolean;
  readonly value?: number;
  readonly by: string;
}
const answered = event<Answer>("activity-answered");

const offer = ({ name, amount }: Work, { idempotencyKey: key }: StepContext): string =>
  board.offer({ key, name, about: amount });
/** Names its own activity. */
const offerOfRun = ({ amount }: Work, { idempotencyKey: key, instanceId }: StepContext): string =>
  board.offer({ key, name: `act-${instanceId}`, about: amount });
const valueOf = ({ ok, value }: Answer): number => {
  if (ok && value !== undefined) return value;
  throw new PermanentError("the activity failed", { code: "ACTIVITY_FAILED" });
};

const activityOf = (id: string, offering: typeof offer) =>
  defineWorkflow({ id, version: 1 }, (flow: Flow<Work>) =>
    flow
      .run("offer", offering, { as: "task" })
      .waitFor(answered, { key: (_, { task }) => task, as: "answer" })
      .run("take", (_, { scope }) => valueOf(scope.answer), { as: "value" })
      .returns((_, { value }) => ({ value })),
  );
const activity = activityOf("activity", offer);
const namedByItsRun = activityOf("activity-named-by-its-run", offerOfRun);

/** A token that expires: what is not answered in time is offered anew, under the key of the next lap; a late answer is nobody's. */
const leased = defineWorkflow({ id: "leased-activity", version: 1 }, (flow: Flow<Work>) =>
  flow
    .until(
      (lap) =>
        lap.run("offer", offer, { as: "task" }).waitFor(answered, {
          key: (_, { task }) => task,
          timeout: 150,
          onTimeout: (late) => late.run("withdraw", (_, { scope }) => board.close(scope.task)),
          as: "answer",
        }),
      (_, { last }) => last !== undefined,
      { as: "answer" },
    )
    .returns((_, { answer }) => ({ value: answer?.value })),
);

// ── a task of a person: the same, with options and somebody whose it is ──────────────────────────────────────────────────

type Choice = "yes" | "no";
interface Question {
  readonly name: string;
  readonly choice?: Choice;
}
const chosen = event<Choice>("user-chose");

const ask = ({ name }: Question, { idempotencyKey: key }: StepContext): string =>
  board.offer({ key, name, prompt: "Do you approve?", options: ["yes", "no"], principal: "Ann" });

const userTask = defineWorkflow({ id: "user-task", version: 1 }, (flow: Flow<Question>) =>
  flow
    .run("ask", ask, { as: "task" })
    .waitFor(chosen, { key: (_, { task }) => task, as: "choice" })
    .run("close", (_, { scope }) => board.close(scope.task))
    .decide((_, { choice }) => choice, {
      yes: (way) => way.run("approve", noting("approve")),
      no: (way) => way.run("deny", noting("deny")),
    })
    .returns((_, { choice }) => choice),
);

const escalated = defineWorkflow({ id: "escalated-task", version: 1 }, (flow: Flow<Question>) =>
  flow
    .run("ask", ask, { as: "task" })
    .waitFor(chosen, {
      key: (_, { task }) => task,
      timeout: 60,
      output: (_, choice) => ({ choice }),
      onTimeout: (late) =>
        late
          .run("escalate", (_, { scope }) => board.assign(scope.task, "the boss"))
          .waitFor(chosen, { name: "boss", key: (_, { task }) => task, output: (_, choice) => ({ choice }) }),
    })
    .run("close", (_, { scope }) => board.close(scope.task))
    .returns(({ choice }) => choice),
);

// ── middleware: functions around bodies, and steps around the flow ───────────────────────────────────────────────────────

type Body = (input: object, context: StepContext) => unknown;

/** Around a body: before it, behind it, and when it throws. */
const around =
  (name: string) =>
  (body: Body): Body =>
  async (input, context) => {
    note(context, `${name} before`);
    try {
      return await body(input, context);
    } catch (thrown) {
      note(context, `${name} error`);
      throw thrown;
    } finally {
      note(context, `${name} behind`);
    }
  };
const inAll = (body: Body): Body => ["inner", "middle", "outer"].reduce((inner, name) => around(name)(inner), body);

const broken: Body = (_, context) => {
  note(context, "broken");
  throw new PermanentError("broken");
};

const before = (flow: Flow<object>) =>
  flow.run("pre-1", noting("pre 1")).run("pre-2", noting("pre 2")).run("pre-3", noting("pre 3"));

const layered = defineWorkflow({ id: "layered", version: 1 }, (flow: Flow<object>) =>
  before(flow)
    .run("work", inAll(noting("body")))
    .run("fail", inAll(broken), { onError: "continue" })
    .run("post-1", noting("post 1"))
    .run("post-2", noting("post 2"))
    .run("post-3", noting("post 3")),
);
// ── filters on data: a listing by definition, page by page, and a predicate ──────────────────────────────────────────────

async function runsWhere(
  records: PersistenceProvider,
  workflowDefinitionId: string,
  holds: (data: Partial<Priced>) => boolean,
): Promise<readonly WorkflowInstanceData[]> {
  const found: WorkflowInstanceData[] = [];
  let after: string | null = null;
  do {
    const { items, next } = await records.getWorkflowInstances({ workflowDefinitionId }, { after, limit: 5 });
    found.push(...items.filter(({ data }) => holds(data as Partial<Priced>)));
    after = next;
  } while (after !== null);
  return found;
}

interface Priced {
  readonly key: string;
  readonly amount: number | string;
}
const pricedOf = (id: string) =>
  defineWorkflow({ id, version: 1 }, (flow: Flow<Priced>) => flow.run("one", noting("one")));
const [priced, labelled] = [pricedOf("priced"), pricedOf("labelled")];

export const recipes: readonly Case[] = [
  {
    row: "21",
    name: "ActivityScenario",
    workflows: [activity],
    play: async ({ host, key }) => {
      const name = key("activity");
      const run = await host.startWorkflow(activity, { name, amount: 20 });
      const { key: token, about } = await board.take(name, "A");
      await host.publishEvent(
        answered,
        token,
        { ok: true, value: Number(about) + 1, by: "A" },
        { idempotencyKey: token },
      );
      return endOf(run);
    },
    end: { status: "Complete", result: { value: 21 }, ran: [] },
  },
  {
    row: "22",
    name: "ActivityScenario2",
    workflows: [namedByItsRun],
    play: async ({ host }) => {
      const run = await host.startWorkflow(namedByItsRun, { name: "", amount: 30 });
      const { key: token, about } = await board.take(`act-${run.id}`, "A");
      await host.publishEvent(answered, token, { ok: true, value: Number(about) + 1, by: "A" });
      return endOf(run);
    },
    end: { status: "Complete", result: { value: 31 }, ran: [] },
  },
  {
    row: "35",
    name: "UserScenario",
    workflows: [userTask],
    play: async ({ host, key }) => {
      const name = key("question");
      const run = await host.startWorkflow(userTask, { name });
      const { key: task } = await board.take(name, "Ann");
      const open = board.open(name).map(({ prompt, options, principal }) => ({ prompt, options, principal }));
      await host.publishEvent(chosen, task, "yes");
      const end = await endOf(run);
      return { open, ...end, left: board.open(name).length };
    },
    end: {
      open: [{ prompt: "Do you approve?", options: ["yes", "no"], principal: "Ann" }],
      status: "Complete",
      result: "yes",
      ran: ["approve"],
      left: 0,
    },
  },
  {
    row: "36",
    name: "MiddlewareScenario",
    workflows: [layered],
    play: async ({ host }) => endOf(await host.startWorkflow(layered, {})),
    end: {
      status: "Complete",
      result: {},
      ran: [
        ...["pre 1", "pre 2", "pre 3"],
        ...["outer before", "middle before", "inner before", "body", "inner behind", "middle behind", "outer behind"],
        ...["outer before", "middle before", "inner before", "broken", "inner error", "inner behind"],
        ...["middle error", "middle behind", "outer error", "outer behind"],
        ...["post 1", "post 2", "post 3"],
      ],
    },
  },
  {
    row: "48",
    name: "Filter on custom data",
    workflows: [priced],
    play: async ({ host, records, key: keyOf }) => {
      const key = keyOf("priced");
      for (const amount of [5, 500, 50]) await (await host.startWorkflow(priced, { key, amount })).result();
      const found = await runsWhere(records, priced.id, (data) => data.key === key && Number(data.amount) > 20);
      return found.map(({ data }) => (data as Priced).amount);
    },
    end: [50, 500],
  },
  {
    row: "49",
    name: "Filter on another type",
    workflows: [priced, labelled],
    play: async ({ host, records, key: keyOf }) => {
      const key = keyOf("labelled");
      await (await host.startWorkflow(priced, { key, amount: 7 })).result();
      await (await host.startWorkflow(labelled, { key, amount: "seven" })).result();
      const found = await runsWhere(records, labelled.id, (data) => data.key === key);
      return found.map(({ data }) => (data as Priced).amount);
    },
    end: ["seven"],
  },
  {
    row: "3.5.8",
    name: "Activity failure and token release",
    workflows: [activity],
    play: async ({ host, key }) => {
      const name = key("released");
      const run = await host.startWorkflow(activity, { name, amount: 1 });
      const first = await board.take(name, "A");
      board.release(first.key);
      const second = await board.take(name, "B");
      await host.publishEvent(answered, second.key, { ok: false, by: "B" });
      return { isSame: first.key === second.key, ...(await endOf(run)) };
    },
    end: { isSame: true, status: "Failed", failure: "ACTIVITY_FAILED", at: "take", ran: [] },
  },
  {
    row: "3.5.9",
    name: "User-task escalation",
    workflows: [escalated],
    play: async ({ host, key }) => {
      const name = key("escalated");
      const run = await host.startWorkflow(escalated, { name });
      while (board.open(name)[0]?.principal !== "the boss") await pause(5);
      const [task] = board.open(name);
      await host.publishEvent(chosen, task?.key ?? "", "no");
      return { ...(await endOf(run)), left: board.open(name).length };
    },
    end: { status: "Complete", result: "no", ran: [], left: 0 },
  },
  {
    row: "3.5.17",
    name: "Subscription tokens",
    workflows: [leased],
    play: async ({ host, key }) => {
      const name = key("leased");
      const run = await host.startWorkflow(leased, { name, amount: 1 });
      const lost = await board.take(name, "A"); // and never heard of again, until it is too late
      while ((await run.status()) === "Runnable") {
        const token = board.taken(name, "B");
        if (token !== undefined) {
          await host.publishEvent(answered, lost.key, { ok: true, value: 1, by: "A" });
          await host.publishEvent(answered, token.key, { ok: true, value: 2, by: "B" });
        }
        await pause(5);
      }
      return endOf(run);
    },
    end: { status: "Complete", result: { value: 2 }, ran: [] },
    isRacy: true,
  },
];
