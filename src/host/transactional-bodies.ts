import { type BodyRun, rowToUndo, runBody } from "../execution/body.ts";
import type { BodyFact } from "../execution/facts.ts";
import type { LiveInstance } from "../execution/live-instance.ts";
import type { Decision } from "../execution/state.ts";
import { isTooLateToEnd, takeTurn, transitionOf, withOutput } from "../execution/turn.ts";
import { TransactionTooLongError } from "../models/errors-storage.ts";
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
  /** Bodies that have not begun, in `LiveInstance.bodies`. */
  private readonly waiting = new Set<Stoppable>();

  constructor(parts: WorkerParts, turns: Turns) {
    this.parts = parts;
    this.turns = turns;
  }

  /** The instance's bodies that wait for a session do not begin here. */
  stopWaiting(live: LiveInstance): void {
    for (const body of live.bodies.values()) if (this.waiting.has(body)) body.abort(new RolledBack(undefined));
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
        if (isRolledBack(error) && tries < mostTries) {
          await env.sleep(20 * 2 ** tries * (0.5 + env.random()));
          if (!this.mayRun(run)) return undefined;
          continue;
        }
        return failedFact(run, error, env.random());
      }
    }
  }

  /** Meanwhile the run may have been lost, asked to stop, or given away, and the step cancelled. */
  private mayRun({ live, path }: BodyRun): boolean {
    const { turns } = this;
    if (!turns.owns(live) || turns.isLeaving(live) || live.isStopping || !this.parts.mayStart()) return false;
    return live.state.status === "Runnable" && live.state.frontier.pointers[path] !== undefined;
  }

  private async once(run: BodyRun): Promise<void> {
    const { store, clock } = this.parts;
    const { live, path } = run;
    let made: Made | undefined;
    let isOver = false;
    const turn = new HeldTurn(live);
    const waiting = new AbortController();
    // Whatever the body needs is read before: inside the transaction an embedded database has no other session to read with.
    const undoes = run.undo ? await rowToUndo(run) : undefined;
    live.bodies.set(path, waiting); // so that it leaves its place in the queue when it is told to stop
    this.waiting.add(waiting);
    try {
      // A turn that came during the transaction would wait for its session, to commit, and the transaction for that turn.
      if (store.hasOneSession) await turn.take();
      const outcome = await store.instances.transact(async (tx) => {
        this.waiting.delete(waiting);
        if (waiting.signal.aborted || !this.mayRun(run)) throw new RolledBack(undefined);
        const fact = await runBody({ ...run, tx, undoes });
        if (isOver || fact === undefined || fact.kind === "failed") throw new RolledBack(fact);
        await turn.take();
        made = await this.decided(live, fact);
        return made.transition;
      }, waiting.signal);
      clock.observe(outcome.now);
      turn.end();
      if (made !== undefined)
        this.turns.commitHeld(live, made.transition, made.decision, { ...outcome, decidedAt: outcome.now });
    } catch (error) {
      if (waiting.signal.aborted) throw new RolledBack(undefined);
      live.bodies.get(path)?.abort(error); // the transaction was cut, and the body goes on: its answer is nobody's
      throw error;
    } finally {
      isOver = true;
      this.waiting.delete(waiting);
      if (live.bodies.get(path) === waiting) live.bodies.delete(path);
      turn.end();
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
    if (isTooLateToEnd(live, decision)) throw new RolledBack(undefined);
    const transition = transitionOf(live, decision, this.turns.stance(live, live.running.size > 1));
    return { decision, transition };
  }
}

/** A run's turn, taken once and given back once. */
class HeldTurn {
  private readonly live: LiveInstance;
  private isHeld = false;

  constructor(live: LiveInstance) {
    this.live = live;
  }

  async take(): Promise<void> {
    if (this.isHeld) return;
    await this.live.turnIsMine();
    this.isHeld = true;
  }

  end(): void {
    if (this.isHeld) this.live.isTurning = false;
    this.isHeld = false;
  }
}

type Stoppable = Pick<AbortController, "abort">;

interface Made {
  readonly transition: Transition;
  readonly decision: Decision;
}

/** The transaction had no effect, and its body has ended. After one that was cut the body may go on for as long as it likes: that is a
 *  failed attempt. */
const isRolledBack = (error: unknown): boolean => isPassing(error) && !(error instanceof TransactionTooLongError);

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
