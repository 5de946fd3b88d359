import type { LiveInstance } from "../execution/live-instance.ts";
import type { Environment } from "../models/environment.ts";
import type { EngineStore, InboxRow } from "../persistence/provider.ts";
import { Loop } from "./loop.ts";
import type { Worker } from "./worker.ts";

const netMs = 1_000;
const readAtOnce = 1_000;

/** Reads the inboxes of instances that stay in memory: when poked, and by polling those whose bodies run long. */
export class MailRoom {
  private readonly store: EngineStore;
  private readonly worker: Worker;
  private readonly loop: Loop;
  private isPoked = false;
  private seen = new WeakSet<LiveInstance>();

  constructor(from: { store: EngineStore; env: Environment; worker: Worker }) {
    this.store = from.store;
    this.worker = from.worker;
    this.loop = new Loop(from.env, "Reading inboxes", () => this.read());
  }

  start(): void {
    this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  poke(): void {
    this.isPoked = true;
    this.loop.poke();
  }

  private async read(): Promise<number> {
    const all = [...this.worker.live.values()];
    const wasPoked = this.isPoked;
    this.isPoked = false;
    try {
      await this.readAll(all, wasPoked);
    } catch (error) {
      this.isPoked ||= wasPoked;
      throw error;
    }
    return netMs;
  }

  private async readAll(all: readonly LiveInstance[], wasPoked: boolean): Promise<void> {
    // What has just come will soon park, which tells; what was here at the last look may go on for ever.
    const still = wasPoked ? all : all.filter((live) => this.seen.has(live));
    this.seen = new WeakSet(all);
    for (let at = 0; at < still.length; at += readAtOnce) {
      const part = still.slice(at, at + readAtOnce);
      const byId = new Map<string, InboxRow[]>();
      for (const row of await this.store.instances.inbox(part)) byId.set(row.id, [...(byId.get(row.id) ?? []), row]);
      for (const live of part) this.worker.received(live, byId.get(live.id) ?? []);
    }
  }
}
