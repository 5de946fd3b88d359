import { defineWorkflow, event, type Flow, type Notice, PermanentError, type StepContext } from "workflow-core";
import { type Case, endOf, note, noted, notesOf, noting, pause, reaches, waitsAt } from "./case.ts";

/** What the ancestor does not test (3.5 of the table): verbs, errors, requests. Nodes and stores are in `nodes.ts`. */

interface Keyed {
  readonly key: string;
}

const go = event("go");
const stop = event("stop");

const recurring = defineWorkflow({ id: "recurring", version: 1 }, (flow: Flow<object>) =>
  flow
    .recur({ every: "1 second", times: 2 }, (lap) =>
      lap.run("lap", (_, context) => note(context, `lap ${context.scope.lap}`)),
    )
    .run("tail", noting("tail")),
);

const scheduled = defineWorkflow({ id: "scheduled", version: 1 }, (flow: Flow<object>) =>
  flow.schedule(60, (later) => later.run("later", noting("later"))).run("at-once", noting("at once")),
);

const cancelled = defineWorkflow({ id: "cancelled", version: 1 }, (flow: Flow<Keyed>) =>
  flow
    .cancelWhen(stop, (body) => body.waitFor(go, { key: ({ key }) => key }).run("work", noting("work")), {
      key: ({ key }) => key,
      onCancel: (cleanup) => cleanup.run("clean", noting("clean")),
    })
    .block((body, here) =>
      body.parallel({
        waits: (branch) => branch.waitFor(go, { key: ({ key }) => key }).run("never", noting("never")),
        looks: (branch) => branch.set(() => ({ key: "" })).leave(here),
      }),
    )
    .returns(() => "went on"),
);

const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<Keyed>) =>
  flow
    .waitFor(go, { key: ({ key }) => key })
    .run("after", noting("after"))
    .returns(() => "done"),
);

const careless = defineWorkflow({ id: "careless", version: 1 }, (flow: Flow<object>) =>
  flow
    .run("one", noting("one"), { compensateWith: noting("undo one") })
    .run("two", (_, context) => {
      note(context, "two");
      throw new PermanentError("two is broken", { code: "BROKEN" });
    })
    .run("tail", noting("tail")),
);

const fails = (times: number) => (_: unknown, context: StepContext) => {
  note(context, `attempt ${context.attempt}`);
  if (context.attempt <= times) throw new Error(`attempt ${context.attempt} failed`);
  return context.attempt;
};

const retrying = defineWorkflow({ id: "retrying", version: 1 }, (flow: Flow<object>) =>
  flow
    .run("try", fails(2), { retry: { maxAttempts: 3, initial: 10 }, as: "attempts" })
    .returns((_, { attempts }) => attempts),
);

const mended = new Set<string>();

const suspending = defineWorkflow({ id: "suspending", version: 1 }, (flow: Flow<object>) =>
  flow.run("one", noting("one")).run(
    "two",
    (_, context) => {
      note(context, mended.has(context.instanceId) ? "mended" : "broken");
      if (!mended.has(context.instanceId)) throw new PermanentError("two is broken");
    },
    { onError: "suspend" },
  ),
);

const timers = defineWorkflow({ id: "timers", version: 1 }, (flow: Flow<object>) =>
  flow
    .race(
      {
        long: (branch) => branch.delay("1 day"),
        middle: (branch) => branch.delay("1 hour"),
        short: (branch) => branch.delay(30),
      },
      { as: "first" },
    )
    .returns((_, { first }) => first.winner),
);

const straight = defineWorkflow({ id: "straight", version: 1 }, (flow: Flow<Keyed>) =>
  flow
    .run("one", noting("one"))
    .run("two", noting("two"))
    .returns(({ key }) => key.length > 0),
);

const kindsOf = (notices: readonly Notice[], id: string): readonly string[] =>
  notices
    .filter((one) => "instanceId" in one && one.instanceId === id)
    .map((one) => ("path" in one ? `${one.kind} ${one.path}` : one.kind));

export const untested: readonly Case[] = [
  {
    row: "3.5.1",
    name: "Recur",
    workflows: [recurring],
    play: async ({ host }) => endOf(await host.startWorkflow(recurring, {})),
    end: { status: "Complete", result: {}, ran: ["lap 1", "lap 2", "tail"] },
  },
  {
    row: "3.5.2",
    name: "Schedule",
    workflows: [scheduled],
    play: async ({ host }) => endOf(await host.startWorkflow(scheduled, {})),
    end: { status: "Complete", result: {}, ran: ["at once", "later"] },
  },
  {
    row: "3.5.3",
    name: "CancelCondition",
    workflows: [cancelled],
    play: async (stage) => {
      const key = stage.key("cancel");
      const run = await stage.host.startWorkflow(cancelled, { key });
      await waitsAt(stage, run, "cancel-when", "cancel-when/body/go");
      await stage.host.publishEvent(stop, key);
      return endOf(run);
    },
    end: { status: "Complete", result: "went on", ran: ["clean"] },
    isRacy: true,
  },
  {
    row: "3.5.4",
    name: "Suspend, resume, terminate",
    workflows: [waiting],
    play: async (stage) => {
      const { host } = stage;
      const [key, other] = [stage.key("suspend"), stage.key("terminate")];
      const run = await host.startWorkflow(waiting, { key });
      await waitsAt(stage, run, "go");
      const asked = [await run.suspend("a pause")];
      await reaches(run, "Suspended");
      await host.publishEvent(go, key);
      await pause(30);
      const meanwhile = [await run.status(), ...notesOf(run.id)];
      asked.push(await run.resume());
      const end = await endOf(run);
      asked.push(await run.terminate("too late"));
      const second = await host.startWorkflow(waiting, { key: other });
      asked.push(await second.terminate("a duplicate"));
      return { asked, meanwhile, end, terminated: await endOf(second) };
    },
    end: {
      asked: [true, true, false, true],
      meanwhile: ["Suspended"],
      end: { status: "Complete", result: "done", ran: ["after"] },
      terminated: { status: "Terminated", reason: "a duplicate", ran: [] },
    },
    isRacy: true,
  },
  {
    row: "3.5.5",
    name: "Default error behaviour",
    workflows: [careless],
    play: async ({ host }) => endOf(await host.startWorkflow(careless, {})),
    end: { status: "Failed", failure: "BROKEN", at: "two", ran: ["one", "two", "undo one"] },
  },
  {
    row: "3.5.6",
    name: "Retry of a plain step",
    workflows: [retrying],
    play: async ({ host }) => endOf(await host.startWorkflow(retrying, {})),
    end: { status: "Complete", result: 3, ran: ["attempt 1", "attempt 2", "attempt 3"] },
  },
  {
    row: "3.5.7",
    name: "Suspend by a failure",
    workflows: [suspending],
    play: async ({ host }) => {
      const run = await host.startWorkflow(suspending, {});
      await reaches(run, "Suspended");
      mended.add(run.id);
      await run.resume();
      return endOf(run);
    },
    end: { status: "Complete", result: {}, ran: ["one", "broken", "mended"] },
  },
  {
    row: "3.5.10",
    name: "SyncWorkflowRunner",
    workflows: [straight],
    play: async ({ host, key }) => (await host.startWorkflow(straight, { key: key("await") })).result(),
    end: true,
  },
  {
    row: "3.5.12",
    name: "Scheduled commands",
    workflows: [timers],
    play: async ({ host }) => endOf(await host.startWorkflow(timers, {})),
    end: { status: "Complete", result: "short", ran: [] },
  },
  {
    row: "3.5.18",
    name: "Error rows",
    workflows: [retrying],
    play: async ({ host, records }) => {
      const run = await host.startWorkflow(retrying, {});
      await run.result();
      const { items } = await records.getErrors(run.id);
      return items.map(({ path, failure }) => [path, failure.message, failure.stack !== undefined]);
    },
    end: [
      ["try", "attempt 1 failed", true],
      ["try", "attempt 2 failed", true],
    ],
  },
  {
    row: "3.5.19",
    name: "Lifecycle events end to end",
    workflows: [],
    play: async ({ another, key }) => {
      const host = await another([straight]);
      const notices: Notice[] = [];
      host.onNotice((notice) => void notices.push(notice));
      const run = await host.startWorkflow(straight, { key: key("notices") });
      await run.result();
      while (!kindsOf(notices, run.id).includes("run-completed")) await pause(5);
      return kindsOf(notices, run.id);
    },
    end: ["run-started", "step-completed one", "step-completed two", "run-completed"],
  },
  {
    row: "3.5.25",
    name: "Duplicate delivery",
    workflows: [waiting],
    play: async ({ host, key: keyOf }) => {
      const key = keyOf("duplicate");
      const run = await host.startWorkflow(waiting, { key }, { key });
      const again = await host.startWorkflow(waiting, { key }, { key });
      await Promise.all([1, 2, 3].map(() => host.publishEvent(go, key, undefined, { idempotencyKey: "one" })));
      await noted(run, "after");
      return { isOne: run.id === again.id, ...(await endOf(run)) };
    },
    end: { isOne: true, status: "Complete", result: "done", ran: ["after"] },
  },
];
