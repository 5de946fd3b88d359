import { type BodyRun, rowToUndo, runBody } from "../execution/body.ts";
import type { BodyFact } from "../execution/facts.ts";
import type { LiveInstance } from "../execution/live-instance.ts";
import type { Decision } from "../execution/state.ts";
import { takeTurn, transitionOf, withOutput } from "../execution/turn.ts";
import { describeFailure } from "../models/failure.ts";
import type { Transition } from "../models/transition.ts";
import { isPassing } from "./persist.ts";
import type { Turns, WorkerParts } from "./worker-parts.ts";

const mostTries = 5;

/** The body failed: its transaction is rolled back, and the failure is decided in a turn of its own. */
class RolledBack extends Error {
  readonly fact: BodyFact | undefined;
  constructor(fact: BodyFact | undefined) {
    super("rolled back");
    this.fact = fact;
  }
}

/**
 * Bodies whose writes commit together with the transition that says they are done: both hold, or neither. A transaction that the
 * database gave up (serialization, deadlock, a lost connection) had no effect, so the body is run again, a few times.
 */
export class TransactionalBodies {
  private readonly parts: WorkerParts;
  private readonly turns: Turns;

  constructor(parts: WorkerParts, turns: Turns) {
    this.parts = parts;
    this.turns = turns;
  }

  /**
   * Answers a fact that is still to be decided, or undefined if there is none: the body's transition is committed, or its instance is
   * not to be worked on here, or not now.
   */
  async run(run: BodyRun): Promise<BodyFact | undefined> {
    const { env } = this.parts;
    for (let tries = 1; ; tries += 1) {
      try {
        await this.once(run);
        return undefined;
      } catch (error) {
        if (error instanceof RolledBack) return error.fact;
        if (isPassing(error) && tries < mostTries) {
          await env.sleep(20 * 2 ** tries * (0.5 + env.random()));
          if (!this.mayRunAgain(run)) return undefined;
          continue;
        }
        return failedFact(run, error, env.random());
      }
    }
  }

  /** During a pause the run may have been lost, asked to stop, or given away, and the step cancelled. */
  private mayRunAgain({ live, path }: BodyRun): boolean {
    const { turns } = this;
    if (!turns.owns(live) || turns.isLeaving(live) || live.isStopping || !this.parts.mayStart()) return false;
    return live.state.status === "Runnable" && live.state.frontier.pointers[path] !== undefined;
  }

  private async once(run: BodyRun): Promise<void> {
    const { store, clock } = this.parts;
    const { live } = run;
    let made: Made | undefined;
    let holdsTurn = false;
    // Whatever the body needs is read before: inside the transaction an embedded database has no other session to read with.
    const undoes = run.undo ? await rowToUndo(run) : undefined;
    try {
      const outcome = await store.instances.transact(async (tx) => {
        const fact = await runBody({ ...run, tx, undoes });
        if (fact === undefined || fact.kind === "failed") throw new RolledBack(fact);
        await live.turnIsMine();
        holdsTurn = true;
        made = await this.decided(live, fact);
        return made.transition;
      });
      clock.observe(outcome.now);
      live.isTurning = false;
      holdsTurn = false;
      if (made !== undefined) this.turns.commitHeld(live, made.transition, made.decision, outcome);
    } finally {
      if (holdsTurn) live.isTurning = false;
      live.passTurn();
      void this.turns.turn(live);
    }
  }

  /** The transition that rides in the body's transaction. What it would have to read is decided in the turn after it. */
  private async decided(live: LiveInstance, fact: BodyFact): Promise<Made> {
    // Cancelled or lost meanwhile: nobody takes the answer, so its effects must not stay.
    if (!this.turns.owns(live) || !isExpected(live, fact)) throw new RolledBack(undefined);
    const answer = withOutput(live, fact);
    if (answer.kind === "failed") throw new RolledBack(answer); // its output mapping failed, after the body
    const decision = await takeTurn(live, [answer], undefined);
    const transition = transitionOf(live, decision, this.turns.stance(live, live.running.size > 1));
    return { decision, transition };
  }
}

interface Made {
  readonly transition: Transition;
  readonly decision: Decision;
}

function isExpected(live: LiveInstance, fact: BodyFact): boolean {
  const pointer = live.state.frontier.pointers[fact.path];
  return pointer !== undefined && pointer.state === undefined && (pointer.attempt ?? 1) === fact.attempt;
}

function failedFact({ live, path, classify }: BodyRun, error: unknown, random: number): BodyFact {
  const failure = describeFailure(error, path, classify);
  const attempt = live.state.frontier.pointers[path]?.attempt ?? 1;
  const final = failure.errorClass === "permanent" || failure.errorClass === "invalid";
  return { kind: "failed", path, attempt, input: undefined, tookMs: 0, failure, final, random };
}
