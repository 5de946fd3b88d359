import { open, type FileHandle } from "node:fs/promises";
import type { Environment, Timer } from "../../models/environment.ts";
import { DirectoryInUseError } from "../../models/errors-storage.ts";
import * as file from "./lock-file.ts";
import { stateOf, thisProcess } from "./process-identity.ts";

const beatMs = 1_000;
const watchMs = 3_000;
const lookMs = 100;

/**
 * The right to use a directory: PGlite loses committed rows without a word when two processes write into one. Held by one opening
 * of one process; taken over at once from a process that is gone, and from one on another machine when its file has not changed for
 * 3 seconds.
 */
export class DirectoryLock {
  readonly #env: Environment;
  readonly #directory: string;
  readonly #number: number;
  readonly #handle: FileHandle;
  readonly #identity: string | undefined;
  #record: file.LockRecord;
  #timer: Timer | undefined;
  #confirmedAt: number;
  #isOver = false;
  /** Called once if the lock is lost: somebody has removed or replaced its file. */
  lost: () => void = () => undefined;

  /** Throws `DirectoryInUseError` if another process, or another opening in this one, holds the lock. */
  static async take(env: Environment, directory: string): Promise<DirectoryLock> {
    const record: file.LockRecord = { ...thisProcess(), boot: env.uuid(), beat: 0, released: false };
    for (;;) {
      const highest = file.highestLock(directory);
      if (highest > 0) await refuseIfHeld(env, directory, highest);
      const number = highest + 1;
      if (!file.createLock(directory, number, record)) continue; // somebody was quicker
      if (file.highestLock(directory) > number) {
        file.removeLock(directory, number); // this number had been used and cleared away meanwhile
        continue;
      }
      try {
        const identity = file.lockIdentity(directory, number);
        const handle = await open(file.lockPath(directory, number), "r+");
        file.removeLocksBelow(directory, number);
        return new DirectoryLock({ env, directory, number, handle, identity, record });
      } catch (error) {
        file.removeLock(directory, number); // else this process, which lives, would refuse the directory to itself
        throw error;
      }
    }
  }

  private constructor(held: {
    env: Environment;
    directory: string;
    number: number;
    handle: FileHandle;
    identity: string | undefined;
    record: file.LockRecord;
  }) {
    this.#env = held.env;
    this.#directory = held.directory;
    this.#number = held.number;
    this.#handle = held.handle;
    this.#record = held.record;
    this.#identity = held.identity;
    this.#confirmedAt = held.env.monotonic();
    this.#schedule();
  }

  /** Whether the lock is still held. Looks only if this process was stopped or blocked for so long that it may have been lost. */
  isHeld(): boolean {
    if (!this.#isOver && this.#env.monotonic() - this.#confirmedAt > 2 * beatMs) this.#confirm();
    return !this.#isOver;
  }

  async release(): Promise<void> {
    const wasHeld = !this.#isOver;
    this.#isOver = true;
    this.#timer?.cancel();
    if (wasHeld) await this.#write({ ...this.#record, released: true }).catch(() => undefined);
    await this.#handle.close().catch(() => undefined);
  }

  #schedule(): void {
    this.#timer = this.#env.later(beatMs, () => void this.#beat());
  }

  async #beat(): Promise<void> {
    if (this.#isOver) return;
    // A full disk is no reason to give up: the lock itself is there.
    await this.#write({ ...this.#record, beat: this.#record.beat + 1 }).catch(() => undefined);
    if (this.#isOver) return;
    this.#confirm();
    if (!this.#isOver) this.#schedule();
  }

  #confirm(): void {
    const isMine = this.#isMine();
    if (isMine === undefined) return;
    this.#confirmedAt = this.#env.monotonic();
    if (isMine) return;
    this.#isOver = true;
    this.#timer?.cancel();
    void this.#handle.close().catch(() => undefined);
    this.lost();
  }

  /** Undefined if that cannot be told now, as without a free file descriptor: that takes nobody's lock away. */
  #isMine(): boolean | undefined {
    try {
      if (file.lockIdentity(this.#directory, this.#number) !== this.#identity) return false;
      return file.highestLock(this.#directory) === this.#number;
    } catch (error) {
      return file.codeOf(error) === "ENOENT" ? false : undefined;
    }
  }

  async #write(record: file.LockRecord): Promise<void> {
    this.#record = record;
    await this.#handle.write(file.lockText(record), 0);
  }
}

async function refuseIfHeld(env: Environment, directory: string, number: number): Promise<void> {
  const text = file.readLock(directory, number);
  if (text === undefined) return;
  const holder = file.parseLock(text);
  if (holder?.released === true) return;
  const state = holder === undefined ? "unknown" : stateOf(holder);
  if (state === "gone") return;
  if (state === "unknown" && !(await changes(env, directory, number, text))) return;
  throw new DirectoryInUseError(directory, holder === undefined ? undefined : nameOf(holder));
}

function nameOf(holder: file.LockRecord): string {
  const { host, pid } = thisProcess();
  return holder.host === host && holder.pid === pid
    ? "another provider of this process"
    : `another process (process ${holder.pid})`;
}

/** Whether the lock's file changes within the time in which a living holder must have changed it. */
async function changes(env: Environment, directory: string, number: number, text: string): Promise<boolean> {
  const began = env.monotonic();
  while (env.monotonic() - began < watchMs) {
    await env.sleep(lookMs);
    const now = file.readLock(directory, number);
    if (now !== undefined && now !== text) return true;
  }
  return false;
}
