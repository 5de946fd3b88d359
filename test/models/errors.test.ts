import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidRequestError, PermanentError, WorkflowError } from "../../src/models/errors.ts";
import { DuplicateRecordError } from "../../src/models/errors-records.ts";
import * as definitionErrors from "../../src/models/errors-definition.ts";
import * as instanceErrors from "../../src/models/errors-instance.ts";
import * as storageErrors from "../../src/models/errors-storage.ts";
import * as valueErrors from "../../src/models/errors-values.ts";

const failure = { name: "Error", message: "declined", errorClass: "permanent", path: "charge" } as const;

const one: readonly WorkflowError[] = [
  new InvalidRequestError("options.concurrency", "must be a whole number from 1"),
  new PermanentError("The card was declined."),
  new definitionErrors.WorkflowNotRegisteredError("order", 2),
  new definitionErrors.DuplicateWorkflowError("order", 2),
  new definitionErrors.InvalidDefinitionError("order", "ship", "two steps have this name."),
  new definitionErrors.DefinitionChangedError("order", 2, { difference: "step ship was added", process: "shop 1" }),
  new definitionErrors.MappingFailedError("ship", "input", "threw: x is undefined"),
  new definitionErrors.StepTimeoutError("ship", 100),
  new instanceErrors.ScheduleExistsError("nightly"),
  new instanceErrors.ScheduleNotFoundError("nightly"),
  new instanceErrors.KeyConflictError("k", "order", "id"),
  new instanceErrors.InstanceNotFoundError("id"),
  new instanceErrors.WorkflowFailedError("id", failure),
  new instanceErrors.WorkflowTerminatedError("id", "asked for"),
  new instanceErrors.OwnershipLostError("id"),
  new instanceErrors.WouldDeadlockError("startWorkflow"),
  new instanceErrors.HostStoppedError("startWorkflow"),
  new storageErrors.PersistenceError("The statement failed.", "conflict", { sqlState: "40001" }),
  new storageErrors.DatabaseUnreachableError("localhost:5432/app"),
  new storageErrors.UnsupportedDatabaseError("14.2"),
  new storageErrors.PoolTooSmallError(2, 6),
  new storageErrors.SchemaOutdatedError("workflow", 1, 2),
  new storageErrors.DirectoryInUseError("./data"),
  new storageErrors.DirectoryNotWritableError("./data"),
  new storageErrors.TransactionTooLongError(5_000),
  new storageErrors.MissingDependencyError("pg", "PostgreSQL"),
  new valueErrors.ValidationError("start data", [{ path: "total", message: "expected a number" }]),
  new valueErrors.NotStorableError("value", "$.a", "a function"),
  new valueErrors.ValueTooLargeError("value", 5, 4),
  new valueErrors.InvalidNameError("key", "", "must not be empty"),
  new valueErrors.InvalidDurationError("timeout", -1, "is negative"),
  new valueErrors.InvalidInstantError("delayUntil", "soon", "is none"),
  new valueErrors.InvalidRecurrenceError("cron", "* *", "is none"),
  new valueErrors.CorruptStateError("value", "it is damaged"),
];

test("every error has a name, a code, a class and a sentence", () => {
  for (const error of one) {
    assert.equal(error.name, error.constructor.name);
    assert.match(error.code, /^[A-Z]+(_[A-Z]+)*$/);
    assert.match(error.message, /^\S.*([.?]|npm i pg|declined)$/s, error.name);
    assert.ok(error instanceof WorkflowError && error instanceof Error);
    assert.ok(error.stack?.includes(error.message));
  }
});

test("every error class of the models is in this table, with a code of its own", () => {
  const exported = [definitionErrors, instanceErrors, storageErrors, valueErrors].flatMap((module) =>
    Object.keys(module),
  );
  assert.deepEqual(
    exported.filter((name) => !one.some((error) => error.name === name)),
    [],
  );
  assert.equal(new Set(one.map((error) => error.code)).size, one.length);
});

test("transient, timeout and conflict may be tried again after a while; the others not", () => {
  for (const error of one) {
    const isRetried = ["transient", "timeout", "conflict"].includes(error.errorClass);
    assert.equal(error.shouldRetry(), isRetried, error.name);
    assert.equal(error.retryDelay() > 0, isRetried, error.name);
  }
});

test("an error as JSON holds its code, class, ids and the cause's message, and no stack", () => {
  const cause = new Error("socket");
  cause.cause = cause;
  const error = new storageErrors.PersistenceError("No.", "transient", { sqlState: "08006", cause });
  assert.deepEqual(JSON.parse(JSON.stringify(error)), {
    name: "PersistenceError",
    code: "PERSISTENCE_ERROR",
    errorClass: "transient",
    message: "No.",
    sqlState: "08006",
    cause: { name: "Error", message: "socket" },
  });
  assert.equal(error.cause, cause);
  const failed: unknown = JSON.parse(JSON.stringify(new instanceErrors.WorkflowFailedError("id", failure)));
  assert.deepEqual((failed as { failure: unknown }).failure, failure);
});

test("authors may extend PermanentError, with fields that are no JSON", () => {
  class CardDeclined extends PermanentError {
    override readonly name = "CardDeclined";
    readonly self = this;
    readonly amount = 5n;
    constructor() {
      super("declined", { code: "CARD_DECLINED" });
    }
  }
  assert.deepEqual(JSON.parse(JSON.stringify(new CardDeclined())), {
    name: "CardDeclined",
    code: "CARD_DECLINED",
    errorClass: "permanent",
    message: "declined",
  });
});

test("messages say what to do", () => {
  assert.match(new DuplicateRecordError("event", "42").message, /^There is an event 42 already, /);
  assert.equal(
    new valueErrors.InvalidNameError("key", "\0".repeat(1000), "must not hold a NUL").message,
    `"${"\ufffd".repeat(59)}…" is no valid key: it must not hold a NUL.`,
  );
  assert.equal(
    new instanceErrors.WorkflowFailedError("42", failure).message,
    'Workflow instance 42 failed in step "charge": Error: declined',
  );
  const issues = Array.from({ length: 5 }, (_, i) => ({ path: `items[${i}]`, message: "is wrong" }));
  assert.equal(
    new valueErrors.ValidationError("event", issues).message,
    "The event does not match its schema: items[0]: is wrong; items[1]: is wrong; items[2]: is wrong; and 2 more (see .issues).",
  );
});

test("what is quoted keeps its own full stop, and gets no second one", () => {
  const texts = [
    new definitionErrors.MappingFailedError("ship", "key", "failed: it must not be empty."),
    new instanceErrors.WorkflowTerminatedError("id", "It took too long."),
    new valueErrors.InvalidRecurrenceError("cron", "bad", "is no cron expression: five parts are required."),
  ];
  for (const { message } of texts) assert.doesNotMatch(message, /\.\./);
});
