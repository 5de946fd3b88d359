import assert from "node:assert/strict";
import { test } from "node:test";
import { systemEnvironment } from "../../src/models/environment.ts";
import { DatabaseUnreachableError, PersistenceError } from "../../src/models/errors-storage.ts";
import { retrying } from "../../src/persistence/retrying.ts";
import { breaksSession, persistenceError } from "../../src/persistence/postgres/sql-state.ts";

const fromServer = (code: string): Error => Object.assign(new Error(`refused (${code})`), { code });

const table: readonly (readonly [codes: string, errorClass: string, breaks: boolean])[] = [
  ["40001 40P01 55P03", "conflict", false],
  ["57014 53000 53100 53200 53300 58030", "transient", false],
  ["57P01 57P02 57P03 57P05 40003 08000 08003 08006 08P01 25006 25P03 25P04 26000 42P05 0A000", "transient", true],
  ["22001 22021 22P02 22P05 22008 23505 23503 23514 54000 54001", "invalid", false],
  ["42P01 42703 3F000 25P02 42501 42601 28P01 3D000 21000", "permanent", false],
  ["XX000", "permanent", true],
];

for (const [codes, errorClass, breaks] of table) {
  test(`${codes}: ${errorClass}, and the session ${breaks ? "is destroyed" : "goes on"}`, () => {
    for (const code of codes.split(" ")) {
      const error = persistenceError(fromServer(code), "instance-commit");
      assert.ok(error instanceof PersistenceError);
      assert.deepEqual(
        [error.errorClass, error.sqlState, breaksSession(fromServer(code))],
        [errorClass, code, breaks],
        code,
      );
      assert.ok(error.message.includes(code) && error.message.includes("instance-commit"));
    }
  });
}

test("an error that did not come from the server breaks the session and is transient: nothing is known of the outcome", () => {
  for (const cause of [
    new Error("Connection terminated unexpectedly"),
    new Error("Client has encountered a connection error and is not queryable"),
    new Error("Query read timeout"),
    Object.assign(new Error("read"), { code: "ECONNRESET" }),
    Object.assign(new Error("write"), { code: "EPIPE" }),
    "thrown as a text",
  ]) {
    const error = persistenceError(cause, "instance-commit");
    assert.ok(error instanceof PersistenceError);
    assert.deepEqual([error.errorClass, error.sqlState, breaksSession(cause)], ["transient", undefined, true]);
    assert.equal(error.cause, cause);
  }
});

test("an error that is the engine's own already stays what it is", () => {
  const unreachable = new DatabaseUnreachableError("localhost:5432/x");
  assert.equal(persistenceError(unreachable, "x"), unreachable);
});

const hasty = systemEnvironment({ sleep: () => Promise.resolve() });

test("what may pass is tried five times, what may not once", async () => {
  for (const [code, tries] of [
    ["40001", 5],
    ["57P01", 5],
    ["23505", 1],
    ["42P01", 1],
  ] as const) {
    let tried = 0;
    const act = (): Promise<never> => {
      tried += 1;
      return Promise.reject(persistenceError(fromServer(code), "x"));
    };
    await assert.rejects(retrying(hasty, act));
    assert.equal(tried, tries, code);
  }
});

test("what must not be done twice is repeated only if it was rolled back for certain", async () => {
  for (const [code, tries] of [
    ["40001", 5],
    ["57P01", 1],
  ] as const) {
    let tried = 0;
    const act = (): Promise<never> => {
      tried += 1;
      return Promise.reject(persistenceError(fromServer(code), "x"));
    };
    await assert.rejects(retrying(hasty, act, "rolled-back"));
    assert.equal(tried, tries, code);
  }
});
