import { setTimeout as sleep } from "node:timers/promises";
import {
  defineWorkflow,
  event,
  type Flow,
  PermanentError,
  type TransactionContext,
  transactionalStep,
} from "../../src/index.ts";

/** Flows that a process dies in the middle of: in the process that is told to be slow, each comes to a body that does not end. */

export interface Job {
  readonly id: string;
  readonly log: readonly string[];
}

const hold = async (flow: string): Promise<string> => {
  process.send?.({ kind: "said", what: flow });
  if (process.env["SLOW"] === "1") await sleep(60_000);
  return "held";
};

const noted = (line: string) => (job: Job) => ({ log: [...job.log, line] });
const fail = (): never => {
  throw new PermanentError("no more");
};

const charge = transactionalStep("charge", async (_: Job, { tx, instanceId, path }: TransactionContext) => {
  await tx.query("insert into ledger (run, step) values ($1, $2)", [instanceId, path]);
  return path;
});

const never = event("never");
export const withdrawn = event<string>("withdrawn");

const looping = defineWorkflow({ id: "loop", version: 1 }, (flow: Flow<Job>) =>
  flow.while(
    (_, { lap }) => lap <= 6,
    (lap) =>
      lap
        .then(charge)
        .set((job, { lap: n }) => ({ log: [...job.log, `lap ${n}`] }))
        .if(
          (_, { lap: n }) => n === 4,
          (middle) => middle.run("hold", () => hold("loop")),
        ),
    { keepLaps: 3 },
  ),
);

const racing = defineWorkflow({ id: "race", version: 1 }, (flow: Flow<Job>) =>
  flow
    .race(
      {
        quick: (branch) => branch.then(charge).run("hold", () => hold("race")),
        slow: (branch) => branch.waitFor(never, { key: ({ id }) => id }),
        slower: (branch) => branch.delay("7 days"),
      },
      { as: "first" },
    )
    .returns(({ log }, { first }) => ({ log, first })),
);

const joining = defineWorkflow({ id: "parallel", version: 1 }, (flow: Flow<Job>) =>
  flow
    .parallel(
      {
        done: (branch) => branch.then(charge),
        failed: (branch) => branch.run("fail", fail),
        held: (branch) => branch.run("hold", () => hold("parallel")),
        waits: (branch) => branch.waitFor(never, { key: ({ id }) => id }),
      },
      { join: { atLeast: 2 }, tolerate: { count: 1 }, as: "all" },
    )
    .returns((_, { all }) => all),
);

const attempting = defineWorkflow({ id: "attempt", version: 1 }, (flow: Flow<Job>) =>
  flow
    .attempt(
      (body) => body.then(charge).run("fail", fail),
      {
        permanent: (handler) =>
          handler.run("hold", () => hold("attempt")).returns((_, { failure }) => `handled: ${failure.message}`),
      },
      { as: "said" },
    )
    .returns((_, { said }) => said),
);

const cancelling = defineWorkflow({ id: "cancelWhen", version: 1 }, (flow: Flow<Job>) =>
  flow
    .cancelWhen(withdrawn, (body) => body.then(charge).delay("7 days"), {
      key: ({ id }) => id,
      onCancel: (cleanup) =>
        cleanup.run("hold", () => hold("cancelWhen")).returns((_, { cancelledBy }) => `withdrawn by ${cancelledBy}`),
      as: "end",
    })
    .returns((_, { end }) => end),
);

const undo = (what: string) => ({ compensateWith: () => `undone ${what}` });

const nesting = defineWorkflow({ id: "saga", version: 1 }, (flow: Flow<Job>) =>
  flow
    .saga(
      (outer) =>
        outer
          .run("first", () => 1, undo("first"))
          .saga((inner) =>
            inner.run("second", () => 2, { compensateWith: () => hold("saga") }).run("third", () => 3, undo("third")),
          )
          .run("fourth", () => 4, undo("fourth"))
          .run("fail", fail),
      { afterCompensation: "continue" },
    )
    .then(charge)
    .set(noted("went on")),
);

const items = ["a", "b", "c", "d"];
const iterating = defineWorkflow({ id: "forEach", version: 1 }, (flow: Flow<Job>) =>
  flow
    .forEach(
      () => items,
      (each) =>
        each.run("book", async (item) => `booked ${item}`, {
          compensateWith: ({ input }) => (input === "b" ? hold("forEach") : `undone ${input}`),
        }),
      { concurrency: 1 },
    )
    .run("fail", fail),
);

const timing = defineWorkflow({ id: "wait", version: 1 }, (flow: Flow<Job>) =>
  flow
    .parallel({
      waits: (branch) =>
        branch.waitFor(never, {
          key: ({ id }) => id,
          timeout: "1 second",
          onTimeout: (late) => late.set(noted("too late")),
        }),
      held: (branch) => branch.run("hold", () => hold("wait")),
    })
    .then(charge),
);

const delaying = defineWorkflow({ id: "delay", version: 1 }, (flow: Flow<Job>) =>
  flow
    .parallel({
      sleeps: (branch) => branch.delay("1 second").set(noted("woke")),
      held: (branch) => branch.run("hold", () => hold("delay")),
    })
    .then(charge),
);

const deciding = defineWorkflow({ id: "decide", version: 1 }, (flow: Flow<Job>) =>
  flow
    .decide(
      ({ id }) => (id === "" ? "nobody" : "somebody"),
      {
        nobody: (way) => way.end(() => "nobody"),
        somebody: (way) => way.then(charge).run("hold", () => hold("decide")),
      },
      { as: "way" },
    )
    .returns((_, { way }) => way),
);

export const flows = [
  looping,
  racing,
  joining,
  attempting,
  cancelling,
  nesting,
  iterating,
  timing,
  delaying,
  deciding,
] as const;
