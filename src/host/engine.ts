import type { Registry } from "../execution/registry.ts";
import type { Environment } from "../models/environment.ts";
import { InvalidRequestError } from "../models/errors.ts";
import { InstanceNotFoundError } from "../models/errors-instance.ts";
import { encodeValue } from "../models/codec.ts";
import { bucketOf } from "../models/identity.ts";
import type { WorkflowStatus } from "../models/instance.ts";
import { maxDescriptionBytes } from "../models/limits.ts";
import { utf8Bytes } from "../models/text.ts";
import type { EngineStore, InstanceRef, RequestRow, Wake } from "../persistence/provider.ts";
import type { Notices } from "../telemetry/notices.ts";
import { DatabaseClock } from "./clock.ts";
import { registerDefinitions, registerTriggers } from "./definitions.ts";
import { EngineNode } from "./engine-node.ts";
import type { ResolvedOptions } from "./host-options.ts";
import { Hints } from "./hints.ts";
import { Incumbents } from "./incumbents.ts";
import { persistently } from "./persist.ts";
import { Results } from "./results.ts";

const requestGivesUpMs = 30_000;
const rebirthPauseMs = 1_000;
const version = "0.1.0";

interface EngineParts {
  readonly registry: Registry;
  readonly notices: Notices;
  readonly options: ResolvedOptions;
  /** The host is to stop: what it waits for while it starts is waited for no longer. */
  readonly stop: AbortSignal;
}

/** A started host's working parts. The node among them is replaced when the others have declared it dead. */
export class Engine {
  readonly store: EngineStore;
  readonly env: Environment;
  readonly results: Results;
  node: EngineNode;
  private readonly clock: DatabaseClock;
  private readonly hints: Hints;
  private readonly from: EngineParts;
  private hearsHints = false;
  private rebirth: Promise<void> | undefined;
  private readonly ending = new AbortController();
  private readonly listening = new AbortController();

  constructor(store: EngineStore, env: Environment, from: EngineParts) {
    this.store = store;
    this.env = env;
    this.from = from;
    this.clock = new DatabaseClock(env);
    this.hints = new Hints(store.wakes, env);
    this.results = new Results(store, env, (id) => this.node.worker.live.has(id));
    this.node = this.newNode();
  }

  async boot(): Promise<void> {
    this.warmUp();
    const hearing = this.listen();
    try {
      await this.register();
      this.hearsHints = await hearing;
      this.node = this.newNode();
      await this.node.boot();
    } catch (error) {
      this.listening.abort();
      await hearing;
      throw error;
    }
    this.results.start(); // last: nothing stops it if the node does not boot
  }

  refOf(id: string): InstanceRef {
    return { id, bucket: bucketOf(id, this.store.buckets) };
  }

  /** Throws `InstanceNotFoundError`. */
  async status(id: string): Promise<WorkflowStatus> {
    const patience = { env: this.env, what: "Reading a status", giveUpMs: requestGivesUpMs };
    const [view] = await persistently(patience, () => this.store.instances.look([this.refOf(id)]));
    if (view === undefined) throw new InstanceNotFoundError(id);
    return view.status;
  }

  /**
   * Stores a request for a run; resolves once it is durable. If nobody owns the run, this node takes it and carries the request out,
   * whatever its definition (to compensate, a node that has it); else its owner does, when it reads its inbox. Answers false if the
   * run was over. Throws `InstanceNotFoundError`, and `InvalidRequestError` for a reason that cannot be.
   */
  async request(id: string, kind: RequestRow["kind"], reason?: string): Promise<boolean> {
    const ref = this.refOf(id);
    const payload = reason === undefined ? null : encodeValue({ reason: checkReason(kind, reason) }, "reason").json;
    const row: RequestRow = { requestId: this.env.uuid(), kind, payload };
    const patience = { env: this.env, what: "Storing a request", giveUpMs: requestGivesUpMs };
    const reply = await persistently(patience, () => this.store.instances.request(ref, row));
    if (reply === null) throw new InstanceNotFoundError(id);
    if (reply.terminal) return false;
    if (reply.owner === this.node.id) this.node.checkMail();
    else if (reply.owner !== null) this.hints.inbox(reply.owner);
    else if (kind === "compensate") this.node.leftToAny();
    else this.node.claimer.want(ref);
    return true;
  }

  async end(drainMs: number): Promise<void> {
    this.ending.abort();
    await this.rebirth;
    await this.node.end(drainMs);
    await this.results.stop();
    this.listening.abort();
  }

  /** Nobody waits for this. What it meets, the first batch would meet too, and that one is sent again. */
  private warmUp(): void {
    this.store.warmUp?.().catch((error: unknown) => {
      this.env.logger.debug("The lanes could not be made ready yet", { error: String(error) });
    });
  }

  private newNode(): EngineNode {
    const { registry, notices, options } = this.from;
    return new EngineNode({
      store: this.store,
      env: this.env,
      clock: this.clock,
      results: this.results,
      hints: this.hints,
      registry,
      notices,
      label: options.label,
      engine: version,
      slots: options.concurrency,
      pollMs: options.pollMs,
      hearsHints: this.hearsHints,
      longStepMs: options.longStepMs,
      classify: options.classifyError,
      times: options.times,
      died: () => this.reborn(),
    });
  }

  /** The node was declared dead while the process lives (it was stopped, or cut off): it goes on under a new identity. */
  private reborn(): void {
    const { signal } = this.ending;
    if (signal.aborted || this.rebirth !== undefined) return;
    const dead = this.node;
    this.env.logger.warn("This node was declared dead; the process goes on as a new one", { node: dead.id });
    this.rebirth = this.registerAnew(dead).finally(() => (this.rebirth = undefined));
  }

  /** Whatever stands in the way may pass: a process that gave up would take starts, and run none of them. */
  private async registerAnew(dead: EngineNode): Promise<void> {
    const { signal } = this.ending;
    await dead.abandon();
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      const node = this.newNode();
      try {
        await node.boot();
        this.node = node;
        return;
      } catch (error) {
        if (attempt % 10 === 1)
          this.env.logger.error("This process runs no workflows until it can register anew; trying again", {
            attempt,
            error: String(error),
          });
        await this.env.sleep(rebirthPauseMs * (0.5 + this.env.random()), signal);
      }
    }
  }

  private async register(): Promise<void> {
    const { store, env } = this;
    const { registry, options, stop } = this.from;
    const plans = registry.all();
    const incumbents = new Incumbents({ store, env, deadMs: options.times.deadMs, stop });
    await registerDefinitions({ store, plans, onChanged: options.onChanged, incumbents });
    await registerTriggers(this.store, plans);
  }

  /** Whether hints arrive. Never rejects: they may be missing. */
  private async listen(): Promise<boolean> {
    try {
      return (await this.store.wakes?.listen((wake) => this.hear(wake), this.listening.signal)) ?? false;
    } catch (error) {
      this.env.logger.warn("No hints from other processes: polling alone", { error: String(error) });
      return false;
    }
  }

  private hear(wake: Wake): void {
    if (wake.kind === "ended" ? wake.ids.some((id) => this.results.isAwaited(id)) : wake.kind === "gap")
      this.results.look();
    this.node.hear(wake);
  }
}

/** What a record of the run takes, too: it can be written back. */
function checkReason(kind: RequestRow["kind"], reason: unknown): string {
  if (typeof reason !== "string") throw new InvalidRequestError(`${kind}: reason`, "must be a text");
  if (utf8Bytes(reason) <= maxDescriptionBytes) return reason;
  throw new InvalidRequestError(`${kind}: reason`, `must not take more than ${maxDescriptionBytes} bytes`);
}
