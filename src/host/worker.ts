import type { Environment } from "../models/environment.ts";
import { describeFailure } from "../models/failure.ts";
import { WorkflowError } from "../models/errors.ts";
import { ValueTooLargeError } from "../models/errors-values.ts";
import { maxTransitionBytes } from "../models/limits.ts";
import { type Transition, weightOf } from "../models/transition.ts";
import { load } from "../execution/answer.ts";
import { runBody } from "../execution/body.ts";
import type { BodyFact, Fact } from "../execution/facts.ts";
import type { LiveInstance } from "../execution/live-instance.ts";
import { isUnbegun, placeOf, type Plan } from "../execution/plan.ts";
import type { Decision } from "../execution/state.ts";
import { takeTurn, transitionOf } from "../execution/turn.ts";
import type { StepNode } from "../models/definition.ts";
import { undoneBy } from "../models/path.ts";
import type { EngineStore, InboxRow } from "../persistence/provider.ts";
import type { DatabaseClock } from "./clock.ts";
import type { Committed, Committer } from "./committer.ts";
import { SuspectLane } from "./suspect-lane.ts";
import { TransactionalBodies } from "./transactional-bodies.ts";

/** What the rest of the host hears of the worker. */
export interface WorkerEars {
  /** A transition was committed: subscriptions of it are to be looked for, its instance may be at rest or over. */
  committed(live: LiveInstance, transition: Transition, decision: Decision, now: number): void;
  /** The instance has left this node, for whatever reason: a slot is free. */
  left(live: LiveInstance): void;
}

export interface WorkerParts {
  readonly store: EngineStore;
  readonly env: Environment;
  readonly clock: DatabaseClock;
  readonly committer: Committer;
  readonly ears: WorkerEars;
  /** Whether the node may start bodies: its heartbeat is fresh. */
  readonly mayStart: () => boolean;
  /** Milliseconds after which the row of a running body is written. */
  readonly longStepMs: number;
}

const graceMs = 10_000;

/** Runs the instances that this node owns: bodies, then a turn for what they answered, then its commit, then what became ready. */
export class Worker {
  readonly live = new Map<string, LiveInstance>();
  isLeaving = false;
  private readonly parts: WorkerParts;
  private readonly lane: SuspectLane;
  private readonly transactional: TransactionalBodies;

  constructor(parts: WorkerParts) {
    this.parts = parts;
    this.lane = new SuspectLane();
    this.transactional = new TransactionalBodies(parts, {
      turn: (live) => this.turn(live),
      commitHeld: (live, transition, decision, outcome) => this.commitHeld(live, transition, decision, outcome),
      lose: (live) => this.lose(live),
    });
  }

  /** Takes an instance that was born here: its first pointers are ready. */
  born(live: LiveInstance): void {
    this.enroll(live);
    if (isUnbegun(live.state.frontier)) this.push(live, { kind: "begun" });
    else this.startBodies(live);
  }

  /** Takes an instance that was claimed: what it needs is read, what is due and what came is decided. */
  async claimed(live: LiveInstance, now: number, inbox: readonly InboxRow[]): Promise<void> {
    this.enroll(live);
    live.isTurning = true;
    try {
      await this.remember(live);
    } catch (error) {
      this.parts.env.logger.error("An instance could not be loaded; it is left to the next claim", { id: live.id, error: String(error) });
      return this.lose(live);
    } finally {
      live.isTurning = false;
    }
    live.inbox = inbox;
    live.facts.push(...firstFacts(live, now));
    void this.turn(live);
  }

  /** The inbox of a live instance was read anew. A request to stop waits until the bodies that it aborts have ended, for a while. */
  received(live: LiveInstance, rows: readonly InboxRow[]): void {
    const known = new Set(live.inbox.map((row) => row.source));
    const fresh = rows.filter((row) => !known.has(row.source));
    if (fresh.length === 0 || !this.owns(live)) return;
    const stops = fresh.some((row) => row.kind === "suspend" || row.kind === "terminate");
    const take = (): void => {
      live.inbox = [...live.inbox, ...fresh];
      live.inboxSeen = Math.max(live.inboxSeen, ...fresh.map((row) => row.seq));
      this.push(live, { kind: "continue" });
    };
    if (!stops || live.running.size === 0) return take();
    this.abortBodies(live, new Error("the run was asked to stop"));
    void this.quiet(live).then(() => {
      live.running.clear(); // who ignores the signal for so long no longer holds the state
      take();
    });
  }

  push(live: LiveInstance, fact: Fact): void {
    if (!this.owns(live)) return;
    live.facts.push(fact);
    void this.turn(live);
  }

  /** Starts what waited for a fresh heartbeat. */
  resume(): void {
    for (const live of this.live.values()) if (!live.isTurning) this.startBodies(live);
  }

  abortAll(reason: unknown): void {
    for (const live of this.live.values()) this.abortBodies(live, reason);
  }

  /** This node owns nothing any more. */
  loseAll(): void {
    for (const live of [...this.live.values()]) this.lose(live);
  }

  /** From now on instances are given away as soon as no body of theirs runs. */
  leave(): void {
    this.isLeaving = true;
    for (const live of this.live.values()) this.giveAway(live);
  }

  private enroll(live: LiveInstance): void {
    this.live.set(live.id, live);
  }

  private owns(live: LiveInstance): boolean {
    return this.live.get(live.id) === live;
  }

  private lose(live: LiveInstance): void {
    if (!this.owns(live)) return;
    this.live.delete(live.id);
    this.lane.free(live);
    this.abortBodies(live, new Error("this node does not own the run any more"));
    this.parts.ears.left(live);
  }

  private abortBodies(live: LiveInstance, reason: unknown): void {
    for (const body of live.bodies.values()) body.abort(reason);
  }

  private async quiet(live: LiveInstance): Promise<void> {
    const { env } = this.parts;
    const began = env.monotonic();
    while (live.running.size > 0 && env.monotonic() - began < graceMs) await env.sleep(20);
  }

  /** Kept values and items of open containers, which forward execution needs. */
  private async remember(live: LiveInstance): Promise<void> {
    const { frontier } = live.state;
    const { instances } = this.parts.store;
    const kept = Object.values(frontier.kept ?? {}).flatMap((names) => Object.values(names));
    if (kept.length > 0) await load(live, kept, instances);
    const crowds = Object.entries(frontier.scopes ?? {}).flatMap(([path, scope]) => (scope.started ? [path] : []));
    if (crowds.length > 0) await live.loadItems(crowds, instances);
  }

  private async turn(live: LiveInstance): Promise<void> {
    if (live.isTurning) return;
    live.isTurning = true;
    try {
      while (live.facts.length > 0 && this.owns(live)) await this.turnOnce(live, live.facts.splice(0));
    } catch (error) {
      this.parts.env.logger.error("A turn failed; its instance is left to the next claim", { id: live.id, error: String(error) });
      this.lose(live);
    } finally {
      live.isTurning = false;
      live.passTurn();
    }
  }

  private async turnOnce(live: LiveInstance, facts: readonly Fact[]): Promise<void> {
    const { store, committer } = this.parts;
    const decision = await this.decided(live, facts);
    // Until its answer is committed a body counts as running, so that nobody starts it again or gives the instance away.
    const answered = facts.flatMap((fact) => (isAnswer(fact) ? [fact.path] : []));
    const isBusy = live.running.size > answered.length;
    const stance = { buckets: store.buckets, isLeaving: this.isLeaving, isBusy };
    const transition = transitionOf(live, decision, stance);
    const weight = weightOf(transition);
    if (weight > maxTransitionBytes) return this.refuse(live, new ValueTooLargeError("transition", weight, maxTransitionBytes));
    const outcome = await committer.commit(transition).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
      return this.refuse(live, error);
    });
    if (outcome === undefined) return;
    for (const path of answered) live.running.delete(path);
    this.commitHeld(live, transition, decision, outcome);
  }

  /** What the database cannot store suspends the instance as it was before, visibly. */
  private async refuse(live: LiveInstance, error: unknown): Promise<undefined> {
    const { store, committer } = this.parts;
    const decision = await takeTurn(live, [{ kind: "corrupt", failure: describeFailure(error) }], store.instances);
    const transition = transitionOf(live, decision, { buckets: store.buckets, isLeaving: false, isBusy: false });
    this.commitHeld(live, transition, decision, await committer.commit(transition));
  }

  /** What cannot be decided (a frontier that does not fit the definition, say) suspends the instance, visibly. */
  private async decided(live: LiveInstance, facts: readonly Fact[]): Promise<Decision> {
    const { instances } = this.parts.store;
    try {
      return await takeTurn(live, facts, instances);
    } catch (error) {
      if (isPassingRead(error)) throw error;
      return takeTurn(live, [{ kind: "corrupt", failure: describeFailure(error) }], instances);
    }
  }

  private commitHeld(live: LiveInstance, transition: Transition, decision: Decision, outcome: Committed): void {
    if (!this.owns(live)) return;
    if (!outcome.held) return this.lose(live);
    live.advance(decision, outcome.now);
    this.lane.passed(live, transition);
    for (const path of decision.cancelled) live.bodies.get(path)?.abort(new Error("the step was cancelled"));
    if (transition.release === "keep") {
      if (decision.more) live.facts.push({ kind: "continue" });
      this.startBodies(live);
      this.setTimers(live);
    } else {
      this.live.delete(live.id);
      this.lane.free(live);
    }
    this.parts.ears.committed(live, transition, decision, outcome.now);
    if (transition.release === "keep") return;
    if (live.bodies.size > 0) this.abortBodies(live, new Error("the run is at rest"));
    this.parts.ears.left(live);
  }

  /** Runs every ready pointer whose body does not run yet. A suspect instance waits for the lane and a row that says so. */
  private startBodies(live: LiveInstance): void {
    if (!this.owns(live) || !this.parts.mayStart() || live.state.status !== "Runnable") return;
    if (this.isLeaving) return this.giveAway(live);
    if (!this.lane.admits(live, () => this.startBodies(live))) return;
    const { running } = live;
    const ready: string[] = [];
    for (const [path, pointer] of Object.entries(live.state.frontier.pointers)) {
      if (pointer.state === undefined && !running.has(path)) ready.push(path);
    }
    if (ready.length === 0) return;
    if (this.lane.mustMark(live)) return void this.mark(live, ready);
    for (const path of ready) this.startBody(live, path);
  }

  private giveAway(live: LiveInstance): void {
    if (live.running.size === 0) this.push(live, { kind: "continue" });
  }

  private startBody(live: LiveInstance, path: string): void {
    live.running.add(path);
    const undo = !live.plan.places.has(path) && isUndoPath(live.plan, path);
    const node = placeOf(live.plan, undo ? undoneBy(path) : path).node as StepNode;
    const run = { live, path, node, undo, env: this.parts.env, reader: this.parts.store.instances };
    const done = (fact: BodyFact | undefined): void => {
      if (fact !== undefined) return this.push(live, fact);
      live.running.delete(path);
      this.startBodies(live);
    };
    const { longStepMs, env } = this.parts;
    const timer = longStepMs < Infinity ? env.later(longStepMs, () => this.push(live, { kind: "marked", paths: [path] })) : undefined;
    const isTransactional = undo ? node.undo?.transactional === true : node.transactional;
    const answered = isTransactional ? this.transactional.run(run) : runBody(run);
    answered.then(done, (error: unknown) => {
      env.logger.error("A body could not be run", { id: live.id, path, error: String(error) });
      this.lose(live);
    }).finally(() => timer?.cancel());
  }

  private async mark(live: LiveInstance, paths: readonly string[]): Promise<void> {
    live.isTurning = true;
    const { store, committer } = this.parts;
    try {
      const decision = await takeTurn(live, [{ kind: "marked", paths }], store.instances);
      const transition = transitionOf(live, decision, { buckets: store.buckets, isLeaving: false, isBusy: true, lane: true });
      const outcome = await committer.commit(transition);
      live.isTurning = false;
      this.commitHeld(live, transition, decision, outcome);
    } catch (error) {
      live.isTurning = false;
      this.parts.env.logger.error("A suspect instance could not be marked", { id: live.id, error: String(error) });
      this.lose(live);
    }
  }

  /** Timers of an instance that stays in memory because something else of it runs. */
  private setTimers(live: LiveInstance): void {
    for (const [path, { due }] of Object.entries(live.state.frontier.pointers)) {
      if (due !== undefined && !live.timers.has(path)) this.setTimer(live, path, due);
    }
  }

  private setTimer(live: LiveInstance, path: string, due: number): void {
    const { env, clock } = this.parts;
    live.timers.add(path);
    env.later(clock.until(due), () => {
      live.timers.delete(path);
      if (!this.owns(live) || live.state.frontier.pointers[path]?.due !== due) return;
      if (clock.now() < due) this.setTimer(live, path, due);
      else this.push(live, { kind: "due", path });
    });
  }
}

const isAnswer = (fact: Fact): fact is BodyFact =>
  fact.kind === "succeeded" || fact.kind === "failed" || fact.kind === "slept";

const isRefusal = (error: unknown): boolean => error instanceof WorkflowError && error.errorClass === "invalid";

const isPassingRead = (error: unknown): boolean =>
  error instanceof Error && "shouldRetry" in error && (error as { shouldRetry(): boolean }).shouldRetry();

const isUndoPath = (plan: Plan, path: string): boolean =>
  path.endsWith("/undo") && !plan.places.has(path.replace(/\[\d+\]/g, "[]"));

function firstFacts(live: LiveInstance, now: number): Fact[] {
  if (live.crashes >= 3) return [{ kind: "poison" }];
  const facts: Fact[] = [{ kind: isUnbegun(live.state.frontier) ? "begun" : "continue" }];
  for (const [path, { due }] of Object.entries(live.state.frontier.pointers)) {
    if (due !== undefined && due <= now) facts.push({ kind: "due", path });
  }
  return facts;
}
