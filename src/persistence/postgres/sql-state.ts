import { PersistenceError } from "../../models/errors-storage.ts";
import { WorkflowError, type ErrorClass } from "../../models/errors.ts";

/** What an SQLSTATE means to the engine. */
export interface SqlStateRule {
  readonly errorClass: ErrorClass;
  /** The session is of no use any more and must be destroyed. */
  readonly drop: boolean;
  /** What its reader can do. */
  readonly advice?: string;
}

const conflict: SqlStateRule = { errorClass: "conflict", drop: false };
const refused: SqlStateRule = { errorClass: "invalid", drop: false };
const passing: SqlStateRule = { errorClass: "transient", drop: false };
const lost: SqlStateRule = { errorClass: "transient", drop: true };
const unnamed = 'A pooler lost a named statement. Pass `pooler: "transaction"`.';
const drifted = "The schema is not what this engine expects. Run the migrations.";

/** Whole codes first, then their classes (the first two characters). RELIABILITY 1.4 as a table; anything else is permanent. */
const rules: ReadonlyMap<string, SqlStateRule> = new Map<string, SqlStateRule>([
  // The whole transaction was rolled back and may be tried again.
  ["40001", conflict],
  ["40P01", conflict],
  ["55P03", { ...conflict, advice: "A transaction that has written or locked the same row does not end." }],
  ["40", conflict],
  ["40003", lost],
  ["57014", passing],
  ["55006", passing],
  ["25P03", lost],
  ["25P04", lost],
  // The connection or the server has gone; of a COMMIT under way nothing is known.
  ["57P01", lost],
  ["57P02", lost],
  ["57P03", lost],
  ["57P05", lost],
  ["08P01", { ...lost, advice: "The server or a pooler does not understand this connection." }],
  ["08", lost],
  // A standby, or a primary that was demoted: the next connection may find the right server.
  ["25006", { ...lost, advice: "The server is read-only. Connect to the primary." }],
  // The server is short of something.
  ["53", passing],
  ["58", passing],
  // A value of the batch: always the same answer.
  ["22", refused],
  ["23", refused],
  ["54", refused],
  // An earlier error in the transaction was swallowed.
  ["25P02", { errorClass: "permanent", drop: false }],
  // What is not as this engine made it.
  ["42P01", { errorClass: "permanent", drop: false, advice: drifted }],
  ["42703", { errorClass: "permanent", drop: false, advice: drifted }],
  ["3F000", { errorClass: "permanent", drop: false, advice: drifted }],
  [
    "0A000",
    {
      errorClass: "transient",
      drop: true,
      advice: "A cached plan no longer fits its table, or the server lacks a feature.",
    },
  ],
  ["26000", { errorClass: "transient", drop: true, advice: unnamed }],
  ["42P05", { errorClass: "transient", drop: true, advice: unnamed }],
  ["XX000", { errorClass: "permanent", drop: true }],
]);

const unknownState: SqlStateRule = { errorClass: "permanent", drop: false };

export const ruleOf = (sqlState: string): SqlStateRule =>
  rules.get(sqlState) ?? rules.get(sqlState.slice(0, 2)) ?? unknownState;

/** The SQLSTATE of a driver's error, if the server sent it. Codes of the operating system (ECONNRESET) look different. */
export function sqlStateOf(error: unknown): string | undefined {
  if (error instanceof PersistenceError) return error.sqlState;
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" && /^[0-9A-Z]{5}$/.test(error.code) && !/^E[A-Z]{4}$/.test(error.code)
    ? error.code
    : undefined;
}

/** Whether the session that threw this must be destroyed: whatever did not come from the server broke it. */
export function breaksSession(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === undefined || ruleOf(state).drop;
}

/**
 * The engine's error for a driver's. An error without an SQLSTATE ("Connection terminated unexpectedly", "not queryable",
 * ECONNRESET, the deadline) says that there was no answer: transient, and nothing is known of the outcome.
 */
export function persistenceError(error: unknown, what: string): WorkflowError {
  if (error instanceof WorkflowError) return error;
  const state = sqlStateOf(error);
  const said = error instanceof Error ? error.message : String(error);
  if (state === undefined)
    return new PersistenceError(`${what}: no answer from the database (${said}).`, "transient", { cause: error });
  const rule = ruleOf(state);
  const advice = rule.advice === undefined ? "" : ` ${rule.advice}`;
  return new PersistenceError(`${what}: ${said} (SQLSTATE ${state}).${advice}`, rule.errorClass, {
    cause: error,
    sqlState: state,
  });
}
