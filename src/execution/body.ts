import { encodeValue } from "../models/codec.ts";
import type { StepNode } from "../models/definition.ts";
import type { Environment } from "../models/environment.ts";
import { InvalidRequestError } from "../models/errors.ts";
import { StepTimeoutError } from "../models/errors-definition.ts";
import { ExecutionResult } from "../models/execution-result.ts";
import { type Classify, describeFailure } from "../models/failure.ts";
import type { ActivePointer } from "../models/frontier.ts";
import { iterationAround, undoneBy } from "../models/path.ts";
import type { StepContext } from "../models/step.ts";
import type { StepSpanEnd } from "../models/tracer.ts";
import { type StoredValue, storedFromJson } from "../models/stored-value.ts";
import type { StoredPointer, TransactionSession } from "../persistence/provider.ts";
import { inputOf, type Reader } from "./answer.ts";
import type { BodyFact } from "./facts.ts";
import { mappingFailure } from "./guard.ts";
import type { LiveInstance } from "./live-instance.ts";
import { functionOf } from "./plan.ts";
import { scopeOf, subjectOf } from "./scope.ts";

/** One execution of a body: what it needs from outside. */
export interface BodyRun {
  readonly live: LiveInstance;
  readonly path: string;
  readonly node: StepNode;
  /** The body is the compensation of the step. */
  readonly undo: boolean;
  readonly env: Environment;
  readonly reader: Reader;
  readonly classify: Classify | undefined;
  readonly tx?: TransactionSession;
  /** For a compensation: the row of the step that it undoes, if it was read before. */
  readonly undoes?: StoredPointer | undefined;
}

/** The row of the step that a compensation undoes; undefined for one in doubt whose input is in the frontier. */
export async function rowToUndo({ live, path, reader }: BodyRun): Promise<StoredPointer | undefined> {
  const pointer = live.state.frontier.pointers[path];
  if (pointer !== undefined && "undoes" in pointer) return undefined;
  const step = undoneBy(path);
  const [row] = await reader.pointers(live, [step]);
  const container = iterationAround(step);
  // The step took the item of its iteration, and the container may have closed since.
  if (pointer?.inDoubt && row?.input === undefined && container !== undefined && !live.items.has(container))
    await live.loadItems([container], reader);
  return row;
}

/**
 * Runs a body to its answer. Never throws: whatever goes wrong in it is a `failed` fact. Answers undefined for a body that was told
 * to stop (by a shutdown, a request, a lost heartbeat) and did so by throwing: that is no failure of its attempt.
 */
export function runBody(run: BodyRun): Promise<BodyFact | undefined> {
  const { tracing } = run.env;
  if (tracing === undefined) return attempt(run);
  const { id, plan, state } = run.live;
  const facts = { instanceId: id, workflow: plan.id, version: plan.version, path: run.path };
  const step = { ...facts, attempt: state.frontier.pointers[run.path]?.attempt ?? 1 };
  return tracing.step(step, () => attempt(run), endOf);
}

const endOf = (fact: BodyFact | undefined): StepSpanEnd => ({
  outcome: fact?.kind ?? "stopped",
  failure: fact?.kind === "failed" ? fact.failure : undefined,
});

async function attempt(run: BodyRun): Promise<BodyFact | undefined> {
  const { live, path, node, env } = run;
  const began = env.monotonic();
  const pointer = live.state.frontier.pointers[path] ?? {};
  const number = pointer.attempt ?? 1;
  let input: StoredValue | undefined;
  try {
    input = run.undo ? undefined : givenInput(run, pointer);
  } catch (thrown) {
    const failure = mappingFailure(path, "input", thrown);
    return { path, attempt: number, kind: "failed", input, tookMs: 0, failure, final: true, random: 0 };
  }
  const context = new BodyContext(run, pointer, input);
  live.bodies.set(path, context);
  try {
    const called = run.undo ? callCompensation(run, pointer, context) : callBody(run, context);
    const timeoutMs = run.undo ? node.undo?.timeoutMs : node.timeoutMs;
    const answer = await (timeoutMs === undefined ? called : within(timeoutMs, called, context, env));
    if (!run.undo && node.transactional) refuseHalves(node, answer);
    return factOf(answer, { path, attempt: number, input, tookMs: env.monotonic() - began });
  } catch (thrown) {
    if (context.wasStopped) return undefined;
    const failure = describeFailure(context.reasonFor(thrown), path, run.classify);
    const final = failure.errorClass === "permanent" || failure.errorClass === "invalid";
    const tookMs = env.monotonic() - began;
    return { path, attempt: number, kind: "failed", input, tookMs, failure, final, random: env.random() };
  } finally {
    // One that answered too late may have a successor.
    if (live.bodies.get(path) === context) live.bodies.delete(path);
  }
}

/** Stored when the pointer became ready beside siblings, or by an earlier attempt; else evaluated now, on the same data. */
function givenInput({ live, path, node }: BodyRun, pointer: ActivePointer): StoredValue {
  if (pointer.input !== undefined) return storedFromJson(pointer.input);
  return inputOf({ live, draft: undefined, path }, node);
}

/** What it did before would be committed, and nobody could say whether it is to be undone. */
function refuseHalves(node: StepNode, answer: unknown): void {
  if (node.compensation === undefined || !(answer instanceof ExecutionResult) || answer.kind === "next") return;
  throw new InvalidRequestError(
    `ExecutionResult.${answer.kind}`,
    `cannot be the answer of the transactional step "${node.name}", since it has a compensation: what it did so far would be kept without being done`,
  );
}

function factOf(answer: unknown, about: Pick<BodyFact, "path" | "attempt" | "input" | "tookMs">): BodyFact {
  const { path, attempt: number, input, tookMs } = about;
  const given: unknown = answer instanceof ExecutionResult ? answer.value : answer;
  const value = given === undefined ? undefined : encodeValue(given, `result of "${path}"`);
  if (answer instanceof ExecutionResult && answer.kind !== "next") {
    const { delayMs } = answer;
    return { kind: "slept", path, attempt: number, input, tookMs, delayMs, persistence: value?.tree };
  }
  return { kind: "succeeded", path, attempt: number, input, tookMs, value, patched: undefined };
}

/** What a body is told. The signal is made when it is first asked for: most bodies never do. */
class BodyContext implements StepContext {
  readonly input: unknown;
  readonly persistenceData: unknown;
  readonly attempt: number;
  readonly instanceId: string;
  readonly path: string;
  readonly logger: StepContext["logger"];
  readonly tx: TransactionSession | undefined;
  readonly data: unknown;
  readonly scope: unknown;
  private controller: AbortController | undefined;
  private aborted: { readonly reason: unknown } | undefined;

  constructor({ live, path, node, env, tx }: BodyRun, pointer: ActivePointer, input: StoredValue | undefined) {
    this.input = input?.get();
    this.persistenceData = pointer.persistence === undefined ? undefined : storedFromJson(pointer.persistence).get();
    this.attempt = pointer.attempt ?? 1;
    this.instanceId = live.id;
    this.path = path;
    this.logger = env.logger;
    this.tx = tx;
    if (!node.inline) return;
    this.data = live.state.data.get();
    this.scope = scopeOf({ live, draft: undefined, path });
  }

  get idempotencyKey(): string {
    return `${this.instanceId}:${this.path}`;
  }

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.aborted !== undefined) this.controller.abort(this.aborted.reason);
    return this.controller.signal;
  }

  abort(reason: unknown): void {
    this.aborted ??= { reason };
    this.controller?.abort(reason);
  }

  /** The engine told it to stop, for a reason that is none of its own. */
  get wasStopped(): boolean {
    return this.aborted !== undefined && !(this.aborted.reason instanceof StepTimeoutError);
  }

  /** A body that was told to stop and threw has stopped for that reason. */
  reasonFor(thrown: unknown): unknown {
    return this.aborted?.reason instanceof StepTimeoutError ? this.aborted.reason : thrown;
  }
}

type Callable = (...args: readonly unknown[]) => unknown;
type Runs = { run(context: unknown): unknown };

function callBody({ live, node }: BodyRun, context: BodyContext): unknown {
  const body: unknown = functionOf(live.plan, node.body);
  switch (node.call) {
    case "function":
      return (body as Callable)(context.input, context);
    case "class":
      return new (body as new () => Runs)().run(context);
    case "instance":
      return (body as Runs).run(context);
  }
}

/** A compensation gets what its step was given and what it answered, as its pointer's row holds them. */
async function callCompensation(run: BodyRun, pointer: ActivePointer, context: BodyContext): Promise<unknown> {
  const { live, node } = run;
  if (node.compensation === undefined) return undefined;
  const compensation = functionOf(live.plan, node.compensation) as Callable;
  const path = undoneBy(run.path);
  const row = run.undoes ?? (await rowToUndo(run));
  if (pointer.inDoubt) {
    const given = "undoes" in pointer ? pointer.undoes : row?.input;
    const input = given === undefined ? subjectOf({ live, draft: undefined, path }) : storedFromJson(given).get();
    return compensation({ input, outcome: "unknown" }, context);
  }
  const read = (tree: unknown): unknown => (tree === undefined ? undefined : storedFromJson(tree).get());
  return compensation({ input: read(row?.input), outcome: "completed", result: read(row?.outcome) }, context);
}

/** The body's answer, or its failure once the time is up; an answer that comes later is nobody's. */
async function within(ms: number, called: unknown, context: BodyContext, env: Environment): Promise<unknown> {
  let timer: { cancel(): void } | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = env.later(ms, () => {
      const late = new StepTimeoutError(context.path, ms);
      context.abort(late);
      reject(late);
    });
  });
  try {
    return await Promise.race([called, timeout]);
  } finally {
    timer?.cancel();
  }
}
