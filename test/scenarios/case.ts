import type { PersistenceProvider, Run, StepContext, WorkflowHost, WorkflowStatus } from "workflow-core";

/** How the runs of a case are interfered with. */
export type Mode = "straight" | "loaded anew after every transition" | "a crash after every transition";

/** Where a case is played. */
export interface Stage {
  /** Starts runs, publishes events and asks. What runs the workflows may be others. */
  readonly host: WorkflowHost;
  readonly records: PersistenceProvider;
  readonly mode: Mode;
  /** A text that no other play of any case uses. */
  key(name: string): string;
  /** One more host on the same store, in no way interfered with. It is stopped behind the case. */
  another(
    workflows: readonly object[],
    options?: { readonly concurrency?: number; readonly pollMs?: number },
  ): Promise<WorkflowHost>;
}

/** A scenario: what is described, what is done to it, and the end that it has on every store and in every mode. */
export interface Case {
  /** The row of docs/scenarios.md: "4", or "2.9.3". */
  readonly row: string;
  readonly name: string;
  readonly workflows: readonly object[];
  /** Answers what is compared with `end`. */
  readonly play: (stage: Stage) => Promise<unknown>;
  readonly end: unknown;
  /** Which steps its runs pass is a matter of timing; only the end is compared. */
  readonly isRacy?: boolean;
}

interface Note {
  readonly what: string;
  times: number;
}

/** What bodies did, by run, in the order in which it first happened; a body that runs again after a crash is the same note. */
const notes = new Map<string, Map<string, Note>>();

/** How often a body may run in all. Each committed transition is a crash: siblings of what completes run again each time. */
const mostTimes = 30;

/** Notes that a body did something: its own step's path, unless said otherwise. */
export function note({ instanceId, idempotencyKey, attempt, path }: StepContext, what: string = path): void {
  const mine = notes.get(instanceId) ?? new Map<string, Note>();
  notes.set(instanceId, mine);
  const key = `${idempotencyKey} ${attempt} ${what}`;
  const one = mine.get(key) ?? { what, times: 0 };
  mine.set(key, one);
  one.times += 1;
}

/** A body that notes what it does, and answers a value. */
export const noting =
  <R = void>(what: string, value?: R) =>
  (_: unknown, context: StepContext): R => {
    note(context, what);
    return value as R;
  };

/** What was noted in a run. Throws if a body ran more often than crashes explain. */
export function notesOf(runId: string): readonly string[] {
  const mine = [...(notes.get(runId)?.values() ?? [])];
  for (const { what, times } of mine) if (times > mostTimes) throw new Error(`${what} was done ${times} times`);
  return mine.map(({ what }) => what);
}

/** How a run ended, and what was noted in it. */
export interface End {
  readonly status: WorkflowStatus;
  readonly result?: unknown;
  readonly failure?: string;
  readonly at?: string | undefined;
  readonly reason?: string | null;
  readonly ran: readonly string[];
}

interface Thrown {
  readonly code?: string;
  readonly reason?: string | null;
  readonly failure?: { readonly code?: string; readonly message: string; readonly path?: string };
}

/** Waits for the end. `anyOrder`: what ran side by side has no order. */
export async function endOf(run: Run<unknown>, options: { readonly anyOrder?: boolean } = {}): Promise<End> {
  const ran = (): readonly string[] => {
    const noted = notesOf(run.id);
    return options.anyOrder === true ? [...noted].sort() : noted;
  };
  try {
    const result = await run.result();
    return { status: await run.status(), result, ran: ran() };
  } catch (thrown) {
    const { code, reason = null, failure } = thrown as Thrown;
    if (code === "WORKFLOW_TERMINATED") return { status: await run.status(), reason, ran: ran() };
    if (code !== "WORKFLOW_FAILED" || failure === undefined) throw thrown;
    return { status: await run.status(), failure: failure.code ?? failure.message, at: failure.path, ran: ran() };
  }
}

/** Waits until something was noted in a run. */
export async function noted(run: Run<unknown>, what: string): Promise<void> {
  while (!notesOf(run.id).includes(what)) await pause(5);
}

/** Waits until all that is active in a run are steps that wait or sleep: these. */
export async function waitsAt({ records }: Stage, run: Run<unknown>, ...paths: readonly string[]): Promise<void> {
  const wanted = [...paths].sort().join();
  for (;;) {
    const active = await records.getActiveExecutionPointers(run.id);
    const waiting = active.every(({ status }) => status === "Waiting" || status === "Sleeping");
    if (
      waiting &&
      active
        .map(({ path }) => path)
        .sort()
        .join() === wanted
    )
      return;
    await pause(5);
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until a run has this status. */
export async function reaches(run: Run<unknown>, status: WorkflowStatus): Promise<void> {
  while ((await run.status()) !== status) await pause(5);
}
