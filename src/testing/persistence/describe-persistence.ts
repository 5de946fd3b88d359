import type { PersistenceProvider, TransactionalPersistenceProvider } from "../../persistence/records.ts";
import { badInputSentences } from "./bad-input.ts";
import { eventSentences, subscriptionSentences } from "./events.ts";
import type { Sentence, TransactionSentence } from "./ground.ts";
import { errorSentences, historySentences } from "./history.ts";
import { instanceSentences } from "./instances.ts";
import { listingSentences } from "./listings.ts";
import { pointerSentences } from "./pointers.ts";
import { sqlSentences, transactionSentences } from "./transactions.ts";
import { upkeepSentences } from "./upkeep.ts";

interface Runner {
  /** The runner's own: `test` of node:test, `it` of Vitest or Jest. */
  readonly test: (name: string, body: () => Promise<void>) => unknown;
}

/** A store without transactions of its own. */
export interface PlainPersistenceSubject extends Runner {
  /** An initialized store, asked for once per sentence. It may be the same one each time and may hold other things. */
  readonly create: () => Promise<PersistenceProvider>;
  readonly capabilities: { readonly transactions: false };
}

/** A store with `executeTransaction` and `beginTransaction`. */
export interface TransactionalPersistenceSubject extends Runner {
  readonly create: () => Promise<TransactionalPersistenceProvider>;
  readonly capabilities?: {
    readonly transactions?: true;
    /** Whether `tx.query` runs PostgreSQL's SQL. Default: false. */
    readonly sql?: boolean;
  };
}

/**
 * What a store of workflow records promises, as sentences for your test runner, grouped by noun. Every store of this package passes
 * all of them.
 *
 * ```ts
 * import { test } from "node:test";
 * import { describePersistence } from "workflow-core/testing";
 *
 * describePersistence({ test, create: async () => new MyProvider(), capabilities: { transactions: false } });
 * ```
 */
export function describePersistence(subject: PlainPersistenceSubject | TransactionalPersistenceSubject): void {
  const { test } = subject;
  const group = (noun: string): Sentence => {
    return (name, body) => void test(`${noun}: ${name}`, async () => body(await subject.create()));
  };
  instanceSentences(group("instances"));
  listingSentences(group("listings"));
  pointerSentences(group("pointers"));
  eventSentences(group("events"));
  subscriptionSentences(group("subscriptions"));
  historySentences(group("history"));
  errorSentences(group("errors"));
  badInputSentences(group("bad input"));
  upkeepSentences(group("upkeep"));
  if (isPlain(subject)) return;
  const together = (noun: string): TransactionSentence => {
    return (name, body) => void test(`${noun}: ${name}`, async () => body(await subject.create()));
  };
  transactionSentences(together("transactions"));
  if (subject.capabilities?.sql === true) sqlSentences(together("own tables"));
}

const isPlain = (
  subject: PlainPersistenceSubject | TransactionalPersistenceSubject,
): subject is PlainPersistenceSubject => subject.capabilities?.transactions === false;
