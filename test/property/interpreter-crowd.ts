import { type Absorbing, type Context, Fail } from "./interpreter-run.ts";
import { settle } from "./interpreter-undo.ts";
import type { JoinPlan, PlainFailure } from "./plan.ts";
import { type Outcome, spawn, type Wait, type Work } from "./tasks.ts";

/** How a child of several ended. */
export type CrowdEnd =
  | { readonly status: "done"; readonly value: unknown }
  | { readonly status: "failed"; readonly failure: PlainFailure }
  | { readonly status: "unfinished" };

interface Policy {
  readonly join: JoinPlan;
  readonly concurrency: number;
}

/** Works on several children side by side, until enough are done or too many have failed. */
export function* crowd(
  children: readonly (() => Work<unknown>)[],
  context: Context,
  { join, concurrency }: Policy,
): Work<readonly CrowdEnd[]> {
  const { atLeast } = join;
  if (atLeast !== undefined && children.length < atLeast) throw new Fail({ code: "TOO_FEW", errorClass: "permanent" });
  if (children.length === 0) return [];
  return (yield (resume) => {
    const group = new Crowd(children, context, { join, concurrency }, resume);
    group.admit();
    return () => group.stop();
  }) as readonly CrowdEnd[];
}

class Crowd {
  private readonly children: readonly (() => Work<unknown>)[];
  private readonly context: Context;
  private readonly policy: Policy;
  private readonly resume: (answer: () => unknown) => void;
  private readonly ends: CrowdEnd[];
  private readonly active = new Map<number, () => void>();
  private next = 0;
  private isJoined = false;

  constructor(
    children: readonly (() => Work<unknown>)[],
    context: Context,
    policy: Policy,
    resume: (answer: () => unknown) => void,
  ) {
    this.children = children;
    this.context = context;
    this.policy = policy;
    this.resume = resume;
    this.ends = children.map(() => ({ status: "unfinished" }));
  }

  admit(): void {
    while (!this.isJoined && this.active.size < this.policy.concurrency && this.next < this.children.length) {
      const place = this.next;
      this.next += 1;
      const child = this.children[place];
      if (child === undefined) return;
      this.active.set(place, () => undefined);
      const stop = spawn(child(), (outcome) => this.ended(place, outcome));
      if (this.active.has(place)) this.active.set(place, stop);
    }
  }

  stop(): void {
    this.isJoined = true;
    for (const stop of this.active.values()) stop();
    this.active.clear();
  }

  private ended(place: number, outcome: Outcome): void {
    this.active.delete(place);
    if ("value" in outcome) this.ends[place] = { status: "done", value: outcome.value };
    else if (outcome.thrown instanceof Fail) this.ends[place] = { status: "failed", failure: outcome.thrown.failure };
    else return this.leave(() => raise(outcome.thrown));
    this.judge("thrown" in outcome ? outcome.thrown : undefined);
  }

  private judge(thrown: unknown): void {
    const total = this.children.length;
    const { atLeast } = this.policy.join;
    const done = this.ends.filter(({ status }) => status === "done").length;
    const failed = this.ends.filter(({ status }) => status === "failed").length;
    if (thrown !== undefined) {
      const tooFewLeft = atLeast !== undefined && total - failed < atLeast;
      if (failed > this.borne() || tooFewLeft) return this.leave(() => raise(thrown));
      settle(this.context.stack);
    }
    if (atLeast === undefined ? done + failed === total : done >= atLeast) this.join();
    else this.admit();
  }

  /** How many failures are tolerated. */
  private borne(): number {
    const { tolerate } = this.policy.join;
    if (tolerate === undefined) return 0;
    return "count" in tolerate ? tolerate.count : Math.floor(tolerate.share * this.children.length);
  }

  private leave(answer: () => never): void {
    this.stop();
    this.resume(answer);
  }

  /** Enough are done. The rest is stopped, or goes on as the block's. */
  private join(): void {
    const { absorber } = this.context;
    const ends = [...this.ends];
    if (this.policy.join.rest === "absorb" && absorber !== undefined) {
      this.isJoined = true;
      absorber.take(this.active);
      this.ended = (place, outcome) => {
        this.active.delete(place);
        if ("thrown" in outcome && outcome.thrown instanceof Fail) settle(this.context.stack);
        absorber.ended(outcome);
      };
    } else {
      this.stop();
      settle(this.context.stack);
    }
    this.resume(() => ends);
  }
}

function raise(thrown: unknown): never {
  throw thrown;
}

/** Runs a block in which children may be absorbed: it is done when they are. */
export function withAbsorbed(context: Context, inside: (context: Context) => Work<unknown>): Wait {
  return (resume) => {
    const absorber = new Absorber(resume);
    absorber.begin(inside({ ...context, absorber }));
    return () => absorber.stop();
  };
}

class Absorber implements Absorbing {
  private readonly resume: (answer: () => unknown) => void;
  private readonly absorbed: ReadonlyMap<number, () => void>[] = [];
  private open = 0;
  private main: Outcome | undefined;
  private stopMain: () => void = () => undefined;
  private onIdle: (() => void) | undefined;
  /** Calls off what nobody waits for at the end. */
  private readonly optional = new Set<() => void>();

  constructor(resume: (answer: () => unknown) => void) {
    this.resume = resume;
  }

  begin(work: Work<unknown>): void {
    this.stopMain = spawn(work, (outcome) => {
      this.main = outcome;
      if ("thrown" in outcome) this.interrupt(outcome.thrown);
      else this.settle();
    });
  }

  take(group: ReadonlyMap<number, () => void>): void {
    this.open += group.size;
    this.absorbed.push(group);
  }

  /** Work that runs beside the block, as a part of it: its failure is the block's. */
  beside(work: Work<unknown>, isAwaited: boolean): void {
    let callOff = (): void => undefined;
    const stop = (): void => callOff();
    if (isAwaited) this.open += 1;
    else this.optional.add(stop);
    this.absorbed.push(new Map([[0, stop]]));
    callOff = spawn(work, (outcome) => {
      if (isAwaited) this.open -= 1;
      else this.optional.delete(stop);
      if ("thrown" in outcome) this.interrupt(outcome.thrown);
      else this.settle();
    });
  }

  /** All else is done. */
  cancelOptional(): void {
    for (const stop of this.optional) stop();
    this.optional.clear();
  }

  /** Failures are nobody's; a jump, or the end of the run, is everybody's. */
  ended(outcome: Outcome): void {
    this.open -= 1;
    if ("thrown" in outcome && !(outcome.thrown instanceof Fail)) this.interrupt(outcome.thrown);
    else this.settle();
  }

  allDone(): Wait {
    return (resume) => {
      const done = (): void => resume(() => undefined);
      if (this.open === 0) done();
      else this.onIdle = done;
      return () => (this.onIdle = undefined);
    };
  }

  stop(): void {
    this.stopMain();
    for (const group of this.absorbed) for (const stop of group.values()) stop();
  }

  private settle(): void {
    const { main } = this;
    if (main !== undefined) this.cancelOptional();
    if (this.open === 0) this.onIdle?.();
    if (main !== undefined && "value" in main && this.open === 0) this.resume(() => main.value);
  }

  private interrupt(thrown: unknown): void {
    this.stop();
    this.resume(() => raise(thrown));
  }
}
