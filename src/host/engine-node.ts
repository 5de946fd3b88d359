import type { LiveInstance } from "../execution/live-instance.ts";
import type { Registry } from "../execution/registry.ts";
import type { Decision } from "../execution/state.ts";
import type { Environment } from "../models/environment.ts";
import type { Classify } from "../models/failure.ts";
import type { Transition } from "../models/transition.ts";
import type { EngineStore, Wake } from "../persistence/provider.ts";
import type { Notices } from "../telemetry/notices.ts";
import { announce } from "./announce.ts";
import { Claimer } from "./claimer.ts";
import type { DatabaseClock } from "./clock.ts";
import { Committer } from "./committer.ts";
import { Events } from "./events.ts";
import { Heartbeat, type HeartbeatEars, type WatchTimes } from "./heartbeat.ts";
import type { Hints } from "./hints.ts";
import { Janitor } from "./janitor.ts";
import { Loop } from "./loop.ts";
import { MailRoom } from "./mail-room.ts";
import type { Results } from "./results.ts";
import { endOfState } from "./run-end.ts";
import { ScheduleKeeper } from "./schedule-keeper.ts";
import { Worker } from "./worker.ts";
import type { WorkerEars } from "./worker-parts.ts";

export interface EngineNodeParts {
  readonly store: EngineStore;
  readonly env: Environment;
  readonly clock: DatabaseClock;
  readonly registry: Registry;
  readonly results: Results;
  readonly hints: Hints;
  readonly notices: Notices;
  readonly label: string;
  readonly engine: string;
  readonly slots: number;
  readonly pollMs: number;
  /** Whether hints arrive: then polling is only the net. */
  readonly hearsHints: boolean;
  readonly longStepMs: number;
  readonly classify: Classify | undefined;
  readonly times: WatchTimes;
  /** The node was declared dead: the host boots another. */
  readonly died: () => void;
}

const mailWindowMs = 2_000;
const hintedPollMs = 10_000;

/** One identity of this process in the store, from its registration to its end, with all loops that act in its name. */
export class EngineNode {
  readonly id: string;
  readonly committer: Committer;
  readonly worker: Worker;
  readonly claimer: Claimer;
  readonly events: Events;
  readonly keeper: ScheduleKeeper;
  private readonly parts: EngineNodeParts;
  private readonly heartbeat: Heartbeat;
  private readonly janitor: Janitor;
  private readonly mail: MailRoom;
  private readonly marking: Loop;
  private readonly ending = new AbortController();
  private readonly births = new Set<string>();
  private isEnding = false;
  private mailAt = -Infinity;

  constructor(parts: EngineNodeParts) {
    const { store, env, clock, hints, times } = parts;
    const pollMs = parts.hearsHints ? Math.max(parts.pollMs, hintedPollMs) : parts.pollMs;
    const { signal } = this.ending;
    this.parts = parts;
    this.id = env.uuid();
    const owner = this.id;
    const mayStart = (): boolean => this.heartbeat.isFresh;
    this.committer = new Committer({ store, env, clock, owner, signal, holds: (id) => this.worker.live.has(id) });
    const hasFreeSlot = (): boolean => this.hasFreeSlot();
    this.worker = new Worker({ ...parts, committer: this.committer, mayStart, hasFreeSlot, ears: this.workerEars() });
    this.claimer = new Claimer({
      ...parts,
      pollMs,
      owner,
      worker: this.worker,
      mayStart,
      held: () => [...this.worker.live.keys(), ...this.births],
      busy: () => this.busy(),
      passOn: () => hints.left(),
    });
    this.events = new Events({
      store,
      env,
      hints,
      owner,
      signal,
      notices: parts.notices,
      ears: { woke: () => this.claimer.poke(), mail: () => this.checkMail(), started: () => this.leftToAny() },
    });
    this.mail = new MailRoom({ store, env, worker: this.worker });
    this.janitor = new Janitor({ ...parts, self: owner, claimer: this.claimer, events: this.events });
    this.keeper = new ScheduleKeeper({ ...parts, pollMs, endPollMs: parts.pollMs, started: () => this.leftToAny() });
    this.marking = new Loop(env, "Marking long steps", () => this.worker.markLong());
    this.heartbeat = new Heartbeat({ store, env, clock, node: owner, times, ears: this.heartbeatEars() });
  }

  /** Throws what the store throws; then nothing of this node goes on. */
  async boot(): Promise<void> {
    const { store, clock, registry, label, engine } = this.parts;
    try {
      const { now } = await store.nodes.register({ id: this.id, label, engine, definitions: registry.names() });
      clock.observe(now);
      this.heartbeat.start();
      await this.janitor.start();
    } catch (error) {
      await this.abandon();
      throw error;
    }
    if (this.isEnding) return; // it was declared dead meanwhile, and another one boots in its place
    this.mail.start();
    this.marking.start();
    this.claimer.start();
    this.keeper.start();
  }

  /** Reserves a slot for a start that is to be born owned; false if there is none. */
  claimSlot(id: string): boolean {
    const { worker, heartbeat, claimer } = this;
    if (worker.isLeaving || !heartbeat.isFresh || !claimer.mayBear || !this.hasFreeSlot()) return false;
    this.births.add(id);
    return true;
  }

  /** Whether the start was stored is not known: if it was, it is given back to be claimed. */
  doubt(id: string): void {
    this.births.delete(id);
    this.claimer.unsure();
  }

  /** The start has answered: its instance is in memory by now, or was not born here. */
  freeSlot(id: string): void {
    this.births.delete(id);
    this.claimer.slotFreed();
  }

  private busy(): number {
    return this.worker.busy + this.births.size;
  }

  private hasFreeSlot(): boolean {
    return this.busy() + this.claimer.reserved < this.parts.slots;
  }

  /** A start was left to any node. */
  leftToAny(): void {
    this.claimer.poke();
    this.parts.hints.due();
  }

  hear(wake: Wake): void {
    if (wake.kind === "due") return this.claimer.poke();
    if (wake.kind === "left") return this.claimer.askAgain();
    if (wake.kind === "inbox") return wake.owner === this.id ? this.checkMail() : undefined;
    if (wake.kind === "ended") return void this.letGo(wake.ids);
    if (wake.kind === "events") return this.janitor.sweepSoon();
    if (wake.kind !== "gap") return;
    this.claimer.askAgain();
    this.checkMail();
    this.janitor.sweepSoon();
  }

  /** Runs that live here and have ended all the same, or are gone, were taken away by a record: their bodies need not go on. */
  private async letGo(ids: readonly string[]): Promise<void> {
    const { store, results, env } = this.parts;
    const mine = ids.flatMap((id) => this.worker.live.get(id) ?? []);
    if (mine.length === 0) return;
    try {
      const epochs = new Map((await store.instances.look(mine)).map(({ id, epoch }) => [id, epoch]));
      for (const live of mine) if (epochs.get(live.id) !== live.epoch) this.worker.lose(live);
      results.look();
    } catch (error) {
      env.logger.debug("A hint was not followed; the next commit finds out", { error: String(error) });
    }
  }

  /** Something lies in the inbox of an instance that this node owned when it was put there. */
  checkMail(): void {
    this.mailAt = this.parts.env.monotonic();
    this.mail.poke();
    this.claimer.poke();
  }

  /** Ends in order: starts nothing more, waits for bodies, aborts those that take too long, gives everything away. */
  async end(drainMs: number): Promise<void> {
    const { store, env, hints } = this.parts;
    this.isEnding = true;
    await Promise.all([this.claimer.stop(), this.keeper.stop()]);
    await store.nodes.drain(this.id).catch(() => undefined);
    this.worker.leave();
    await this.empty(drainMs);
    if (this.worker.live.size > 0) {
      this.worker.abortAll(new Error("the host stops"));
      await this.empty(1_000);
    }
    this.worker.loseAll();
    this.ending.abort();
    await Promise.all([this.committer.drained(), this.events.drained(), ...this.stopLoops()]);
    await this.heartbeat.stop();
    await store.nodes.retire(this.id).catch(() => undefined);
    await store.nodes.release(10_000).catch(() => undefined);
    hints.left();
    await hints.flush();
    env.logger.debug("The node has left", { node: this.id });
  }

  /** Ends at once: the node was declared dead, and owns nothing. */
  async abandon(): Promise<void> {
    this.isEnding = true;
    this.worker.isLeaving = true;
    this.worker.loseAll();
    this.ending.abort();
    await Promise.all([this.claimer.stop(), this.keeper.stop(), this.heartbeat.stop(), ...this.stopLoops()]);
  }

  private stopLoops(): Promise<void>[] {
    return [this.mail.stop(), this.marking.stop(), this.janitor.stop()];
  }

  private async empty(patienceMs: number): Promise<void> {
    const { env } = this.parts;
    const began = env.monotonic();
    while (this.worker.live.size > 0 && env.monotonic() - began < patienceMs) await env.sleep(5);
  }

  private workerEars(): WorkerEars {
    return {
      committed: (live, transition, decision, now) => this.committed(live, transition, decision, now),
      refused: (live, transition) => this.lookFor(live, transition),
      freed: () => this.claimer.slotFreed(),
      lost: () => this.claimer.unsure(),
    };
  }

  private committed(live: LiveInstance, transition: Transition, decision: Decision, now: number): void {
    const { results, hints, notices } = this.parts;
    this.lookFor(live, transition);
    if (transition.release === "park") this.expect(transition, now);
    // Mail that came while the instance was parking has made it due.
    if (
      transition.release !== "keep" &&
      transition.release !== "end" &&
      (live.isStopping || live.hasMailLeft || this.parts.env.monotonic() - this.mailAt < mailWindowMs)
    )
      this.claimer.poke();
    if (transition.release === "yield") this.leftToAny();
    if (transition.release === "end") {
      results.ended(live.id, endOfState(decision.state));
      if (!live.isComplete) hints.over(live.id); // born elsewhere: somebody there may wait
    }
    if (notices.isHeard) announce(notices, live, transition, decision);
  }

  private lookFor(live: LiveInstance, { subscribe }: Transition): void {
    for (const { bucket, topic, path } of subscribe)
      this.events.look({ bucket, topic, instanceBucket: live.bucket, instance: live.id, path });
  }

  private expect({ dueIn, dueAt }: Transition, now: number): void {
    const due = Math.min(dueIn === null ? Infinity : now + dueIn, dueAt ?? Infinity);
    if (due === Infinity) return;
    if (this.isEnding)
      this.parts.hints.left(); // others must ask for it
    else this.claimer.expect(due);
  }

  private heartbeatEars(): HeartbeatEars {
    const { env, died } = this.parts;
    return {
      stale: () => {
        env.logger.warn("No heartbeat was confirmed in time: running bodies are told to stop", { node: this.id });
        this.worker.abortAll(new Error("the node's heartbeat is not confirmed"));
      },
      fresh: () => {
        this.worker.resume();
        this.claimer.poke();
      },
      dead: () => {
        if (!this.isEnding) died();
      },
    };
  }
}
