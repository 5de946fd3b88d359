import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createHost, defineWorkflow, event, type Flow, PermanentError, type WorkflowHost } from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { isTerminal, statusCodes, statusMoves, type WorkflowStatus } from "../../src/models/instance.ts";
import { arrowsOfPicture, PointerArrows } from "../support/pointer-arrows.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const page = fs.readFileSync(path.join(root, "docs/states.md"), "utf8");

test("the picture of a run has every arrow that the engine can go, with its cause, and no other", () => {
  const moves = Object.values(statusMoves);
  const expected = moves.flatMap(({ from, to, because }) => from.map((status) => `${status} --> ${to}: ${because}`));
  const statuses = Object.keys(statusCodes) as readonly WorkflowStatus[];
  const ends = statuses.filter(isTerminal).map((status) => `${status} --> [*]`);
  const drawn = arrowsOfPicture(page, "Of a run").map(({ arrow, because }) =>
    because === "" ? arrow : `${arrow}: ${because}`,
  );
  assert.deepEqual(drawn.toSorted(), ["[*] --> Runnable: start", ...expected, ...ends].toSorted());
});

test("the engine goes by every move that its table names", () => {
  const folder = path.join(root, "src/execution");
  const names = fs.readdirSync(folder, { recursive: true }).map(String);
  const files = names.filter((name) => name.endsWith(".ts")).map((name) => path.join(folder, name));
  const code = files.map((file) => fs.readFileSync(file, "utf8")).join("\n");
  const gone = [...code.matchAll(/(?:become\(|endRun\(draft, )"(\w+)"/g)].map((match) => match[1]);
  assert.deepEqual([...new Set(gone)].sort(), Object.keys(statusMoves).sort());
});

interface Job {
  readonly id: string;
}

const [go, never] = [event("go"), event("never")];
const byId = { key: ({ id }: Job) => id };
const fail = (): never => {
  throw new PermanentError("no");
};
const undone = { compensateWith: () => undefined };
const hanging = new Set<string>();
const hang = (_: unknown, { signal, instanceId }: { readonly signal: AbortSignal; readonly instanceId: string }) =>
  new Promise<never>((_resolve, reject) => {
    hanging.add(instanceId);
    signal.addEventListener("abort", () => reject(new Error("stopped")));
  });
const failOnce = (_: unknown, { attempt }: { readonly attempt: number }): void => {
  if (attempt === 1) throw new Error("again");
};
const soon = { retry: { maxAttempts: 2, initial: 1 } };
const late = { retry: { maxAttempts: 2, initial: "1 hour" } } as const;

const plain = defineWorkflow({ id: "plain", version: 1 }, (flow: Flow<Job>) =>
  flow
    .delay(1)
    .run("twice", failOnce, soon)
    .set(() => ({}))
    .waitFor(go, byId)
    .if(
      () => true,
      (yes) => yes.waitFor(never, { ...byId, timeout: 1, onTimeout: (over) => over.run("late", () => 0) }),
    )
    .parallel(
      { fails: (branch) => branch.waitFor(never, { ...byId, timeout: 1 }), other: (branch) => branch.delay(20) },
      { tolerate: { count: 1 } },
    )
    .race({ a: (branch) => branch.set(() => ({})), b: (branch) => branch.run("late", () => 0) }),
);

/** What is beside the branch that wins is cut off; then the run fails, and all is undone. */
const cutOff = defineWorkflow({ id: "cut-off", version: 1 }, (flow: Flow<Job>) =>
  flow
    .run("book", () => 0, undone)
    .run("doubtful", fail, { ...undone, onError: "continue" })
    .race({
      quick: (branch) => branch.run("gate", (_, { instanceId }) => allBegun(instanceId)).delay(100),
      runs: (branch) => branch.run("hang", hang, undone),
      sleeps: (branch) => branch.delay("1 day"),
      waits: (branch) => branch.waitFor(never, byId),
      scope: (branch) =>
        branch.if(
          () => true,
          (yes) => yes.delay("1 day"),
        ),
      items: (branch) =>
        branch.forEach(
          () => [1],
          (each) => each.delay("1 day"),
        ),
      undoes: (branch) =>
        branch.saga((saga) =>
          saga.run("book", () => 0, { compensateWith: (_, context) => hangOnce(context) }).run("fail", fail),
        ),
      undoesLater: (branch) =>
        branch.saga((saga) =>
          saga
            .run("book", () => 0, {
              ...late,
              compensateWith: (_, { attempt, instanceId }) => failFirst(instanceId, attempt),
            })
            .run("fail", fail),
        ),
    })
    .saga((saga) => saga.run("fail", fail), { afterCompensation: "continue" })
    .set(fail),
);

const begun = new Set<string>();
function hangOnce(context: { readonly signal: AbortSignal; readonly instanceId: string }): Promise<never> | undefined {
  if (begun.has(context.instanceId)) return undefined;
  begun.add(context.instanceId);
  return hang(undefined, context);
}
const failedFirst = new Set<string>();
function failFirst(id: string, attempt: number): void {
  if (failedFirst.has(id) || attempt > 1) return;
  failedFirst.add(id);
  throw new Error("again");
}

async function allBegun(id: string): Promise<void> {
  while (![hanging, begun, failedFirst].every((ids) => ids.has(id))) await sleep(5);
}

const tooMany = defineWorkflow({ id: "too-many", version: 1 }, (flow: Flow<Job>) =>
  flow.while(
    () => true,
    (lap) => lap.delay(1),
    { maxLaps: 1 },
  ),
);

describe("the picture of a step", () => {
  const arrows = new PointerArrows();
  let host: WorkflowHost;
  before(async () => {
    const persistence = new MemoryPersistenceProvider();
    const { instances } = persistence.store;
    const commit = instances.commit.bind(instances);
    instances.commit = (batch) => {
      for (const transition of batch) arrows.see(transition);
      return commit(batch);
    };
    host = createHost({ workflows: [plain, cutOff, tooMany], persistence, pollMs: 10 });
    await host.start();
  });
  after(() => host.stop());

  test("has every arrow that runs are seen to go, and no other", async () => {
    const runs = await Promise.all(
      [plain, cutOff, tooMany].map((workflow) => host.startWorkflow(workflow, { id: "x" })),
    );
    await host.publishEvent(go, "x");
    await Promise.allSettled(runs.map((run) => run.result()));
    const drawn = arrowsOfPicture(page, "Of a step");
    assert.ok(drawn.every(({ because }) => because !== ""));
    assert.deepEqual(drawn.map(({ arrow }) => arrow).toSorted(), [...arrows.seen].toSorted());
  });
});
