import pg from "pg";
import type { Environment, Timer } from "../../models/environment.ts";
import type { Ears } from "../database.ts";
import { Link } from "./link.ts";

const pulseMs = 30_000;

/** A session that listens, and goes on listening when it was lost. A pulse finds out when the other side is gone without a word. */
export class Listener {
  /** Whoever listens. */
  readonly ears: Set<Ears> = new Set();
  private readonly link: Link;
  private readonly env: Environment;
  private readonly stopping: AbortController;
  private pulse: Timer | undefined;
  private hadSession: boolean;

  constructor(client: pg.ClientConfig, env: Environment, channel: string) {
    this.env = env;
    this.stopping = new AbortController();
    this.pulse = undefined;
    this.hadSession = false;
    this.link = new Link({
      client: () => client,
      named: false,
      env,
      purpose: "hints",
      prepare: (session) => this.prepare(session, channel),
      lost: () => void this.resume(),
    });
  }

  async open(): Promise<void> {
    await this.link.connect();
    if (this.pulse === undefined) this.schedulePulse();
  }

  async close(): Promise<void> {
    this.stopping.abort();
    this.pulse?.cancel();
    await this.link.close();
  }

  private async prepare(session: pg.Client, channel: string): Promise<void> {
    session.on("notification", (message) => {
      if (message.channel === channel) for (const ear of this.ears) ear.heard(message.payload ?? "");
    });
    await session.query(`listen ${pg.escapeIdentifier(channel)}`);
    if (this.hadSession) for (const ear of this.ears) ear.back();
    this.hadSession = true;
  }

  /** Until it succeeds or nobody wants to hear any more; the link waits longer after each failure. */
  private async resume(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        await this.link.connect();
        return;
      } catch (error) {
        this.env.logger.debug("Still no connection for hints.", { error: String(error) });
      }
    }
  }

  private schedulePulse(): void {
    this.pulse = this.env.later(pulseMs, () => {
      if (this.stopping.signal.aborted) return;
      // A pulse without an answer in time loses the session, which starts the resumption.
      this.link.run({ name: "", text: "select 1", values: [] }).catch(() => undefined);
      this.schedulePulse();
    });
  }
}
