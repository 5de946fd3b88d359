import assert from "node:assert/strict";
import { systemEnvironment } from "../../models/environment.ts";
import { WorkflowError } from "../../models/errors.ts";
import type { Page, PageRequest } from "../../models/records/page.ts";
import type { NewWorkflowInstance, WorkflowInstanceData } from "../../models/records/workflow-instance-data.ts";
import type { PersistenceProvider, TransactionalPersistenceProvider } from "../../persistence/records.ts";

/** Registers a sentence about a store. */
export type Sentence<P extends PersistenceProvider = PersistenceProvider> = (
  name: string,
  body: (store: P) => Promise<void>,
) => void;

export type TransactionSentence = Sentence<TransactionalPersistenceProvider>;

const env = systemEnvironment();

/** A UUID that nothing has. */
export const someId = (): string => env.uuid();

/** A name that nothing has, so that a store may hold other things too. */
export const unique = (what: string): string => `${what}-${env.uuid()}`;

export const pause = (ms: number): Promise<void> => env.sleep(ms);

/** Stores an instance of a workflow that nothing else has, unless said otherwise. */
export const instance = (
  store: Pick<PersistenceProvider, "createWorkflowInstance">,
  facts: Partial<NewWorkflowInstance> = {},
): Promise<WorkflowInstanceData> => store.createWorkflowInstance({ workflowDefinitionId: unique("order"), ...facts });

/** The instance as it is stored now. */
export async function stored(
  store: PersistenceProvider,
  { id }: { readonly id: string },
): Promise<WorkflowInstanceData> {
  const found = await store.getWorkflowInstance(id);
  assert.ok(found !== null, `instance ${id} is gone`);
  return found;
}

/** Asserts that a call is refused with this code. Answers the error. */
export async function refused(code: string, call: () => Promise<unknown>): Promise<WorkflowError> {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof WorkflowError, `a WorkflowError was expected, not ${String(error)}`);
    assert.equal(error.code, code, error.message);
    return error;
  }
  return assert.fail(`${code} was expected, and the call went through`);
}

/** Asserts that a call is refused because of the record, filter or page at this path. */
export async function refusedAt(path: string, call: () => Promise<unknown>): Promise<void> {
  const error = await refused("INVALID_RECORD", call);
  assert.equal((error as { readonly path?: unknown }).path, path);
}

/** Follows a listing to its end, and answers the pages. */
export async function pagesOf<T>(list: (page: PageRequest) => Promise<Page<T>>, limit: number): Promise<T[][]> {
  const pages: T[][] = [];
  let after: string | null = null;
  do {
    const page: Page<T> = await list({ limit, after });
    pages.push([...page.items]);
    after = page.next;
    assert.ok(pages.length < 1_000, "the listing has no end");
  } while (after !== null);
  return pages;
}

export const idsOf = (rows: readonly { readonly id: string }[]): readonly string[] => rows.map(({ id }) => id);
export const sortedIds = (rows: readonly { readonly id: string }[]): readonly string[] => [...idsOf(rows)].sort();
