import type { Environment, Timer } from "../models/environment.ts";

/**
 * A background loop: runs its work again and again, one at a time, after as long as the work says, or at once when poked. Errors
 * are told and the loop goes on.
 */
export class Loop {
  private readonly env: Environment;
  private readonly name: string;
  private readonly work: () => Promise<number>;
  private readonly errorPauseMs: number;
  private timer: Timer | undefined;
  private isRunning = false;
  private isPoked = false;
  private isStopped = true;
  private readonly idle: (() => void)[] = [];

  /** `work` answers in how many milliseconds it wants to run again. */
  constructor(env: Environment, name: string, work: () => Promise<number>, errorPauseMs = 1_000) {
    this.env = env;
    this.name = name;
    this.work = work;
    this.errorPauseMs = errorPauseMs;
  }

  start(): void {
    this.isStopped = false;
    this.poke();
  }

  /** Runs the work now, or again as soon as it is done. */
  poke(): void {
    if (this.isStopped) return;
    this.isPoked = true;
    if (!this.isRunning) void this.run();
  }

  /** Resolves when the work that was under way is done. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.timer?.cancel();
    if (this.isRunning) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    this.timer?.cancel();
    let pauseMs = 0;
    while (this.isPoked && !this.isStopped) {
      this.isPoked = false;
      pauseMs = await this.once();
    }
    this.isRunning = false;
    for (const resolve of this.idle.splice(0)) resolve();
    if (!this.isStopped) this.timer = this.env.later(pauseMs, () => this.poke());
  }

  private async once(): Promise<number> {
    try {
      return await this.work();
    } catch (error) {
      this.env.logger.warn(`${this.name} failed; trying again`, { error: String(error) });
      return this.errorPauseMs;
    }
  }
}
