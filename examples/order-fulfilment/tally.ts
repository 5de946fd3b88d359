import type { Notice } from "workflow-core";
import type { Outcome } from "./audit-rules.ts";
import { fulfilOrder } from "./workflow.ts";

/** An order that the engine would not start, and why. */
export interface Refusal {
  readonly id: string;
  readonly reason: string;
}

/** What is known so far. How orders ended is asked of their runs, so it is right after a restart too. */
export class Tally {
  readonly outcomes = new Map<string, Outcome>();
  readonly refusals: Refusal[] = [];
  /** Steps and retries are counted as this process does them. */
  steps = 0;
  retries = 0;
  private readonly beganAt = performance.now();
  private movedAt = performance.now();

  /** The orders are there, and now they are to end. */
  started(): void {
    this.movedAt = performance.now();
  }

  finished(orderId: string, outcome: Outcome): void {
    this.outcomes.set(orderId, outcome);
    this.movedAt = performance.now();
  }

  hear(notice: Notice): void {
    if (!("workflow" in notice) || notice.workflow !== fulfilOrder.id) return;
    if (notice.kind === "step-completed" || notice.kind === "step-compensated") this.steps += 1;
    if (notice.kind === "step-retried") this.retries += 1;
  }

  count(outcome: Outcome): number {
    return [...this.outcomes.values()].filter((one) => one === outcome).length;
  }

  get seconds(): number {
    return (performance.now() - this.beganAt) / 1000;
  }

  /** For how long no order has come to its end. */
  get quietSeconds(): number {
    return (performance.now() - this.movedAt) / 1000;
  }
}
