import { type Block, type Data, digest, type PlainFailure, type Plan, publicationsOf, type StepPlan } from "./plan.ts";
import { type Outcome, Timeline, type Wait, type Work } from "./tasks.ts";

/** How a run ended, or stands when nothing comes any more. */
export interface End {
  readonly status: "Complete" | "Failed" | "Terminated" | "Suspended" | "Runnable";
  readonly data: unknown;
  readonly result: unknown;
  readonly failure: PlainFailure | undefined;
  /** The compensations that ran, in order. */
  readonly undone: readonly string[];
  /** What transactional steps have written, in order. */
  readonly ledger: readonly string[];
  /** The last instant at which anything happened. */
  readonly at: number;
}

/** Children that nobody waits for but the end of their block. */
export interface Absorbing {
  /** Takes the children of a group that are still at work, each with how to stop it. */
  take(group: ReadonlyMap<number, () => void>): void;
  /** One of them has ended. */
  ended(outcome: Outcome): void;
  /** Runs something beside the block, which at its end waits for it or cancels it. */
  beside(work: Work<unknown>, isAwaited: boolean): void;
  /** Cancels what is not waited for. */
  cancelOptional(): void;
  /** Waits for all of them. */
  allDone(): Wait;
}

/** A step has failed for good: the failure goes outwards. */
export class Fail extends Error {
  readonly failure: PlainFailure;
  constructor(failure: PlainFailure) {
    super();
    this.failure = failure;
  }
}

/** To a loop around. */
export class Jump extends Error {
  readonly kind: "restart" | "leave";
  readonly to: number;
  constructor(kind: "restart" | "leave", to: number) {
    super();
    this.kind = kind;
    this.to = to;
  }
}

/** Somebody wants the whole run undone. */
export class Withdrawn extends Error {}

/** The whole run ends here. */
export class Abort extends Error {
  readonly status: End["status"];
  readonly result: unknown;
  readonly failure: PlainFailure | undefined;
  constructor(status: End["status"], result?: unknown, failure?: PlainFailure) {
    super();
    this.status = status;
    this.result = result;
    this.failure = failure;
  }
}

/** A step that has a compensation, and may have had its effect. */
export interface Undoable {
  readonly node: StepPlan;
  readonly n: number;
  readonly outcome: "completed" | "unknown";
  readonly input: unknown;
  readonly result: unknown;
  seq: number;
  /** When it became ready, counted. */
  readonly ready: number;
  /** It was stopped, and had not failed by itself. */
  readonly isCut: boolean;
  /** Its place among others is found. */
  isSettled: boolean;
  /** It could not be undone. */
  isGivenUp?: boolean;
  /** When attempts at its compensation end. */
  readonly ends: number[];
}

/** Where a step stands. */
export interface Context {
  readonly run: Run;
  readonly names: Map<string, unknown>;
  /** What tells the item around it from all others; 0 outside of every item. */
  readonly n: number;
  readonly lap: number;
  /** What a step takes without `input`. */
  readonly subject: () => unknown;
  /** Of the saga around, else of the run. */
  readonly stack: Undoable[];
  readonly absorber: Absorbing | undefined;
}

/** The same place, with more names. */
export const scoped = (context: Context, names: Readonly<Record<string, unknown>>): Context => ({
  ...context,
  names: new Map([...context.names, ...Object.entries(names)]),
});

/** What `onError` says. */
export function failed({ onError }: { readonly onError?: StepPlan["onError"] }, failure: PlainFailure): undefined {
  switch (onError) {
    case "continue":
      return undefined;
    case "fail":
      throw new Abort("Failed", undefined, failure);
    case "terminate":
      throw new Abort("Terminated");
    case "suspend":
      throw new Abort("Suspended");
    default:
      throw new Fail(failure);
  }
}

/** How a block is run. */
export type RunBlock = (plan: Block, context: Context) => Work<unknown>;

/** A run under way. */
export class Run {
  readonly plan: Plan;
  readonly time: Timeline;
  readonly mail: Mail;
  data: Data;
  undone: string[] = [];
  ledger: string[] = [];
  work = 0;
  /** It was left to chance what is undone first. */
  isUnordered = false;
  private seq = 0;
  private readied = 0;

  constructor(plan: Plan, closeMs: number) {
    this.plan = plan;
    this.data = plan.start;
    this.time = new Timeline(closeMs);
    this.mail = new Mail(this.time);
    for (const { key, at, data } of publicationsOf(plan)) this.mail.publish(key, at, data);
  }

  get isAmbiguous(): boolean {
    return this.isUnordered || this.mail.isAmbiguous || this.time.isAmbiguous;
  }

  nextSeq(): number {
    this.seq += 1;
    return this.seq;
  }

  nextReady(): number {
    this.readied += 1;
    return this.readied;
  }

  /** What a mapping sees. */
  sees({ names }: Context): number {
    return this.look(this.data, names);
  }

  /** What a step is given: what `input` makes, the item, or the data. */
  inputOf(node: StepPlan, context: Context): unknown {
    if (node.via === "run") return context.subject();
    return { n: context.n, see: this.sees(context) };
  }

  /** What a body sees: its input and, of an inline one, the scope. */
  seenBy(node: StepPlan, { names }: Context, input: unknown): number {
    return node.via === "run" ? this.look(input, names) : digest(input);
  }

  private look(subject: unknown, names: ReadonlyMap<string, unknown>): number {
    return digest([subject, [...names.keys()].sort().map((name) => names.get(name))]);
  }
}

interface Stored {
  readonly data: unknown;
  /** The run has looked for events of its kind since it came. */
  isSeen: boolean;
}

/** Events, and who waits for them: each takes the oldest that was not taken. */
export class Mail {
  isAmbiguous = false;
  private readonly time: Timeline;
  private readonly stored = new Map<string, Stored[]>();
  private readonly waiting = new Map<string, (data: unknown) => void>();

  constructor(time: Timeline) {
    this.time = time;
  }

  publish(key: string, at: number, data: unknown): void {
    const arrive = (): void => {
      const taker = this.waiting.get(key);
      if (taker === undefined) {
        const before = this.stored.get(key);
        if (before === undefined) this.stored.set(key, [{ data, isSeen: false }]);
        else before.push({ data, isSeen: false });
      } else {
        this.waiting.delete(key);
        taker(data);
      }
    };
    this.time.at(at, arrive, () => this.waiting.has(key));
  }

  /**
   * Answers how to stop waiting. Who begins something and waits meanwhile is interrupted `before` that can begin, if the event is one
   * that the run has seen: it came before an earlier wait.
   */
  wait(key: string, take: (data: unknown) => void, before: boolean = false): () => void {
    if (this.waiting.has(key)) this.isAmbiguous = true; // which of two takes an event is chance
    let isOver = false;
    const once = (data: unknown): void => {
      isOver = true;
      take(data);
    };
    const stored = this.stored.get(key) ?? [];
    const [first] = stored;
    if (first !== undefined) {
      const isSeen = first.isSeen;
      for (const one of stored) one.isSeen = true;
      const takeFirst = (): void => once(stored.shift()?.data);
      // Else it is taken as soon as all that begins at this instant has begun.
      if (!before || !isSeen) return this.time.at(this.time.now, takeFirst);
      takeFirst();
      return () => undefined;
    }
    this.waiting.set(key, once);
    return () => {
      if (!isOver && this.waiting.get(key) === once) this.waiting.delete(key);
    };
  }
}
