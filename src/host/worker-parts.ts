import type { Fact } from "../execution/facts.ts";
import type { LiveInstance } from "../execution/live-instance.ts";
import type { Decision } from "../execution/state.ts";
import type { Stance } from "../execution/turn.ts";
import type { Classify } from "../models/failure.ts";
import type { Environment } from "../models/environment.ts";
import type { Transition } from "../models/transition.ts";
import type { EngineStore, InboxRow } from "../persistence/provider.ts";
import type { DatabaseClock } from "./clock.ts";
import type { Committed, Committer } from "./committer.ts";

/** What the rest of the host hears of the worker. */
export interface WorkerEars {
  /** A transition was committed: subscriptions of it are to be looked for, its instance may be at rest or over. */
  committed(live: LiveInstance, transition: Transition, decision: Decision, now: number): void;
  /** The fence refused a transition; after a lost answer it may have held before. */
  refused(live: LiveInstance, transition: Transition): void;
  /** A slot is free: its instance has left this node in order, or fell asleep. */
  freed(): void;
  /** The instance was dropped: it is another node's, or its row still names this one. */
  lost(live: LiveInstance): void;
}

export interface WorkerParts {
  readonly store: EngineStore;
  readonly env: Environment;
  readonly clock: DatabaseClock;
  readonly committer: Committer;
  readonly ears: WorkerEars;
  /** Whether the node may start bodies: its heartbeat is fresh. */
  readonly mayStart: () => boolean;
  /** How many instances this node holds at a time, sleepers apart. */
  readonly slots: number;
  /** Whether an instance that slept may go on here. */
  readonly hasFreeSlot: () => boolean;
  /** Milliseconds after which the row of a running body is written. */
  readonly longStepMs: number;
  /** The user's own classification of what bodies throw. */
  readonly classify: Classify | undefined;
}

/** What the worker does for bodies: turns, and what follows from their commits. */
export interface Turns {
  owns(live: LiveInstance): boolean;
  /** Hands over a fact, to be decided at once or when the turn that is under way is over. */
  push(live: LiveInstance, fact: Fact): void;
  /** Takes what is new in an inbox that was read. */
  received(live: LiveInstance, rows: readonly InboxRow[]): void;
  /** Decides what waits, unless a turn is under way. */
  turn(live: LiveInstance): Promise<void>;
  /** A transition was committed, or refused. */
  commitHeld(live: LiveInstance, transition: Transition, decision: Decision, outcome: Committed): void;
  /** Starts what is ready and sets the timers of the rest. */
  goOn(live: LiveInstance): void;
  /** This node does not own the instance any more, or cannot go on with it. */
  lose(live: LiveInstance): void;
  /** The node gives the instance away. */
  isLeaving(live: LiveInstance): boolean;
  /** How the transition of an instance is made here. */
  stance(live: LiveInstance, isBusy: boolean): Stance;
}
