import { linkSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ProcessIdentity } from "./process-identity.ts";

/** What a lock file says. */
export interface LockRecord extends ProcessIdentity {
  /** Of this opening of the database. */
  readonly boot: string;
  /** Counts up each second while the holder lives. */
  readonly beat: number;
  /** The holder has closed the database and gone. */
  readonly released: boolean;
}

/**
 * Lock files are numbered, and the highest number is the lock. Whoever takes the lock over creates the next number, which only one
 * can; a number is never used again, since the last file is left behind as `released`. So nobody can ever remove the lock of
 * somebody who was quicker, whatever he believed when he decided to take over.
 */
export const lockPath = (directory: string, number: number): string => join(directory, `lock.${number}`);

/** The number of the lock; 0 if there has never been one. */
export function highestLock(directory: string): number {
  return locksIn(directory).reduce((highest, number) => Math.max(highest, number), 0);
}

/** Creates a lock file with all that it says, or answers false because it is there already. */
export function createLock(directory: string, number: number, record: LockRecord): boolean {
  const draft = join(directory, `lock-draft.${record.boot}`);
  writeFileSync(draft, lockText(record), { mode: 0o600, flag: "wx" });
  try {
    linkSync(draft, lockPath(directory, number));
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    return createWithoutLink(lockPath(directory, number), record);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The text of a lock file; undefined if it is not there any more. */
export function readLock(directory: string, number: number): string | undefined {
  try {
    return readFileSync(lockPath(directory, number), "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** What the text says; undefined if it cannot be read, as while it is being written. */
export function parseLock(text: string): LockRecord | undefined {
  try {
    const { host, pid, startedAt, boot, beat, released } = JSON.parse(text) as Partial<LockRecord>;
    if (typeof host !== "string" || typeof pid !== "number" || typeof startedAt !== "string") return undefined;
    if (typeof boot !== "string" || typeof beat !== "number" || typeof released !== "boolean") return undefined;
    return { host, pid, startedAt, boot, beat, released };
  } catch {
    return undefined;
  }
}

/** Always the same length, so that it can be written over in place. */
export const lockText = (record: LockRecord): string => `${JSON.stringify(record).padEnd(510)}\n`;

/** What tells this file from another one under the same name; undefined if there is none. */
export const lockIdentity = (directory: string, number: number): string | undefined => {
  try {
    const { dev, ino } = statSync(lockPath(directory, number));
    return `${dev} ${ino}`;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
};

export function removeLocksBelow(directory: string, number: number): void {
  for (const older of locksIn(directory)) if (older < number) rmSync(lockPath(directory, older), { force: true });
}

export const removeLock = (directory: string, number: number): void =>
  rmSync(lockPath(directory, number), { force: true });

export const codeOf = (error: unknown): string | undefined => {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
};

function locksIn(directory: string): readonly number[] {
  const numbers = readdirSync(directory).map((name) => /^lock\.(\d{1,15})$/.exec(name)?.[1]);
  return numbers.filter((number) => number !== undefined).map(Number);
}

/** Where there are no links. Until it is written, the file is empty, which its readers take for a sign of life. */
function createWithoutLink(path: string, record: LockRecord): boolean {
  try {
    writeFileSync(path, lockText(record), { mode: 0o600, flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}
