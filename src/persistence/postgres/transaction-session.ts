import { InvalidRequestError } from "../../models/errors.ts";
import type { Session } from "../database.ts";
import type { TransactionSession } from "../provider.ts";

/** A step's queries in the engine's transaction: one after the other, none that ends the transaction, none after the step. */
export class StepSession implements TransactionSession {
  private readonly session: Session;
  private last: Promise<unknown>;
  private isClosed: boolean;
  private failure: unknown;

  constructor(session: Session) {
    this.session = session;
    this.last = Promise.resolve();
    this.isClosed = false;
    this.failure = undefined;
  }

  /** The first query that the database refused. If the transaction is broken, this broke it. */
  get firstFailure(): unknown {
    return this.failure;
  }

  query(text: string, values: readonly unknown[] = []): Promise<{ readonly rows: unknown[] }> {
    const asked = this.last.then(() => this.run(text, values));
    this.last = asked.catch(() => undefined);
    return asked;
  }

  /** Waits for what the step asked and did not wait for, and lets nothing more pass. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.last;
  }

  private async run(text: string, values: readonly unknown[]): Promise<{ readonly rows: unknown[] }> {
    if (this.isClosed) throw new InvalidRequestError("tx.query", "was called after its step had ended");
    refuseTransactionControl(text);
    try {
      return { rows: [...(await this.session.query({ name: "", text, values }))] };
    } catch (error) {
      this.failure ??= error;
      throw error;
    }
  }
}

/** Space, comments (which nest) and empty commands in front of the first word. */
const leading = /^(?:[\s;]+|--[^\n]*(?:\n|$))+/;

const forbidden =
  /^(?:begin|commit|end|abort|start\s+transaction|prepare\s+transaction|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b))\b/i;

/** What would stay with the session, which the next step gets that needs one. Only in a committed transaction; but that is the rule. */
const lasting = /^(?:set\s+(?!local\b|constraints\b|transaction\b)|reset\s|discard\s|deallocate\s)/i;

/** Savepoints are the step's own business; the transaction as a whole is the engine's, and so is the session. */
export function refuseTransactionControl(text: string): void {
  if (typeof text !== "string") throw new InvalidRequestError("tx.query", "takes the text of one command");
  const command = withoutInnerComments(withoutLeading(text).slice(0, 200));
  if (lasting.test(command)) {
    throw new InvalidRequestError(
      "tx.query",
      "must not change the session, which is used by other steps after this one. Use SET LOCAL",
    );
  }
  if (!forbidden.test(command)) return;
  throw new InvalidRequestError(
    "tx.query",
    "must not begin or end a transaction: the engine commits it together with the step. Use savepoints, or throw to roll back",
  );
}

function withoutLeading(text: string): string {
  let rest = text;
  for (;;) {
    const next = rest.startsWith("/*") ? rest.slice(commentEnd(rest)) : rest.replace(leading, "");
    if (next === rest) return rest;
    rest = next;
  }
}

const withoutInnerComments = (text: string): string => text.replace(/\/\*[^]*?\*\/|--[^\n]*/g, " ");

function commentEnd(text: string): number {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const pair = text.slice(at, at + 2);
    if (pair === "/*" || pair === "*/") {
      depth += pair === "/*" ? 1 : -1;
      at += 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}
