import { type Context, failed, type Run, type RunBlock, scoped, Withdrawn } from "./interpreter-run.ts";
import { settle } from "./interpreter-undo.ts";
import { holds, type LaterPlan, type RecurPlan, takes, type WithinPlan } from "./plan.ts";
import { type Outcome, spawn, type Timeline, valueOf, type Wait, type Work } from "./tasks.ts";

/** What `inTime` answers when the time is over. */
export const late: unique symbol = Symbol("late");

/** Work that has so long. */
const inTime =
  (time: Timeline, ms: number, work: Work<unknown>): Wait =>
  (resume) => {
    let stopWork = (): void => undefined;
    const stopClock = time.at(time.now + ms, () => {
      stopWork();
      resume(() => late);
    });
    stopWork = spawn(work, (outcome) => {
      stopClock();
      resume(() => valueOf(outcome));
    });
    return () => {
      stopClock();
      stopWork();
    };
  };

/** The whole of a run, which has so long, and which somebody may want undone. */
export const limited =
  ({ plan, time }: Run, work: Work<unknown>): Wait =>
  (resume) => {
    const { timeout, compensateAt } = plan;
    const clocks: (() => void)[] = [];
    let stopWork = (): void => undefined;
    const end = (answer: () => unknown): void => {
      for (const stop of clocks) stop();
      resume(answer);
    };
    const cutOff = (at: number, answer: () => unknown): void =>
      void clocks.push(
        time.at(at, () => {
          stopWork();
          end(answer);
        }),
      );
    if (timeout !== undefined)
      cutOff(time.now + timeout.ms, () =>
        failed({ onError: timeout.then }, { code: "RUN_TIMEOUT", errorClass: "timeout" }),
      );
    if (compensateAt !== undefined)
      cutOff(compensateAt, () => {
        throw new Withdrawn();
      });
    stopWork = spawn(work, (outcome) => end(() => valueOf(outcome)));
    return () => {
      for (const stop of clocks) stop();
      stopWork();
    };
  };

const lastingOf = ({ id, isFixed }: WithinPlan | LaterPlan, { run, n }: Context): number =>
  takes(run.plan.salt, id, isFixed ? 0 : n);

export function* within(node: WithinPlan, context: Context, block: RunBlock): Work<unknown> {
  const value = yield inTime(context.run.time, lastingOf(node, context), block(node.body, context));
  if (value !== late) return value;
  if (node.late !== undefined) settle(context.stack);
  if (node.late !== undefined) return yield* block(node.late, context);
  return failed(node, { code: "SCOPE_TIMEOUT", errorClass: "timeout" });
}

/** The names that it reads are those that are kept by now. */
export function later(node: LaterPlan, context: Context, block: RunBlock): void {
  const inside = scoped(context, {});
  const work = function* (): Work<unknown> {
    yield context.run.time.sleep(lastingOf(node, context));
    return yield* block(node.body, inside);
  };
  context.absorber?.beside(work(), node.atEnd === "wait");
}

export function* recur(node: RecurPlan, context: Context, block: RunBlock): Work<undefined> {
  yield (resume) => {
    const laps = new Laps(node, context, block, resume);
    laps.begin();
    return () => laps.stop();
  };
  return undefined;
}

const mostAtOnce = 32;

/** Laps that begin at ticks. */
class Laps {
  private readonly node: RecurPlan;
  private readonly context: Context;
  private readonly block: RunBlock;
  private readonly resume: (answer: () => unknown) => void;
  private readonly open = new Map<number, () => void>();
  private readonly enteredAt: number;
  private begun = 0;
  private isOver = false;
  private tick = 0;
  private stopClock: (() => void) | undefined;

  constructor(node: RecurPlan, context: Context, block: RunBlock, resume: (answer: () => unknown) => void) {
    this.node = node;
    this.context = context;
    this.block = block;
    this.resume = resume;
    this.enteredAt = context.run.time.now;
  }

  begin(): void {
    this.notTooClose(Infinity);
    this.arm(this.enteredAt);
  }

  stop(): void {
    this.isOver = true;
    this.stopClock?.();
    this.stopClock = undefined;
    for (const stop of this.open.values()) stop();
    this.open.clear();
  }

  private arm(after: number): void {
    const { time } = this.context.run;
    this.tick = this.tickBehind(after);
    this.stopClock = time.at(this.tick, () => this.beginLap());
  }

  private tickBehind(instant: number): number {
    const everyMs = this.node.every * 1_000;
    const from = this.node.byClock ? 0 : this.enteredAt;
    return from + (Math.floor((instant - from) / everyMs) + 1) * everyMs;
  }

  private beginLap(): void {
    const { node, context } = this;
    this.stopClock = undefined;
    this.begun += 1;
    const lap = this.begun;
    if (lap === node.times) this.isOver = true;
    this.open.set(lap, () => undefined);
    if (node.overlap === "allow") this.goOn();
    const work = this.block(node.body, { ...scoped(context, { lap }), lap });
    const stop = spawn(work, (outcome) => this.ended(lap, outcome));
    if (this.open.has(lap)) this.open.set(lap, stop);
  }

  private ended(lap: number, outcome: Outcome): void {
    const { node, context } = this;
    this.open.delete(lap);
    if ("thrown" in outcome) {
      this.stop();
      return this.resume(() => valueOf(outcome));
    }
    const { until } = node;
    if (until !== undefined && !this.isOver) {
      this.isOver = holds(until, context.run.sees(scoped(context, { lap: this.begun })));
      if (this.isOver) this.stopClock?.();
    }
    this.goOn();
  }

  private goOn(): void {
    const { overlap } = this.node;
    if (this.isOver) {
      if (this.open.size === 0) this.resume(() => undefined);
      return;
    }
    if (this.open.size >= (overlap === "allow" ? mostAtOnce : 1) || this.stopClock !== undefined) return;
    if (overlap !== "skip") return this.arm(this.tick);
    this.notTooClose(this.tick);
    this.arm(this.context.run.time.now);
  }

  /** A tick so close to this instant may or may not be behind it. */
  private notTooClose(lapsOwn: number): void {
    const { time } = this.context.run;
    const next = this.tickBehind(time.now);
    const before = next - this.node.every * 1_000;
    const isClose = (tick: number): boolean => Math.abs(tick - time.now) <= time.closeMs;
    if (isClose(next) || (before > lapsOwn && isClose(before))) time.isAmbiguous = true;
  }
}
