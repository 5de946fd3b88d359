import { firstFacts, remember } from "../execution/claimed.ts";
import type { BodyFact, Fact } from "../execution/facts.ts";
import type { LiveInstance } from "../execution/live-instance.ts";
import { isUnbegun } from "../execution/plan.ts";
import type { Decision } from "../execution/state.ts";
import { isTooLateToEnd, type Stance, takeTurn, transitionOf } from "../execution/turn.ts";
import { ValueTooLargeError } from "../models/errors-values.ts";
import { describeFailure } from "../models/failure.ts";
import { hasReady } from "../models/frontier.ts";
import { maxTransitionBytes } from "../models/limits.ts";
import { type Transition, weightOf } from "../models/transition.ts";
import type { InboxRow } from "../persistence/provider.ts";
import { Bodies } from "./bodies.ts";
import { subscriptionsOf } from "./subscriptions.ts";
import type { Committed } from "./committer.ts";
import { isPassing, isRefusal } from "./persist.ts";
import { Sleepers } from "./sleepers.ts";
import { SuspectLane } from "./suspect-lane.ts";
import type { WorkerParts } from "./worker-parts.ts";

const graceMs = 10_000;
const failedTurnPauseMs = 500;

/** Runs the instances that this node owns: bodies, then a turn for what they answered, then its commit, then what became ready. */
export class Worker {
  readonly live: Map<string, LiveInstance> = new Map();
  isLeaving = false;
  private readonly parts: WorkerParts;
  private readonly lane = new SuspectLane();
  private readonly bodies: Bodies;
  private readonly sleepers: Sleepers;

  constructor(parts: WorkerParts) {
    this.parts = parts;
    this.sleepers = new Sleepers(parts.slots);
    this.bodies = new Bodies(parts, this.lane, {
      owns: (live) => this.owns(live),
      push: (live, fact) => this.push(live, fact),
      received: (live, rows) => this.received(live, rows),
      turn: (live) => this.turn(live),
      commitHeld: (live, transition, decision, outcome) => this.commitHeld(live, transition, decision, outcome),
      goOn: (live) => this.goOn(live),
      lose: (live) => this.lose(live),
      isLeaving: (live) => this.givesAway(live),
      stance: (live, isBusy) => this.stance(live, isBusy),
    });
  }

  /** How many instances hold a slot. */
  get busy(): number {
    return this.live.size - this.sleepers.count;
  }

  /** Takes an instance that was born here: its first pointers are ready. */
  born(live: LiveInstance): void {
    this.enroll(live);
    if (isUnbegun(live.state.frontier)) this.push(live, { kind: "begun" });
    else this.goOn(live);
  }

  /** Takes an instance that was claimed: what it needs is read, what is due and what came is decided. */
  async claimed(live: LiveInstance, now: number, inbox: readonly InboxRow[]): Promise<void> {
    this.enroll(live);
    live.isTurning = true;
    const facts = firstFacts(live, now);
    live.take(inbox); // what comes meanwhile comes behind it
    try {
      await remember(live, this.parts.store.instances);
      if (facts.some(isTimer)) await this.lookFor(live);
    } catch (error) {
      this.parts.env.logger.error("An instance could not be loaded; it is left to the next claim", {
        id: live.id,
        error: String(error),
      });
      await this.pauseAfterFailure();
      return this.lose(live);
    } finally {
      live.isTurning = false;
    }
    live.facts.push(...facts);
    void this.turn(live);
  }

  /** What is due was perhaps overtaken by an event that nobody has looked for yet: that of whoever committed the wait may be under way. */
  private async lookFor(live: LiveInstance): Promise<void> {
    const { events, instances, buckets } = this.parts.store;
    const waits = subscriptionsOf(live, buckets);
    if (waits.length === 0) return;
    await events.look(waits);
    live.take(live.unseen(await instances.inbox([live])));
  }

  /**
   * The inbox of a live instance was read anew. A request to stop waits until the bodies that it aborts have ended, for a while;
   * meanwhile no other begins.
   */
  received(live: LiveInstance, rows: readonly InboxRow[]): void {
    const fresh = live.unseen(rows);
    if (fresh.length === 0 || !this.owns(live)) return;
    if (live.isStopping) {
      live.hasMailLeft = true;
      return;
    }
    const isUndoing = live.state.frontier.rollback !== undefined;
    const stops = fresh.some(
      ({ kind }) => kind === "suspend" || kind === "terminate" || (kind === "compensate" && !isUndoing),
    );
    const take = (): void => {
      live.take(fresh);
      this.push(live, { kind: "continue" });
    };
    if (!stops || live.running.size === 0) return take();
    live.isStopping = true;
    live.mustEnd = fresh.some(({ kind }) => kind === "terminate" || (kind === "compensate" && !isUndoing));
    this.abortBodies(live, new Error("the run was asked to stop"));
    void this.quiet(live).then(() => {
      live.running.clear(); // who ignores the signal for so long no longer holds the state
      live.isStopping = false;
      live.mustEnd = false;
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
    for (const live of this.live.values()) if (!live.isTurning) this.bodies.start(live);
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
    for (const live of this.live.values()) this.bodies.giveAway(live);
  }

  /** Has bodies seen that run for long. Answers in how many milliseconds to look again. */
  async markLong(): Promise<number> {
    this.bodies.markLong(this.live.values());
    return this.parts.longStepMs / 2;
  }

  private enroll(live: LiveInstance): void {
    const before = this.live.get(live.id);
    if (before !== undefined) this.drop(before); // it was given up by a commit that has not been answered yet, or by another hand
    this.live.set(live.id, live);
  }

  private owns(live: LiveInstance): boolean {
    return this.live.get(live.id) === live;
  }

  /** Whoever owns it, it is not this node. */
  lose(live: LiveInstance): void {
    if (!this.owns(live)) return;
    this.drop(live);
    this.parts.ears.lost(live);
  }

  private drop(live: LiveInstance): void {
    this.dismiss(live);
    this.abortBodies(live, new Error("this node does not own the run any more"));
  }

  private dismiss(live: LiveInstance): void {
    this.live.delete(live.id);
    this.sleepers.remove(live);
    this.lane.free(live);
    live.cancelTimers();
  }

  private abortBodies(live: LiveInstance, reason: unknown): void {
    for (const body of live.bodies.values()) body.abort(reason);
  }

  private async quiet(live: LiveInstance): Promise<void> {
    const { env } = this.parts;
    const began = env.monotonic();
    while (live.running.size > 0 && env.monotonic() - began < graceMs) await env.sleep(20);
  }

  private async turn(live: LiveInstance): Promise<void> {
    if (live.isTurning) return;
    live.isTurning = true;
    try {
      while (live.facts.length > 0 && this.owns(live)) await this.turnOnce(live, live.facts.splice(0));
    } catch (error) {
      this.parts.env.logger.error("A turn failed; its instance is left to the next claim", {
        id: live.id,
        error: String(error),
      });
      await this.pauseAfterFailure();
      this.lose(live);
    } finally {
      live.isTurning = false;
      live.passTurn();
    }
  }

  /** Else one that fails each time would be claimed without a pause; and together with what happened to share its batch. */
  private pauseAfterFailure(): Promise<void> {
    const { env } = this.parts;
    return env.sleep(failedTurnPauseMs * (1 + env.random()));
  }

  private async turnOnce(live: LiveInstance, facts: readonly Fact[]): Promise<void> {
    this.wake(live);
    const decision = await this.decided(live, facts);
    // Until its answer is committed a body counts as running, so that nobody starts it again or gives the instance away.
    const answered: string[] = [];
    for (const fact of facts) if (isAnswer(fact)) answered.push(fact.path);
    if (isTooLateToEnd(live, decision)) {
      for (const path of answered) live.running.delete(path);
      return;
    }
    const isBusy = live.running.size > answered.length;
    const lane = this.lane.mustMark(live) && facts.every(({ kind }) => kind === "marked");
    if (!lane && this.mayGoOn(live) && isNothingNew(live, decision)) {
      for (const path of answered) live.running.delete(path); // of bodies whose steps were cancelled meanwhile
      return this.goOn(live);
    }
    const transition = transitionOf(live, decision, this.stance(live, isBusy || lane, lane));
    const weight = weightOf(transition);
    if (weight > maxTransitionBytes)
      return this.refuse(live, new ValueTooLargeError("transition", weight, maxTransitionBytes));
    const outcome = await this.committed(live, transition);
    if (outcome === undefined) return;
    for (const path of answered) live.running.delete(path);
    this.commitHeld(live, transition, decision, outcome);
  }

  /** Whether bodies that are ready start here. Where they do not, their instance must be given away, even if nothing new was decided. */
  private mayGoOn(live: LiveInstance): boolean {
    return !this.givesAway(live) && live.state.status === "Runnable" && !live.plan.isUnknown;
  }

  private givesAway(live: LiveInstance): boolean {
    return this.isLeaving || live.isGuest;
  }

  private stance(live: LiveInstance, isBusy: boolean, lane = false): Stance {
    const { store, clock } = this.parts;
    const patience = { ms: this.sleepers.patience(live), now: clock.now() };
    return { buckets: store.buckets, isLeaving: this.givesAway(live), isBusy, lane, patience };
  }

  /** A sleeper that has something to decide needs a slot to go on. */
  private wake(live: LiveInstance): void {
    if (!live.isAsleep) return;
    live.isGuest = !this.parts.hasFreeSlot();
    this.sleepers.remove(live);
  }

  /** Answers nothing if the database refused what the transition holds: then another one was committed in its place. */
  private async committed(live: LiveInstance, transition: Transition): Promise<Committed | undefined> {
    try {
      return await this.parts.committer.commit(transition);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return this.refuse(live, error);
    }
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
      if (isPassing(error)) throw error;
      return takeTurn(live, [{ kind: "corrupt", failure: describeFailure(error) }], instances);
    }
  }

  /**
   * Bodies that are ready run, and timers of those that are not are set: also of an instance that was claimed with both. One of which
   * nothing runs any more, though it stayed because something did, is decided once more, and rests.
   */
  private goOn(live: LiveInstance): void {
    if (!this.owns(live)) return;
    this.bodies.start(live);
    this.bodies.setTimers(live);
    if (live.running.size > 0 || live.facts.length > 0 || hasReady(live.state.frontier)) return;
    if (!live.isTimed) return this.push(live, { kind: "continue" });
    this.sleepers.add(live); // it stays for its timers alone
    this.parts.ears.freed();
  }

  private commitHeld(live: LiveInstance, transition: Transition, decision: Decision, outcome: Committed): void {
    if (!outcome.held) {
      this.parts.ears.refused(live, transition); // it may have held all the same, and its instance been taken anew since
      return this.lose(live);
    }
    const isHere = this.owns(live);
    if (isHere) this.advance(live, transition, decision, outcome.decidedAt);
    // It is told also if it was given up, and claimed anew before this answer came.
    this.parts.ears.committed(live, transition, decision, outcome.now);
    if (transition.release === "keep") return;
    if (live.bodies.size > 0) this.abortBodies(live, new Error("the run is at rest"));
    if (isHere) this.parts.ears.freed();
  }

  private advance(live: LiveInstance, transition: Transition, decision: Decision, decidedAt: number): void {
    live.advance(decision, decidedAt);
    live.isTimed = transition.dueIn !== null || transition.dueAt !== null;
    this.lane.passed(live, transition);
    for (const path of decision.cancelled) {
      live.bodies.get(path)?.abort(new Error("the step was cancelled"));
      live.timers.get(path)?.cancel();
      live.timers.delete(path);
    }
    if (transition.release !== "keep") return this.dismiss(live);
    if (decision.more) live.facts.push({ kind: "continue" });
    this.goOn(live);
  }
}

const isTimer = ({ kind }: Fact): boolean => kind === "due" || kind === "expired";

const isAnswer = (fact: Fact): fact is BodyFact =>
  fact.kind === "succeeded" || fact.kind === "failed" || fact.kind === "slept";

/** A claim that found nothing to decide commits nothing: it is no progress, which would clear a suspect. */
const isNothingNew = (live: LiveInstance, decision: Decision): boolean =>
  decision.isIdle && hasReady(live.state.frontier);
