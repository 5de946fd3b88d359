import { MultiBar, Presets, type SingleBar } from "cli-progress";

/** Shows how far the orders are. */
export interface Progress {
  /** So many orders of all have come to an end. */
  show(finished: number): void;
  /** A sentence in between. */
  say(sentence: string): void;
  close(): void;
}

/** A bar on a terminal; elsewhere lines, at most one a second. */
export function makeProgress(stream: NodeJS.WriteStream, total: number): Progress {
  return stream.isTTY ? new BarProgress(stream, total) : new LineProgress(stream, total);
}

class BarProgress implements Progress {
  private readonly stream: NodeJS.WriteStream;
  private readonly total: number;
  private readonly bars: MultiBar;
  private bar: SingleBar | undefined;

  constructor(stream: NodeJS.WriteStream, total: number) {
    const format = "{bar} {percentage} %  {value} of {total} orders  {duration_formatted}";
    this.stream = stream;
    this.total = total;
    this.bars = new MultiBar({ stream, format, hideCursor: true }, Presets.shades_classic);
  }

  show(finished: number): void {
    this.bar ??= this.bars.create(this.total, 0);
    this.bar.update(finished);
  }

  say(sentence: string): void {
    if (this.bar === undefined) this.stream.write(`${sentence}\n`);
    else this.bars.log(`${sentence}\n`);
  }

  close(): void {
    this.bars.update(); // prints what was said last
    this.bars.stop();
    this.bar = undefined;
  }
}

const lineMs = 1_000;

class LineProgress implements Progress {
  private readonly stream: NodeJS.WriteStream;
  private readonly total: number;
  private nextAt = 0;
  private shown = 0;

  constructor(stream: NodeJS.WriteStream, total: number) {
    this.stream = stream;
    this.total = total;
  }

  show(finished: number): void {
    const now = performance.now();
    if (finished === this.shown || (now < this.nextAt && finished < this.total)) return;
    this.nextAt = now + lineMs;
    this.shown = finished;
    this.say(`${finished} of ${this.total} orders are finished`);
  }

  say(sentence: string): void {
    this.stream.write(`${sentence}\n`);
  }

  close(): void {}
}
