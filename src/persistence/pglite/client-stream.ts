import { Duplex } from "node:stream";
import { Frames, welcome } from "./frames.ts";

/** Where a client's questions go. */
export type Ask = (bytes: Uint8Array<ArrayBuffer>) => void;

/**
 * The connection of a `pg` client to PGlite, in place of a socket: so parameters, types, errors and named statements are those of
 * PostgreSQL's own driver. It lets the client in by itself, since PGlite knows no users.
 */
export class ClientStream extends Duplex {
  readonly #ask: Ask;
  readonly #frames = new Frames();

  constructor(ask: Ask) {
    super();
    this.#ask = ask;
  }

  /** The database's answer. */
  answer(bytes: Uint8Array): void {
    if (!this.destroyed) this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  // What the driver calls on sockets.

  connect(): this {
    queueMicrotask(() => this.emit("connect"));
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const wasStarted = this.#frames.isStarted;
    const pieces = this.#frames.take(chunk);
    if (!wasStarted && this.#frames.isStarted) this.answer(welcome);
    for (const piece of pieces) this.#ask(piece);
    done();
  }

  override _final(done: () => void): void {
    this.push(null);
    done();
  }
}
