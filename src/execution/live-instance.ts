import type { Timer } from "../models/environment.ts";
import { CorruptStateError } from "../models/errors-values.ts";
import { describeFailure, type Failure } from "../models/failure.ts";
import { type ActivePointer, emptyFrontier, type Frontier, limitedTo, readFrontier } from "../models/frontier.ts";
import { isInside } from "../models/path.ts";
import { type StoredValue, storedFromJson } from "../models/stored-value.ts";
import type { ClaimedInstance, InboxRow, InstanceRef, InstanceStore } from "../persistence/provider.ts";
import type { Fact } from "./facts.ts";
import type { Plan } from "./plan.ts";
import type { Decision, Held, InstanceState } from "./state.ts";

/** An instance that this node owns, in memory: the state as last committed, and values that are hot. */
export class LiveInstance implements InstanceRef {
  readonly bucket: number;
  readonly id: string;
  readonly plan: Plan;
  readonly owner: string;
  readonly epoch: number;
  revision: number;
  state: InstanceState;
  /** Everything that finished is in memory: the instance was born here and never left. */
  readonly isComplete: boolean;
  readonly crashes: number;
  /** Inbox rows that are not consumed, oldest first. */
  inbox: readonly InboxRow[] = [];
  /** The highest number of a row that was ever in it. */
  inboxSeen: number;
  /** Facts for the next turn. */
  facts: Fact[] = [];
  /** A turn is under way: what comes now waits for the next. */
  isTurning = false;
  /** A request to stop waits for its bodies to end: no other begins. */
  isStopping = false;
  /** Something came into its inbox while it was about to stop, and was not taken. */
  hasMailLeft = false;
  /** That request ends the run: it was promised to who asked, and no answer that comes meanwhile ends it otherwise. */
  mustEnd = false;
  /** Nothing of it runs: it is here for a timer that is due soon. */
  isAsleep = false;
  /** Its row cannot be read, and is left as it is until somebody ends it. */
  unreadable: { readonly failure: Failure; readonly frontier: string } | undefined;
  /** The transition committed last says when it is due: if nothing of it runs, it may stay for that. */
  isTimed = false;
  /** It slept, and found no free slot when it woke: what becomes ready runs where there is one. */
  isGuest = false;
  private turnWaiters: (() => void)[] | undefined;
  private valuesMade: Map<string, Held> | undefined;
  private itemsMade: Map<string, StoredValue> | undefined;
  private timersMade: Map<string, Timer> | undefined;
  /** Pointers whose bodies were started and whose answers are not committed, with the monotonic time of their start. */
  readonly running: Map<string, number> = new Map();
  /** Bodies that run, by path. */
  readonly bodies: Map<string, { abort(reason: unknown): void }> = new Map();

  /** What was claimed and cannot be read: nothing is done with it, and nobody's code is needed for that. */
  static unreadable(plan: Plan, owner: string, from: ClaimedInstance, error: unknown): LiveInstance {
    const { status = "Runnable" } = from;
    const live = new LiveInstance(plan, owner, { ...from, status, frontier: emptyFrontier });
    live.unreadable = { failure: describeFailure(error), frontier: JSON.stringify(from.frontier) };
    return live;
  }

  /** Throws for a claimed one that cannot be read. */
  constructor(plan: Plan, owner: string, from: Birth | ClaimedInstance) {
    this.bucket = from.bucket;
    this.id = from.id;
    this.plan = plan;
    this.owner = owner;
    if ("turnedAt" in from) {
      this.epoch = from.epoch;
      this.revision = from.revision;
      this.inboxSeen = from.inboxSeq;
      this.crashes = from.crashes;
      this.isComplete = false;
      if (from.status === undefined) throw new CorruptStateError("status", "it is none that this engine knows");
      this.state = {
        status: from.status,
        data: storedFromJson(from.data),
        frontier: anchor(limited(readFrontier(from.frontier), plan), from.turnedAt),
      };
    } else {
      this.epoch = 1;
      this.revision = 0;
      this.inboxSeen = 0;
      this.crashes = 0;
      this.isComplete = true;
      this.state = { status: "Runnable", data: from.data, frontier: anchor(from.frontier, from.bornAt) };
    }
  }

  /** Values of finished pointers that somebody may still read. Made when first asked for, as are items and timers: most runs need none. */
  get values(): Map<string, Held> {
    return (this.valuesMade ??= new Map());
  }

  /** Items of open forEach containers. */
  get items(): Map<string, StoredValue> {
    return (this.itemsMade ??= new Map());
  }

  /** Timers that are set in this process, by path. */
  get timers(): Map<string, Timer> {
    return (this.timersMade ??= new Map());
  }

  /** Rows of its inbox that are new. That is told by their numbers: rows that were read before the commit that took them may come after it. */
  unseen(rows: readonly InboxRow[]): readonly InboxRow[] {
    return rows.filter(({ seq }) => seq > this.inboxSeen);
  }

  take(rows: readonly InboxRow[]): void {
    this.inbox = [...this.inbox, ...rows];
    for (const { seq } of rows) this.inboxSeen = Math.max(this.inboxSeen, seq);
  }

  /** A transition was committed, whose timers count from `decidedAt`. */
  advance(decision: Decision, decidedAt: number): void {
    this.revision += 1;
    this.state = { ...decision.state, frontier: anchor(decision.state.frontier, decidedAt) };
    for (const [path, held] of decision.values) this.values.set(path, held);
    for (const [path, items] of decision.items) this.items.set(path, items);
    for (const path of decision.closed) this.forget(path);
    if (decision.consume.length > 0) this.inbox = this.inbox.filter((row) => !decision.consume.includes(row.source));
  }

  /** The instance leaves this process. */
  cancelTimers(): void {
    for (const timer of this.timersMade?.values() ?? []) timer.cancel();
    this.timersMade = undefined;
  }

  /** Waits until no turn is under way, and takes the next one. */
  async turnIsMine(): Promise<void> {
    while (this.isTurning) await new Promise<void>((resolve) => (this.turnWaiters ??= []).push(resolve));
    this.isTurning = true;
  }

  /** A turn is over: who waits for one may take it. */
  passTurn(): void {
    this.turnWaiters?.shift()?.();
  }

  /** Reads the items of open forEach containers into memory. */
  async loadItems(containers: readonly string[], reader: Pick<InstanceStore, "pointers">): Promise<void> {
    for (const { path, input } of await reader.pointers(this, containers)) this.items.set(path, storedFromJson(input));
  }

  private forget(container: string): void {
    this.itemsMade?.delete(container);
    for (const path of this.valuesMade?.keys() ?? []) {
      if (isInside(path, container)) this.valuesMade?.delete(path);
    }
  }
}

/** An instance that is born owned. */
export interface Birth extends InstanceRef {
  readonly data: StoredValue;
  readonly frontier: Frontier;
  /** When it was started, by the database's clock. */
  readonly bornAt: number;
}

/** Who starts a run for an event does not know how much time its definition gives it. */
const limited = (frontier: Frontier, { definition: { graph } }: Plan): Frontier =>
  frontier.unchecked && frontier.deadline === undefined ? limitedTo(frontier, graph.timeoutMs) : frontier;

/** Timers count from when the transition that set them was decided, or, if that is not known, committed: from now on they are instants. */
function anchor(frontier: Frontier, from: number): Frontier {
  let anchored: Record<string, ActivePointer> | undefined;
  for (const [path, pointer] of Object.entries(frontier.pointers)) {
    if (pointer.dueIn === undefined) continue;
    const { dueIn, ...rest } = pointer;
    anchored ??= { ...frontier.pointers };
    anchored[path] = { ...rest, due: from + dueIn };
  }
  const dueIn = frontier.deadline?.dueIn;
  if (anchored === undefined && dueIn === undefined) return frontier;
  return {
    ...frontier,
    ...(anchored !== undefined && { pointers: anchored }),
    ...(dueIn !== undefined && { deadline: { due: from + dueIn } }),
  };
}
