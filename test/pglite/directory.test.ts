import assert from "node:assert/strict";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import type * as provider from "../../src/persistence/pglite/provider.ts";
import { InvalidRequestError } from "../../src/models/errors.ts";
import { DirectoryNotWritableError } from "../../src/models/errors-storage.ts";
import { PgliteDatabase } from "../../src/persistence/pglite/database.ts";
import { ask, directories, env, opened } from "./directories.ts";

const at = directories();
const root = mkdtempSync(join(tmpdir(), "wfc-directory-"));
after(() => rmSync(root, { recursive: true, force: true }));

test("a directory that cannot be made or written is refused with a sentence", async () => {
  const file = join(root, "file");
  writeFileSync(file, "");
  for (const [directory, problem] of [
    [file, /is a file, or lies in one/],
    [join(file, "below"), /is a file, or lies in one/],
    ["/proc/workflow-core", /cannot be written/],
  ] as const) {
    await assert.rejects(opened({ directory }), (error) => {
      assert.ok(error instanceof DirectoryNotWritableError);
      assert.equal(error.directory, directory);
      return problem.test(error.message);
    });
  }
});

test("the directory and its data are for this user alone", async () => {
  const directory = join(at.empty(), "deep", "within");
  const database = await opened({ directory });
  assert.deepEqual(
    [directory, join(directory, "data")].map((path) => statSync(path).mode & 0o777),
    [0o700, 0o700],
  );
  await database.close();
});

test("a first start that was cut off is begun anew", async () => {
  const directory = at.empty();
  mkdirSync(join(directory, "data"), { recursive: true });
  writeFileSync(join(directory, "unfinished"), "");
  writeFileSync(join(directory, "data", "PG_VERSION"), "18\n");
  const database = await opened({ directory });
  assert.equal((await ask(database, "select 1 as one")).length, 1);
  await database.close();
  const again = await opened({ directory });
  assert.equal((await ask(again, "select 1 as one")).length, 1);
  await again.close();
});

test("a directory whose data folder holds somebody else's files is refused, and nothing of it is touched", async () => {
  const directory = at.empty();
  const file = join(directory, "data", "customers.csv");
  mkdirSync(join(directory, "data"), { recursive: true, mode: 0o755 });
  writeFileSync(file, "id,name\n");
  // Twice: what the first start leaves must not make the second one take these files for its own.
  for (let start = 1; start <= 2; start += 1) {
    await assert.rejects(opened({ directory }), (error) => {
      assert.ok(error instanceof InvalidRequestError);
      assert.ok(error.message.includes(join(directory, "data")), error.message);
      return true;
    });
    assert.equal(readFileSync(file, "utf8"), "id,name\n");
    assert.deepEqual(readdirSync(join(directory, "data")), ["customers.csv"]);
    assert.equal(statSync(join(directory, "data")).mode & 0o777, 0o755);
  }
});

test("a directory without a name is refused: it would be whichever the process was started in", () => {
  assert.throws(
    () => new PgliteDatabase({ directory: "" }, env),
    (error) => error instanceof InvalidRequestError && error.what === "directory",
  );
});

test("data that cannot be opened are an error, are kept, and leave no lock behind", async () => {
  const directory = at.started();
  rmSync(join(directory, "data", "global"), { recursive: true });
  await assert.rejects(opened({ directory }), /could not be opened/);
  await assert.rejects(opened({ directory }), /could not be opened/);
  assert.ok(statSync(join(directory, "data", "PG_VERSION")).isFile());
});

test("without the package PGlite it is said what to install", async () => {
  // The library as it is installed for somebody who has `pg` but not PGlite.
  const source = fileURLToPath(new URL("../../src", import.meta.url));
  cpSync(source, join(root, "app", "src"), { recursive: true });
  writeFileSync(join(root, "app", "package.json"), `{"type":"module"}`);
  mkdirSync(join(root, "app", "node_modules"));
  symlinkSync(dirname(fileURLToPath(import.meta.resolve("pg/package.json"))), join(root, "app", "node_modules", "pg"));
  const url = pathToFileURL(join(root, "app", "src", "persistence", "pglite", "provider.js")).href;
  const { PglitePersistenceProvider } = (await import(url)) as typeof provider;
  await assert.rejects(new PglitePersistenceProvider().initialize(), (error: Error & { code?: string }) => {
    assert.equal(error.code, "MISSING_DEPENDENCY");
    assert.match(error.message, /npm i @electric-sql\/pglite/);
    return true;
  });
});
