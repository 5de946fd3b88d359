import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { TestContext } from "node:test";
import type { CreateHostOptions } from "../../src/index.ts";
import { until } from "./arena.ts";

const program = fileURLToPath(new URL("./node-process.js", import.meta.url));

type Told =
  | { readonly kind: "runs"; readonly node: string }
  | { readonly kind: "said"; readonly what: string }
  | { readonly kind: "started"; readonly asked: number; readonly id: string }
  | { readonly kind: "refused"; readonly asked: number; readonly error: string }
  | { readonly kind: "stopped" };

export type ChildOptions = Pick<CreateHostOptions, "times" | "concurrency" | "drainMs" | "pollMs"> & {
  /** Its bodies that know how take their time. */
  readonly isSlow?: boolean;
};

/** A process that runs a host. It does not outlive its test. */
export class Child {
  readonly process: ChildProcess;
  readonly told: Told[] = [];
  private asked = 0;

  constructor(t: TestContext, url: string, { isSlow = false, ...options }: ChildOptions = {}) {
    const env = { ...process.env, SLOW: isSlow ? "1" : "" };
    this.process = fork(program, [url, JSON.stringify(options)], { env });
    this.process.on("message", (message) => this.told.push(message as Told));
    t.after(() => this.process.kill("SIGKILL"));
  }

  static async running(t: TestContext, url: string, options: ChildOptions = {}): Promise<Child> {
    const child = new Child(t, url, options);
    await until("the process runs", () => child.told.some(({ kind }) => kind === "runs") || !child.isAlive, 20_000);
    return child;
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  get isAlive(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** The first node that its host was. */
  get node(): string {
    for (const one of this.told) if (one.kind === "runs") return one.node;
    throw new Error("the process does not run yet");
  }

  said(what: string): boolean {
    return this.told.some((one) => one.kind === "said" && one.what === what);
  }

  /** Has the process start a workflow; answers the instance's id. */
  async start(workflow: string, data: object): Promise<string> {
    const asked = (this.asked += 1);
    this.process.send({ asked, workflow, data });
    const answer = () => this.told.find((one) => "asked" in one && one.asked === asked);
    await until("the process has answered", () => answer() !== undefined);
    const told = answer();
    if (told?.kind !== "started") throw new Error(JSON.stringify(told));
    return told.id;
  }

  /** Ends by a signal; resolves when it has ended. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    if (!this.isAlive) return;
    const ended = once(this.process, "exit");
    this.process.kill(signal);
    await ended;
  }
}
