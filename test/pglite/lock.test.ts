import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Environment } from "../../src/models/environment.ts";
import { DirectoryInUseError, PersistenceError } from "../../src/models/errors-storage.ts";
import { lockText, parseLock, type LockRecord } from "../../src/persistence/pglite/lock-file.ts";
import { DirectoryLock } from "../../src/persistence/pglite/lock.ts";
import { thisProcess } from "../../src/persistence/pglite/process-identity.ts";
import { ask, child, directories, env, opened } from "./directories.ts";

const at = directories();
const root = mkdtempSync(join(tmpdir(), "wfc-lock-"));
after(() => rmSync(root, { recursive: true, force: true }));

let count = 0;
function emptyDirectory(): string {
  const directory = join(root, `${(count += 1)}`);
  mkdirSync(directory);
  return directory;
}

const lockFiles = (directory: string): readonly string[] =>
  readdirSync(directory).filter((name) => name.startsWith("lock"));

/** Leaves a lock behind as somebody else would. */
function leaveLock(directory: string, facts: Partial<LockRecord>): string {
  const path = join(directory, "lock.7");
  const record = { ...thisProcess(), boot: "another", beat: 5, released: false, ...facts };
  writeFileSync(path, lockText(record));
  return path;
}

/** Time passes as fast as it is waited for. */
function quickEnvironment(onSleep: () => void = () => undefined): Environment {
  let now = 0;
  const sleep = async (ms: number): Promise<void> => {
    now += ms;
    onSleep();
  };
  return { ...env, monotonic: () => now, sleep };
}

/** No process has this number: Linux counts to four million. */
const goneProcess = { pid: 2 ** 30, startedAt: "1" };

test("a second process is refused at once, and the first one goes on", async () => {
  const directory = at.started();
  const database = await opened({ directory });
  await ask(database, "create table seen (id int)");
  const second = child(directory);
  await second.printed(1);
  assert.deepEqual(second.lines, ["DIRECTORY_IN_USE"]);
  await ask(database, "insert into seen values (1)");
  await database.close();
  const again = await opened({ directory });
  assert.deepEqual(await ask(again, "select id from seen"), [{ id: 1 }]);
  await again.close();
});

test("a second opening in the same process is refused too", async () => {
  const directory = at.started();
  const database = await opened({ directory });
  await assert.rejects(opened({ directory }), (error) => {
    assert.ok(error instanceof DirectoryInUseError);
    return /is in use by another provider of this process\./.test(error.message);
  });
  assert.equal((await ask(database, "select 1 as one")).length, 1);
  await database.close();
});

test("after kill -9 the directory is taken over at once, with every row that was acknowledged", async () => {
  const directory = at.started();
  let acknowledged = -1;
  for (let round = 0; round < 3; round += 1) {
    const writer = child(directory, acknowledged + 2); // the one after the last may have been committed too
    await writer.printed(200);
    await writer.kill();
    assert.equal(writer.lines[0], "open");
    acknowledged = Number(writer.lines.at(-1));
    assert.ok(writer.lines.length >= 200);
    const database = await opened({ directory }, { ...env, sleep: () => assert.fail("it waited") });
    const rows = await ask<{ id: number }>(database, "select id from seen where id >= $1", [Number(writer.lines[1])]);
    const stored = new Set(rows.map(({ id }) => id));
    const lost = writer.lines.slice(1).filter((line) => !stored.has(Number(line)));
    assert.deepEqual(lost, []);
    await database.close();
  }
});

test("the lock of a process that is gone is taken over without waiting", async () => {
  const directory = emptyDirectory();
  leaveLock(directory, goneProcess);
  const lock = await DirectoryLock.take({ ...env, sleep: () => assert.fail("it waited") }, directory);
  assert.deepEqual(lockFiles(directory), ["lock.8"]);
  await lock.release();
});

test("the number of a process that is gone may belong to another one now", async (t) => {
  if (thisProcess().startedAt === "") return t.skip("this system does not tell when a process started");
  const directory = emptyDirectory();
  leaveLock(directory, { startedAt: "1" });
  const lock = await DirectoryLock.take({ ...env, sleep: () => assert.fail("it waited") }, directory);
  await lock.release();
});

test("a holder on another machine is believed while its file changes", async () => {
  const directory = emptyDirectory();
  let beat = 5;
  const path = leaveLock(directory, { host: "elsewhere" });
  const beating = quickEnvironment(() => {
    beat += 0.1;
    writeFileSync(
      path,
      lockText({ ...thisProcess(), host: "elsewhere", boot: "b", beat: Math.floor(beat), released: false }),
    );
  });
  await assert.rejects(DirectoryLock.take(beating, directory), DirectoryInUseError);
});

test("a holder on another machine that is silent for 3 seconds is replaced", async () => {
  const directory = emptyDirectory();
  leaveLock(directory, { host: "elsewhere" });
  const quick = quickEnvironment();
  const lock = await DirectoryLock.take(quick, directory);
  assert.ok(quick.monotonic() >= 3_000 && quick.monotonic() < 4_000);
  await lock.release();
});

test("a file that cannot be read is a holder that has not finished writing it, or never will", async () => {
  const directory = emptyDirectory();
  writeFileSync(join(directory, "lock.3"), "");
  const quick = quickEnvironment();
  const lock = await DirectoryLock.take(quick, directory);
  assert.ok(quick.monotonic() >= 3_000);
  await lock.release();
});

test("of many that take over at once, one gets the lock", async () => {
  for (let round = 0; round < 20; round += 1) {
    const directory = emptyDirectory();
    leaveLock(directory, { host: "elsewhere" });
    const takes = Array.from({ length: 8 }, () => DirectoryLock.take(quickEnvironment(), directory));
    const settled = await Promise.allSettled(takes);
    const locks = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    assert.equal(locks.length, 1);
    assert.equal(lockFiles(directory).length, 1);
    await locks[0]?.release();
  }
});

test("a lock that was released is free, and its number is never used again", async () => {
  const directory = emptyDirectory();
  for (const number of [1, 2, 3]) {
    const lock = await DirectoryLock.take(env, directory);
    assert.deepEqual(lockFiles(directory), [`lock.${number}`]);
    await lock.release();
  }
  assert.equal(parseLock(readFileSync(join(directory, "lock.3"), "utf8"))?.released, true);
});

test("a database whose lock is taken away closes itself", async () => {
  const directory = at.started();
  const database = await opened({ directory });
  const [name = ""] = lockFiles(directory);
  renameSync(join(directory, name), join(directory, "elsewhere"));
  writeFileSync(join(directory, name), "somebody else's");
  const until = performance.now() + 5_000;
  let refusal: unknown;
  // Of what was under way at that moment nothing is known, so it gets another answer.
  const isFinal = (error: unknown): boolean => error instanceof PersistenceError && error.errorClass === "permanent";
  while (!isFinal(refusal) && performance.now() < until) {
    await ask(database, "select 1").catch((error: unknown) => (refusal = error));
  }
  assert.ok(refusal instanceof PersistenceError);
  assert.ok(refusal.cause instanceof DirectoryInUseError);
  await assert.rejects(ask(database, "select 1"), refusal);
  await database.close();
});

test("a process that was stopped for a while looks at its lock before it writes", async () => {
  const directory = emptyDirectory();
  let now = 0;
  const lock = await DirectoryLock.take(
    { ...env, monotonic: () => now, later: () => ({ cancel: () => undefined }) },
    directory,
  );
  assert.equal(lock.isHeld(), true);
  writeFileSync(join(directory, "lock.9"), "");
  assert.equal(lock.isHeld(), true, "it has looked a moment ago");
  now += 60_000;
  assert.equal(lock.isHeld(), false);
});

test("a lock that cannot be looked at for a moment, as without file descriptors, is held and looked at again", async () => {
  const real = emptyDirectory();
  const directory = `${real}-link`;
  symlinkSync(real, directory);
  const beats: (() => void)[] = [];
  let now = 0;
  const later: Environment["later"] = (_, beat) => {
    beats.push(beat);
    return { cancel: () => undefined };
  };
  const lock = await DirectoryLock.take({ ...env, monotonic: () => now, later }, directory);
  rmSync(directory);
  symlinkSync(directory, directory); // a loop: whoever looks is told neither that it is there nor that it is not
  beats.shift()?.();
  for (let waits = 0; beats.length === 0 && waits < 200; waits += 1) await delay(5);
  now += 60_000;
  assert.equal(lock.isHeld(), true);
  rmSync(directory);
  symlinkSync(real, directory);
  writeFileSync(join(real, "lock.9"), "");
  assert.equal(lock.isHeld(), false);
});

test("a directory whose lock could not be opened, for want of file descriptors, is free again", async () => {
  const directory = emptyDirectory();
  leaveLock(directory, goneProcess);
  const { open } = fs;
  const error = Object.assign(new Error("too many open files"), { code: "EMFILE" });
  fs.open = () => Promise.reject(error);
  syncBuiltinESMExports();
  try {
    await assert.rejects(DirectoryLock.take(env, directory), error);
  } finally {
    fs.open = open;
    syncBuiltinESMExports();
  }
  const lock = await DirectoryLock.take(env, directory);
  assert.deepEqual(lockFiles(directory), ["lock.8"]);
  await lock.release();
});
