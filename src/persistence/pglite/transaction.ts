import type { Environment } from "../../models/environment.ts";
import { PersistenceError, TransactionTooLongError } from "../../models/errors-storage.ts";
import { InvalidRequestError } from "../../models/errors.ts";
import type { Session, Statement } from "../database.ts";
import type { Connection } from "./connection.ts";

/** Runs `work` between BEGIN and COMMIT, for no longer than `limitMs`. */
export async function runTransaction<T>(
  connection: Connection,
  limit: { readonly env: Environment; readonly limitMs: number },
  work: (session: Session) => Promise<T>,
): Promise<T> {
  await connection.command("begin");
  const session = new HeldSession(connection);
  let timer = { cancel: (): void => undefined };
  const tooLong = new Promise<never>((_, reject) => {
    timer = limit.env.later(limit.limitMs, () => reject(new TransactionTooLongError(limit.limitMs)));
  });
  try {
    const answer = await Promise.race([work(session), tooLong]);
    timer.cancel();
    await session.end(new InvalidRequestError("A transaction's query", "was called after the transaction had ended"));
    session.check();
    await commit(connection);
    return answer;
  } catch (error) {
    timer.cancel();
    await session.end(error instanceof Error ? error : new Error(String(error)));
    if (!connection.isLost) await connection.command("rollback").catch(() => undefined); // a lost one was rolled back by that
    throw error;
  }
}

/** A transaction that is broken answers COMMIT with ROLLBACK, and the driver does not call that an error. */
async function commit(connection: Connection): Promise<void> {
  if ((await connection.command("commit")) === "COMMIT") return;
  throw new PersistenceError("The transaction was rolled back: one of its queries had failed.", "permanent", {
    sqlState: "25P02",
  });
}

class HeldSession implements Session {
  readonly #connection: Connection;
  #last: Promise<unknown> = Promise.resolve();
  readonly #number: number;
  #over: Error | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#number = connection.session;
  }

  query<R>(statement: Statement): Promise<readonly R[]> {
    const asked = this.#last.then(() => {
      if (this.#over !== undefined) throw this.#over;
      this.check();
      return this.#connection.run<R>(statement);
    });
    this.#last = asked.catch(() => undefined);
    return asked;
  }

  /** From now on every query is answered with `reason`. Waits for the one that is under way. */
  async end(reason: Error): Promise<void> {
    this.#over ??= reason;
    await this.#last;
  }

  /** After an error that broke the session, what follows would run outside of any transaction. */
  check(): void {
    if (this.#connection.session === this.#number) return;
    throw new PersistenceError("The transaction was rolled back: an error broke its session.", "transient");
  }
}
