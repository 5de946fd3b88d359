import { type BodyRun, runBody } from "../execution/body.ts";
import type { BodyFact } from "../execution/facts.ts";
import type { LiveInstance } from "../execution/live-instance.ts";
import { isUndoPath, placeOf } from "../execution/plan.ts";
import type { StepNode } from "../models/definition.ts";
import { undoneBy } from "../models/path.ts";
import { subscriptionsOf } from "./subscriptions.ts";
import type { SuspectLane } from "./suspect-lane.ts";
import { TransactionalBodies } from "./transactional-bodies.ts";
import type { Turns, WorkerParts } from "./worker-parts.ts";

const inboxPauseMs = 500;

/** Starts the bodies of instances that this node owns, and the timers of those that stay in memory. */
export class Bodies {
  private readonly parts: WorkerParts;
  private readonly lane: SuspectLane;
  private readonly turns: Turns;
  private readonly transactional: TransactionalBodies;

  constructor(parts: WorkerParts, lane: SuspectLane, turns: Turns) {
    this.parts = parts;
    this.lane = lane;
    this.turns = turns;
    this.transactional = new TransactionalBodies(parts, turns);
  }

  /** Runs every ready pointer whose body does not run yet. A suspect instance waits for the lane and a row that says so. */
  start(live: LiveInstance): void {
    if (!this.turns.owns(live) || live.isStopping || !this.parts.mayStart()) return;
    if (this.turns.isLeaving(live) || live.state.status !== "Runnable") return this.giveAway(live);
    if (!this.lane.admits(live, () => this.start(live))) return;
    const { pointers } = live.state.frontier;
    const ready: string[] = [];
    for (const path of Object.keys(pointers)) {
      if (pointers[path]?.state === undefined && !live.running.has(path)) ready.push(path);
    }
    if (ready.length === 0) return;
    if (this.lane.mustMark(live)) return this.turns.push(live, { kind: "marked", paths: ready });
    for (const path of ready) this.startBody(live, path);
  }

  /** An instance of which nothing runs is decided once more, and let go. */
  giveAway(live: LiveInstance): void {
    this.transactional.stopWaiting(live);
    if (live.running.size === 0) this.turns.push(live, { kind: "continue" });
  }

  /** Timers of an instance that stays in memory because something else of it runs; that of the run as a whole has no path. */
  setTimers(live: LiveInstance): void {
    const { pointers, deadline } = live.state.frontier;
    for (const path of Object.keys(pointers)) this.setTimer(live, path, pointers[path]?.due);
    this.setTimer(live, "", deadline?.due);
  }

  /** Has rows written for bodies that run for long, so that they can be seen. */
  markLong(all: Iterable<LiveInstance>): void {
    const since = this.parts.env.monotonic() - this.parts.longStepMs;
    for (const live of all) {
      const { pointers } = live.state.frontier;
      const paths: string[] = [];
      for (const [path, began] of live.running) if (began < since && !pointers[path]?.started) paths.push(path);
      if (paths.length > 0) this.turns.push(live, { kind: "marked", paths });
    }
  }

  private startBody(live: LiveInstance, path: string): void {
    const { env, store, classify } = this.parts;
    live.running.set(path, env.monotonic());
    const undo = isUndoPath(live.plan, path);
    const node = placeOf(live.plan, undo ? undoneBy(path) : path).node as StepNode;
    const run: BodyRun = { live, path, node, undo, env, classify, reader: store.instances };
    const isTransactional = undo ? node.undo?.transactional === true : node.transactional;
    const answered = isTransactional ? this.transactional.run(run) : runBody(run);
    answered.then(
      (fact) => this.answered(live, path, fact),
      (error: unknown) => {
        env.logger.error("A body could not be run", { id: live.id, path, error: String(error) });
        this.turns.lose(live);
      },
    );
  }

  /** Without a fact there is nothing to decide: it is committed already, or the body was told to stop and will run again. */
  private answered(live: LiveInstance, path: string, fact: BodyFact | undefined): void {
    if (fact !== undefined) return this.turns.push(live, fact);
    live.running.delete(path);
    this.turns.goOn(live);
  }

  private setTimer(live: LiveInstance, path: string, due: number | undefined): void {
    const { env, clock } = this.parts;
    // A run that rests, while a body of it still ends, has no timers: what is due would be put off, and asked again at once.
    if (due === undefined || live.timers.has(path) || live.state.status !== "Runnable") return;
    const timer = env.later(clock.until(due), () => {
      live.timers.delete(path);
      if (!this.turns.owns(live) || live.state.status !== "Runnable") return;
      const { pointers, deadline } = live.state.frontier;
      const timed = path === "" ? deadline : pointers[path];
      // It may have been set for another instant meanwhile, or not have come yet.
      if (timed?.due !== due || clock.now() < due) return this.setTimer(live, path, timed?.due);
      if (path === "") return this.turns.push(live, { kind: "expired" });
      if (pointers[path]?.event === undefined) return this.turns.push(live, { kind: "due", path, due });
      live.timers.set(path, timer); // until it has looked: what goes on meanwhile sets no other
      void this.giveUpWaiting(live, path, due);
    });
    live.timers.set(path, timer);
  }

  /**
   * The event may lie in the inbox, unread: it is looked for once more before it counts as too late. While the run is about to stop
   * nothing is taken from its inbox; the turn behind that sets the timer again.
   */
  private async giveUpWaiting(live: LiveInstance, path: string, due: number): Promise<void> {
    const { env, store } = this.parts;
    try {
      await store.events.look(subscriptionsOf(live, store.buckets).filter((one) => one.path === path));
      this.turns.received(live, await store.instances.inbox([live]));
      live.timers.delete(path);
      if (!live.isStopping) this.turns.push(live, { kind: "due", path, due });
    } catch (error) {
      env.logger.warn("An inbox could not be read; trying again", { id: live.id, error: String(error) });
      await env.sleep(inboxPauseMs);
      live.timers.delete(path);
      this.setTimer(live, path, due);
    }
  }
}
