import { setTimeout as sleep } from "node:timers/promises";
import { defineWorkflow, type Flow, type TransactionContext, transactionalStep } from "../../src/index.ts";

/** What the schedules of these tests start. */
export interface Task {
  readonly ms: number;
}

/** Takes its time, and writes once that it was done. */
export const task = defineWorkflow({ id: "scheduled task", version: 1 }, (flow: Flow<Task>) =>
  flow
    .run("work", () => sleep(20))
    .delay(({ ms }) => ms) // no body: what many nodes die in is taken for what kills them
    .then(
      transactionalStep("done", async (_: unknown, { tx, instanceId }: TransactionContext) => {
        await tx.query("insert into ledger (run, step) values ($1, 'done')", [instanceId]);
      }),
    ),
);
