import { WorkflowError } from "../../models/errors.ts";

/** A transaction kept the embedded database, which has only one session, to itself for too long. It was rolled back. */
export class TransactionTooLongError extends WorkflowError {
  override readonly name = "TransactionTooLongError";
  readonly code = "TRANSACTION_TOO_LONG";
  readonly errorClass = "timeout";
  readonly limitMs: number;

  constructor(limitMs: number) {
    super(
      `The transaction did not end within ${limitMs} ms and was rolled back: the embedded database has one session for everybody. ` +
        "Do slow work outside of the transaction, or set DATABASE_URL to use PostgreSQL.",
    );
    this.limitMs = limitMs;
  }
}
