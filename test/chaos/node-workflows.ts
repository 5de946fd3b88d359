import { setTimeout as sleep } from "node:timers/promises";
import {
  defineWorkflow,
  event,
  type Flow,
  step,
  type StepContext,
  type TransactionContext,
  transactionalStep,
} from "../../src/index.ts";

/** What the processes of these tests run, and their parent too. */

const recorded = async (_: unknown, { tx, instanceId, path }: TransactionContext): Promise<string> => {
  await tx.query("insert into ledger (run, step) values ($1, $2)", [instanceId, path]);
  return path;
};

/** Two plain steps around a transactional one, with pauses between them as real work has. */
export const paid = defineWorkflow({ id: "paid", version: 1 }, (flow: Flow<{ readonly n: number }>) =>
  flow
    .run("reserve", () => sleep(5))
    .then(transactionalStep("charge", recorded))
    .run("ship", ({ n }) => sleep(n % 50))
    .run("thank", () => "thanks")
    .returns(({ n }) => n),
);

/** Many short steps, with no end in the time of a test unless it is told so. */
export const busy = defineWorkflow({ id: "busy", version: 1 }, (flow: Flow<{ readonly laps: readonly number[] }>) =>
  flow
    .forEach(
      ({ laps }) => laps,
      (each) => each.run("lap", () => sleep(10)),
      { concurrency: 1 },
    )
    .returns(() => "done"),
);

export const later = defineWorkflow({ id: "later", version: 1 }, (flow: Flow<{ readonly ms: number }>) =>
  flow.delay(({ ms }) => ms).returns(() => "woke"),
);

export const bell = event<number>("bell");
export const listening = defineWorkflow({ id: "listening", version: 1 }, (flow: Flow<{ readonly key: string }>) =>
  flow.waitFor(bell, { key: ({ key }) => key, as: "rang" }).returns((_, { rang }) => rang),
);

/** Tells the parent where it is. */
const say = (what: string): void => void process.send?.({ kind: "said", what });

/** Its body is stopped in the middle by the parent, in the process that was told to be slow. */
const slowly = async (what: string): Promise<number> => {
  say(what);
  if (process.env["SLOW"] === "1") await sleep(1_500);
  say("at the end");
  return process.pid;
};

export const plainZombie = defineWorkflow({ id: "plain zombie", version: 1 }, (flow: Flow<object>) =>
  flow.run("who", () => slowly("in the body"), { as: "who" }).returns((_, { who }) => who),
);

export const paidZombie = defineWorkflow({ id: "paid zombie", version: 1 }, (flow: Flow<object>) =>
  flow
    .then(
      transactionalStep("who", async (input: unknown, context: TransactionContext) => {
        await recorded(input, context);
        return slowly("in the transaction");
      }),
      { as: "who" },
    )
    .returns((_, { who }) => who),
);

/** Who is alive can do this. */
export const signOfLife = defineWorkflow({ id: "sign of life", version: 1 }, (flow: Flow<object>) =>
  flow.run("who", () => process.pid, { as: "who" }).returns((_, { who }) => who),
);

/** Its body kills the process that runs it. */
export const poison = defineWorkflow({ id: "poison", version: 1 }, (flow: Flow<object>) =>
  flow
    .run("before", () => "fine")
    .run("drink", async () => {
      process.kill(process.pid, "SIGKILL");
      await sleep(10_000);
    }),
);

/** Its body holds up the event loop of the process that was told to be slow, for good. */
export const blocking = defineWorkflow({ id: "blocking", version: 1 }, (flow: Flow<object>) =>
  flow
    .run(
      "compute",
      async () => {
        await sleep(100); // who started it is answered before
        say("computing");
        await sleep(20);
        while (process.env["SLOW"] === "1");
        return process.pid;
      },
      { as: "who" },
    )
    .returns((_, { who }) => who),
);

export const innocent = defineWorkflow({ id: "innocent", version: 1 }, (flow: Flow<{ readonly n: number }>) =>
  flow
    .then(step("work", ({ n }: { readonly n: number }, _: StepContext) => sleep(100 + n * 20)))
    .then(transactionalStep("book", recorded))
    .returns(({ n }) => n),
);

export const all = [
  paid,
  busy,
  later,
  listening,
  plainZombie,
  paidZombie,
  signOfLife,
  poison,
  blocking,
  innocent,
] as const;
