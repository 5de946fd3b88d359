import type { Frontier } from "../../src/models/frontier.ts";
import { isTerminal } from "../../src/models/instance.ts";
import type { Transition } from "../../src/models/transition.ts";

/** Holds against each committed frontier what must be true of all of them. */
export class FrontierWatch {
  private readonly tell: (fault: string) => void;
  private readonly finished = new Set<string>();
  private seq = 0;

  constructor(tell: (fault: string) => void) {
    this.tell = tell;
  }

  committed({ frontier: text, pointers, status, subscribe }: Transition): void {
    const frontier = JSON.parse(text) as Frontier;
    const { seq = 0, scopes = {}, kept = {} } = frontier;
    for (const { path, status: ended, seq: number } of pointers) {
      if (ended === "Started") continue;
      if (ended !== "Compensated" && this.finished.has(path)) this.tell(`${path} has finished twice`);
      this.finished.add(path);
      if (ended === "Complete" && (number <= this.seq || number > seq))
        this.tell(`${path} has number ${number}, of ${this.seq} to ${seq}`);
    }
    if (seq < this.seq) this.tell(`the count of finished pointers went from ${this.seq} to ${seq}`);
    this.seq = seq;
    const active = Object.keys(frontier.pointers);
    if (isTerminal(status) && active.length > 0) this.tell(`it has ended, and ${active.join()} is active`);
    for (const path of active) if (this.finished.has(path)) this.tell(`${path} has finished, and is active`);
    for (const [path, { left }] of Object.entries(scopes))
      if (left === undefined && this.finished.has(path)) this.tell(`${path} has finished, and is open`);
    for (const path of Object.values(kept).flatMap((names) => Object.values(names)))
      if (!this.finished.has(path)) this.tell(`${path} is kept, and has not finished`);
    for (const { path } of subscribe)
      if (!active.includes(path) && scopes[path] === undefined) this.tell(`${path} waits, and is not active`);
  }
}
