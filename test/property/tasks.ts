/** Work that goes on side by side in made-up time, each piece a generator that can be cut off. Imports nothing. */

/** Something to wait for: is handed how to go on (with a value, or a throw), and answers how to call it off. */
export type Wait = (resume: (answer: () => unknown) => void) => () => void;
export type Work<T> = Generator<Wait, T, unknown>;
export type Outcome = { readonly value: unknown } | { readonly thrown: unknown };

/** What came of it, or the throw that ended it. */
export function valueOf(outcome: Outcome): unknown {
  if ("thrown" in outcome) throw outcome.thrown;
  return outcome.value;
}

/** Sets work going. Answers how to cut it off: its `finally` blocks run, and `done` is not told. */
export function spawn(work: Work<unknown>, done: (outcome: Outcome) => void): () => void {
  let callOff = (): void => undefined;
  let isOver = false;
  const end = (outcome: Outcome): void => {
    isOver = true;
    done(outcome);
  };
  const go = (pull: () => IteratorResult<Wait, unknown>): void => {
    let turn: IteratorResult<Wait, unknown>;
    try {
      turn = pull();
    } catch (thrown) {
      return end({ thrown });
    }
    if (turn.done === true) return end({ value: turn.value });
    let hasResumed = false;
    const off = turn.value((answer) => {
      if (isOver || hasResumed) return;
      hasResumed = true;
      go(() => resumed(work, answer));
    });
    if (!hasResumed) callOff = off;
  };
  go(() => work.next());
  return () => {
    if (isOver) return;
    isOver = true;
    callOff();
    work.return(undefined);
  };
}

function resumed(work: Work<unknown>, answer: () => unknown): IteratorResult<Wait, unknown> {
  let value: unknown;
  try {
    value = answer();
  } catch (thrown) {
    return work.throw(thrown);
  }
  return work.next(value);
}

interface Alarm {
  readonly at: number;
  /** It rings also while all else rests. */
  readonly isAwake: boolean;
  readonly ring: () => void;
  /** Whether anything changes when it rings. */
  readonly matters: () => boolean;
}

/** Made-up time: alarms ring in their order, at no cost. */
export class Timeline {
  now = 0;
  /** How many alarms have rung. */
  ticks = 0;
  /** Two alarms lay so close together that their order is chance. */
  isAmbiguous = false;
  private readonly alarms: Alarm[] = [];
  private restsUntil = -Infinity;
  readonly closeMs: number;

  constructor(closeMs: number) {
    this.closeMs = closeMs;
  }

  at(instant: number, ring: () => void, matters: () => boolean = () => true): () => void {
    return this.put({ at: Math.max(instant, this.now, this.restsUntil), ring, matters, isAwake: false });
  }

  /** The same for what comes from outside, whether all else rests or not. */
  always(instant: number, ring: () => void, matters: () => boolean): void {
    this.put({ at: instant, ring, matters, isAwake: true });
  }

  /** Nothing rings before this instant: what should have rung rings then. Of several, chance says which is first. */
  restUntil(instant: number): void {
    this.restsUntil = instant;
    const early = this.alarms.filter(({ at, isAwake }) => at < instant && !isAwake);
    for (const alarm of early) {
      this.alarms.splice(this.alarms.indexOf(alarm), 1);
      this.put(Object.assign(alarm, { at: instant }));
    }
  }

  /** When the next alarm rings. */
  get nextAt(): number {
    return this.alarms[0]?.at ?? Infinity;
  }

  /** Rings the next alarm; false if there is none. */
  tick(): boolean {
    const alarm = this.alarms.shift();
    if (alarm === undefined) return false;
    if (alarm.matters()) {
      for (const other of this.alarms) {
        if (other.at > alarm.at + this.closeMs) break;
        if (other.matters()) this.isAmbiguous = true;
      }
    }
    this.now = alarm.at;
    this.ticks += 1;
    alarm.ring();
    return true;
  }

  sleep(ms: number): Wait {
    return (resume) => this.at(this.now + ms, () => resume(() => undefined));
  }

  private put(alarm: Alarm): () => void {
    const behind = this.alarms.findIndex(({ at }) => at > alarm.at);
    this.alarms.splice(behind < 0 ? this.alarms.length : behind, 0, alarm);
    return () => {
      const place = this.alarms.indexOf(alarm);
      if (place >= 0) this.alarms.splice(place, 1);
    };
  }
}
