/** First bytes of the messages after which a client waits for an answer: Query, Sync, Flush, and the ends of COPY. */
const asking: ReadonlySet<number> = new Set([0x51, 0x53, 0x48, 0x63, 0x66]);

const terminate = 0x58;

/** Cuts what a client sends into pieces that the database answers at once: whole messages, up to one that asks for an answer. */
export class Frames {
  #rest: Buffer = Buffer.alloc(0);
  #isStarted = false;

  /** The pieces that are complete now. The first message of all, which greets the server, is left out: see `greets`. */
  take(chunk: Uint8Array): readonly Uint8Array<ArrayBuffer>[] {
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let begin = this.#skipGreeting();
    for (let at = begin; ;) {
      const end = this.#endOf(at, 1);
      if (end === undefined) break;
      const code = this.#rest[at] ?? terminate;
      at = end;
      if (code === terminate) begin = end;
      if (!asking.has(code)) continue;
      pieces.push(new Uint8Array(this.#rest.subarray(begin, end))); // a copy, since it will be given away
      begin = end;
    }
    this.#rest = this.#rest.subarray(begin);
    return pieces;
  }

  /** Whether the client has greeted the server. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  #skipGreeting(): number {
    if (this.#isStarted) return 0;
    const end = this.#endOf(0, 0);
    this.#isStarted = end !== undefined;
    return end ?? 0;
  }

  /** Where the message ends that begins at `at`, if all of it is there. `prefix`: bytes before its length. */
  #endOf(at: number, prefix: 0 | 1): number | undefined {
    if (this.#rest.length < at + prefix + 4) return undefined;
    const end = at + prefix + this.#rest.readUInt32BE(at + prefix);
    return this.#rest.length < end ? undefined : end;
  }
}

/** What a server says to a client that it lets in: authentication ok; ready, no transaction open. */
export const welcome: Uint8Array = Uint8Array.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]);
