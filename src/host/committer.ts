import type { Environment } from "../models/environment.ts";
import { inLockOrder } from "../models/identity.ts";
import { maxTransitionBytes } from "../models/limits.ts";
import { type Transition, weightOf } from "../models/transition.ts";
import type { EngineStore, InstanceView, StartRow } from "../persistence/provider.ts";
import { type BatchLimits, Batcher } from "./batcher.ts";
import type { DatabaseClock } from "./clock.ts";
import { Lanes } from "./lanes.ts";

/** What became of a start. */
export type Started =
  /** It was inserted; `owned` by this node, or left to any. */
  | { readonly kind: "born"; readonly owned: boolean; readonly now: number }
  /** Its id was there before. */
  | { readonly kind: "existing"; readonly view: InstanceView };

export interface Committed {
  /** False: the fence refused it; this node does not own the instance any more. */
  readonly held: boolean;
  readonly now: number;
  /** When it was given to be committed, by the database's clock, or later: what its timers count from in this process, so that they do
   *  not come later for its having waited. (Whoever claims the instance counts from the commit, which is all that is stored.) */
  readonly decidedAt: number;
}

interface Decided {
  readonly transition: Transition;
  /** When it was decided, by the monotonic clock. */
  readonly at: number;
  /** What was known then of the database's clock: no timer that led to the decision was due later. */
  readonly known: number;
}

/** When it was decided, if the database carried out at `now` what was sent at `sentAt`. Between the two clocks nothing is guessed: the time
 *  until the sending surely passed before. */
const decidedAt = ({ at, known }: Decided, sentAt: number, now: number): number =>
  Math.min(now, Math.max(now - (sentAt - at), known));

interface Way {
  readonly lane: number;
  /** It was sent before, and nothing is known of the outcome. */
  readonly again: boolean;
}

/** How long a start waits for the database, in milliseconds. */
export const startGivesUpMs = 30_000;

/**
 * Starts and transitions, group-committed on whichever lane is free. Two batches never hold rows of one instance: it is started
 * before its first transition, and has one in flight at a time.
 */
export class Committer {
  private readonly store: EngineStore;
  private readonly env: Environment;
  private readonly clock: DatabaseClock;
  private readonly owner: string;
  private readonly signal: AbortSignal;
  private readonly holds: (id: string) => boolean;
  private readonly lanes: Lanes;
  private readonly aside: Lanes;
  private readonly starts: Batcher<StartRow, Started>;
  /** Those under a key may meet it in a transaction of a caller's, and wait for its end. */
  private readonly keyedStarts: Batcher<StartRow, Started>;
  private readonly transitions: Batcher<Decided, Committed>;

  constructor(from: {
    store: EngineStore;
    env: Environment;
    clock: DatabaseClock;
    owner: string;
    signal: AbortSignal;
    /** Whether an instance runs on this node already. */
    holds: (id: string) => boolean;
  }) {
    this.store = from.store;
    this.env = from.env;
    this.clock = from.clock;
    this.owner = from.owner;
    this.signal = from.signal;
    this.holds = from.holds;
    this.lanes = new Lanes(from.env, from.store.lanes, from.store.hasOneSession);
    this.aside = new Lanes(from.env, 1);
    const limits = { items: from.store.batchRows, weight: maxTransitionBytes };
    const startLimits: BatchLimits<StartRow> = { ...limits, weigh: (row) => row.data.length };
    const transitionLimits: BatchLimits<Decided> = { ...limits, weigh: ({ transition }) => weightOf(transition) };
    const { env, signal, store } = from;
    const startsOn = (lanes: Lanes, sideLane?: number): Batcher<StartRow, Started> =>
      new Batcher(lanes, startLimits, {
        env,
        signal,
        what: "Starting workflows",
        giveUpMs: startGivesUpMs,
        inOrder: inLockOrder,
        act: (rows, { lane, again }) => this.startOnce(rows, { lane: sideLane ?? lane, again }),
      });
    this.starts = startsOn(this.lanes);
    this.keyedStarts = store.sideLane === undefined ? this.starts : startsOn(this.aside, store.sideLane);
    this.transitions = new Batcher(this.lanes, transitionLimits, {
      env,
      signal,
      what: "Committing transitions",
      inOrder: (a, b) => inLockOrder(a.transition, b.transition),
      act: (decided, way) => this.commitOnce(decided, way),
    });
  }

  start(row: StartRow): Promise<Started> {
    return (row.key === null ? this.starts : this.keyedStarts).add(row);
  }

  commit(transition: Transition): Promise<Committed> {
    return this.transitions.add({ transition, at: this.env.monotonic(), known: this.clock.now() });
  }

  async drained(): Promise<void> {
    await this.aside.drained();
    await this.lanes.drained();
  }

  private async startOnce(part: readonly StartRow[], { lane, again }: Way): Promise<readonly Started[]> {
    const { now, existing, unowned } = await this.store.instances.start(this.owner, part, lane);
    this.clock.observe(now);
    const started: Started[] = part.map((row) => ({ kind: "born", owned: row.own, now }));
    for (const n of unowned) started[n] = { kind: "born", owned: false, now };
    if (existing.length === 0) return started;
    const refs = existing.flatMap((n) => part[n] ?? []);
    const views = new Map((await this.store.instances.look(refs)).map((view) => [view.id, view]));
    for (const n of existing) {
      const row = part[n];
      const view = row && views.get(row.id);
      if (row === undefined || view === undefined) continue;
      // Sent again after an unknown outcome, an untouched row is the first sending's: of this owner, unless it runs here already, or left
      // to any, who were not told of it yet.
      const isUntouched = again && view.revision === 0 && isSame(view, row);
      const isMine = isUntouched && view.owner === this.owner && view.epoch === 1 && !this.holds(view.id);
      const isAnyones = isUntouched && view.owner === null && view.epoch === 0;
      if (isAnyones) started[n] = { kind: "born", owned: false, now };
      else if (!isMine) started[n] = { kind: "existing", view };
    }
    return started;
  }

  private async commitOnce(decided: readonly Decided[], { lane, again }: Way): Promise<readonly Committed[]> {
    const part = decided.map(({ transition }) => transition);
    const sentAt = this.env.monotonic();
    const { now, refused } = await this.store.instances.commit(part, lane);
    this.clock.observe(now);
    const committed: Committed[] = decided.map((one) => ({ held: true, now, decidedAt: decidedAt(one, sentAt, now) }));
    if (refused.length === 0) return committed;
    for (const n of refused) committed[n] = { held: false, now, decidedAt: now };
    if (again) await this.recognise(part, refused, committed);
    return committed;
  }

  /** After an unknown outcome, what the fence refuses may have held the first time: then my epoch stands, one revision on. */
  private async recognise(
    part: readonly Transition[],
    refused: readonly number[],
    committed: Committed[],
  ): Promise<void> {
    const refs = refused.flatMap((n) => part[n] ?? []);
    const views = new Map((await this.store.instances.look(refs)).map((view) => [view.id, view]));
    for (const n of refused) {
      const transition = part[n];
      const view = transition && views.get(transition.id);
      if (view === undefined || transition === undefined) continue;
      const held = view.epoch === transition.epoch && view.revision === transition.revision + 1;
      committed[n] = { held, now: view.turnedAt, decidedAt: view.turnedAt };
    }
  }
}

const isSame = (view: InstanceView, row: StartRow): boolean =>
  view.inputHash === row.inputHash && view.definition === row.definition && view.version === row.version;
