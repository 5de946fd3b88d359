/**
 * What a workflow does, told a second time: written from the documents alone, with nothing of the engine. It runs a plan in made-up
 * time, and says how the run ends and what is undone in which order.
 */
import { crowd, type CrowdEnd, withAbsorbed } from "./interpreter-crowd.ts";
import {
  Abort,
  type Context,
  type End,
  Fail,
  failed,
  Jump,
  Run,
  scoped,
  type Undoable,
  Withdrawn,
} from "./interpreter-run.ts";
import { type ForEachPlan, hasAnother, holds, type LoopPlan, napsUntil, patchOf, type RacePlan } from "./plan.ts";
import type {
  Block,
  CancelPlan,
  HandledClass,
  ParallelPlan,
  Plan,
  PlanNode,
  Rest,
  StepPlan,
  WaitPlan,
} from "./plan.ts";
import { itemsOf, keyOf, plain, type PlainFailure, takes, timeoutMs, troubles } from "./plan.ts";
import { late, later, limited, recur, within } from "./interpreter-time.ts";
import { rollBack, saga, settle } from "./interpreter-undo.ts";
import { spawn, type Timeline, valueOf, type Wait, type Work } from "./tasks.ts";

/** Runs a plan. Undefined where its end is left to chance, or it takes too long to be of use. */
export function interpret(plan: Plan, closeMs: number): End | undefined {
  const run = new Run(plan, closeMs);
  const { terminateAt, rest } = plan;
  let end: Pick<End, "status" | "result" | "failure"> | undefined;
  const stop = spawn(whole(run), ({ ...outcome }) => {
    if ("thrown" in outcome) {
      if (!(outcome.thrown instanceof Abort)) throw outcome.thrown;
      const { status, result, failure } = outcome.thrown;
      end = { status, result, failure };
    } else end = { status: "Complete", result: outcome.value, failure: undefined };
  });
  const goesOn = (): boolean => end === undefined;
  if (rest !== undefined) restAt(run.time, rest, goesOn);
  if (terminateAt !== undefined) {
    run.time.always(
      terminateAt,
      () => {
        if (end !== undefined) return;
        stop();
        end = { status: "Terminated", result: undefined, failure: undefined };
      },
      goesOn,
    );
  }
  let fuel = 400;
  let at = 0;
  while (end === undefined && run.time.tick()) {
    at = run.time.now;
    if (--fuel < 0 || run.time.isAmbiguous) return undefined;
  }
  if (run.isAmbiguous || run.work > 2_000) return undefined;
  // Whoever resumes it, or wants it undone, has what suspended it tried again.
  const meddledAt = Math.max(rest === undefined ? -1 : rest.at + rest.ms, plan.compensateAt ?? -1);
  if (end?.status === "Suspended" && at <= meddledAt) return undefined;
  const { status, result, failure } = end ?? { status: "Runnable", result: undefined, failure: undefined };
  return { status, result: plain(result), failure, data: plain(run.data), undone: run.undone, ledger: run.ledger, at };
}

/** Bodies are told to stop, and begin again when the run goes on; timers and events wait for that. */
function restAt(time: Timeline, { at, ms }: Rest, goesOn: () => boolean): void {
  time.always(at, () => time.restUntil(at + ms), goesOn);
  time.always(
    at + ms,
    () => undefined,
    () => false,
  );
}

function* whole(run: Run): Work<unknown> {
  const stack: Undoable[] = [];
  const context: Context = { run, names: new Map(), n: 0, lap: 0, subject: () => run.data, stack, absorber: undefined };
  let failure: PlainFailure | undefined;
  try {
    const value = yield limited(run, block(run.plan.root, context));
    return run.plan.root.last?.kind === "returns" ? value : run.data;
  } catch (thrown) {
    if (thrown instanceof Fail) failure = thrown.failure;
    else if (!(thrown instanceof Withdrawn)) throw thrown;
  }
  try {
    yield* rollBack(run, stack);
  } catch (thrown) {
    if (!(thrown instanceof Fail)) throw thrown;
    failure = thrown.failure;
  }
  throw failure === undefined ? new Abort("Terminated") : new Abort("Failed", undefined, failure);
}

/** The value of a block is that of its last step, or what `returns` says. What is kept in it is known in it alone. */
function* block(plan: Block, outer: Context): Work<unknown> {
  const context: Context = { ...outer, names: new Map(outer.names), absorber: undefined };
  const work = inOrder(plan, context);
  if (!plan.steps.some(isLeftBehind)) return yield* work;
  return yield withAbsorbed(context, (inside) => inOrder(plan, inside));
}

/** Whether what follows a step may come before the step is done. */
const isLeftBehind = (node: PlanNode): boolean =>
  node.kind === "schedule" || ("join" in node && node.join.rest === "absorb");

function* inOrder({ steps, last }: Block, context: Context): Work<unknown> {
  const { run } = context;
  let value: unknown;
  for (const node of steps) {
    value = yield* perform(node, context);
    run.work += 1;
    if (node.as) context.names.set(`k${node.id}`, value);
  }
  if (last === undefined) return value;
  switch (last.kind) {
    case "returns":
      // The result of a run is the last thing that happens in it.
      if (context.absorber !== undefined && steps === run.plan.root.steps) {
        context.absorber.cancelOptional();
        yield context.absorber.allDone();
      }
      return { v: run.sees(context) % 1000 };
    case "end":
      throw new Abort("Complete", last.withValue ? { v: run.sees(context) % 1000 } : run.data);
    default:
      throw new Jump(last.kind, last.to);
  }
}

function* perform(node: PlanNode, context: Context): Work<unknown> {
  const { run } = context;
  switch (node.kind) {
    case "step":
      return yield* step(node, context);
    case "set":
      if (node.bad !== undefined && holds(node.bad, run.sees(context))) throw mappingFailed();
      run.data = { ...run.data, ...patchOf(node.field, run.data, run.sees(context)) };
      return undefined;
    case "delay": {
      const ms = takes(run.plan.salt, node.id, context.n);
      yield run.time.sleep(node.until ? Math.max(0, ms * 2 - run.time.now) : ms);
      return undefined;
    }
    case "wait":
      return yield* wait(node, context);
    case "if": {
      const way = holds(node.when, run.sees(context)) ? node.yes : node.no;
      return way === undefined ? undefined : yield* block(way, context);
    }
    case "decide": {
      const way = node.cases[run.sees(context) % node.of];
      if (way === undefined) throw new Fail({ code: "UNKNOWN_OUTCOME", errorClass: "permanent" });
      return yield* block(way, context);
    }
    case "forEach":
      return kept(node, context, yield* forEach(node, context));
    case "parallel":
      return kept(node, context, yield* parallel(node, context));
    case "race":
      return kept(node, context, yield* race(node, context));
    case "saga":
      return yield* saga(node, context, block);
    case "attempt":
      try {
        return yield* block(node.body, context);
      } catch (thrown) {
        if (!(thrown instanceof Fail)) throw thrown;
        const handler = node.handlers[thrown.failure.errorClass as HandledClass] ?? node.handlers.otherwise;
        if (handler === undefined) throw thrown;
        settle(context.stack);
        return yield* block(handler, scoped(context, { failure: thrown.failure }));
      }
    case "cancelWhen":
      return yield* cancelWhen(node, context);
    case "within":
      return yield* within(node, context, block);
    case "schedule":
      return later(node, context, block);
    case "recur":
      return yield* recur(node, context, block);
    default:
      return yield* loop(node, context);
  }
}

const mappingFailed = (): Fail => new Fail({ code: "MAPPING_FAILED", errorClass: "permanent" });

/** Applies what `output` makes of a value to the latest data. */
function kept(
  node: StepPlan | WaitPlan | ForEachPlan | ParallelPlan | RacePlan,
  { run }: Context,
  value: unknown,
): unknown {
  if (node.output !== undefined) run.data = { ...run.data, ...patchOf(node.output, run.data, value) };
  return value;
}

// ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Answered {
  readonly result?: unknown;
  readonly isCut?: boolean;
}

function* step(node: StepPlan, context: Context): Work<unknown> {
  const { run, n } = context;
  if (node.badInput !== undefined && holds(node.badInput, run.sees(context)))
    return failed(node, mappingFailed().failure);
  const input = run.inputOf(node, context);
  const seen = run.seenBy(node, context, input);
  const { ticks } = run.time;
  const ready = run.nextReady();
  let isAnswered = false;
  const answered = (outcome: Undoable["outcome"], { result, isCut = false }: Answered = {}): void => {
    isAnswered = true;
    if (node.undo === undefined || (outcome === "unknown" && (node.skipInDoubt || node.isTransactional))) return;
    const isSettled = outcome === "completed";
    context.stack.push({ node, n, outcome, input, result, seq: run.nextSeq(), ends: [], ready, isCut, isSettled });
  };
  try {
    for (let attempt = 1; ; attempt += 1) {
      const failure = yield* tryOnce(node, context, { seen, attempt });
      if (failure === undefined) {
        if (node.isTransactional) run.ledger.push(`${node.id}.${n}`);
        const result = node.isVoid ? undefined : { n: node.id, v: seen % 1000 };
        answered("completed", { result });
        return kept(node, context, result);
      }
      if (failure.errorClass === "permanent" || attempt >= node.retry.maxAttempts) {
        answered("unknown");
        if (node.onError === "continue") settle(context.stack);
        return failed(node, failure);
      }
      yield run.time.sleep(node.retry.initial * node.retry.factor ** (attempt - 1));
    }
  } finally {
    // Cut off: nobody knows whether it had its effect, unless it was stopped before it could begin.
    if (!isAnswered && ticks < run.time.ticks) answered("unknown", { isCut: true });
  }
}

function* tryOnce(
  node: StepPlan,
  { run, n }: Context,
  { seen, attempt }: { readonly seen: number; readonly attempt: number },
): Work<PlainFailure | undefined> {
  const hasTrouble = troubles(node, seen, attempt);
  const isTimed = node.trouble?.kind === "hang";
  const ms = takes(run.plan.salt, node.id, n, attempt);
  const napMs = napsUntil(run.plan.salt, node.id, n) - run.time.now;
  if (node.naps && napMs > 0) yield run.time.sleep(napMs);
  if (!node.isTransactional) yield run.time.sleep(!isTimed ? ms : hasTrouble ? timeoutMs : 1);
  if (!hasTrouble || node.trouble === undefined) return undefined;
  if (isTimed) return { code: "STEP_TIMEOUT", errorClass: "timeout" };
  const { code, kind } = node.trouble;
  return { code: code ?? (kind === "permanent" ? "PERMANENT" : "none"), errorClass: kind };
}

function* wait(node: WaitPlan, context: Context): Work<unknown> {
  const { run, n } = context;
  const lateAt = node.timeout ? run.time.now + takes(run.plan.salt, node.id, 0) : undefined;
  const got = yield (resume) => {
    const off = (): void => {
      stopWaiting();
      stopClock();
    };
    const end = (value: unknown): void => {
      off();
      resume(() => value);
    };
    const stopWaiting = run.mail.wait(keyOf(node.id, n), end);
    const stopClock = lateAt === undefined ? () => undefined : run.time.at(lateAt, () => end(late));
    return off;
  };
  if (got !== late) {
    const isBad = node.badOutput !== undefined && holds(node.badOutput, Number(got));
    return isBad ? failed(node, mappingFailed().failure) : kept(node, context, got);
  }
  if (node.late !== undefined) {
    yield* block(node.late, context);
    return undefined;
  }
  return failed(node, { code: "WAIT_TIMEOUT", errorClass: "timeout" });
}

// ── containers ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function* loop(node: LoopPlan, context: Context): Work<unknown> {
  const { run } = context;
  const asks = (lap: number, names: Readonly<Record<string, unknown>>): boolean =>
    hasAnother(node, lap, run.sees(scoped(context, { lap, ...names })));
  let last: unknown;
  for (let lap = 1; ; lap += 1) {
    if (node.kind === "while" && !asks(lap, {})) return last;
    if (lap > (node.maxLaps ?? Infinity)) throw new Fail({ code: "TOO_MANY_LAPS", errorClass: "permanent" });
    let isRestarted = false;
    try {
      last = yield* block(node.body, { ...scoped(context, { lap }), lap });
    } catch (thrown) {
      if (!(thrown instanceof Jump) || thrown.to !== node.id) throw thrown;
      settle(context.stack);
      if (thrown.kind === "leave") return last;
      isRestarted = true;
    }
    if (node.kind === "block" && !isRestarted) return last;
    if (node.kind === "doWhile" && !asks(lap, { last })) return last;
    if (node.kind === "until" && !asks(lap, { last })) return last;
  }
}

function* forEach(node: ForEachPlan, context: Context): Work<unknown> {
  const { run } = context;
  const items = itemsOf(context.n, node.varies ? run.sees(context) % (node.count + 1) : node.count);
  const children = items.map((item, index) => () => {
    const inside = scoped(context, { [`i${node.id}`]: item, index });
    return block(node.body, { ...inside, n: item.n, subject: () => item });
  });
  const ends = yield* crowd(children, context, { join: node.join, concurrency: node.concurrency ?? 32 });
  // An array cannot hold undefined.
  return ends.map((end) => told(end, isPlainJoin(node)) ?? null);
}

function* parallel(node: ParallelPlan, context: Context): Work<unknown> {
  const children = node.branches.map((branch) => () => block(branch, context));
  const ends = yield* crowd(children, context, { join: node.join, concurrency: 32 });
  return Object.fromEntries(ends.map((end, i) => [`b${i}`, told(end, isPlainJoin(node))]));
}

function* race(node: RacePlan, context: Context): Work<unknown> {
  const children = node.branches.map((branch) => () => block(branch, context));
  const join = { atLeast: 1, ...(node.tolerate !== undefined && { tolerate: node.tolerate }) };
  const ends = yield* crowd(children, context, { join, concurrency: 32 });
  const winner = ends.findIndex(({ status }) => status === "done");
  const end = ends[winner];
  return { winner: `b${winner}`, value: end?.status === "done" ? end.value : undefined };
}

/** Where all must succeed, values are told as they are. */
const isPlainJoin = ({ join }: ForEachPlan | ParallelPlan): boolean =>
  join.atLeast === undefined && join.tolerate === undefined;

const told = (end: CrowdEnd, isPlain: boolean): unknown => (isPlain && end.status === "done" ? end.value : end);

function* cancelWhen(node: CancelPlan, context: Context): Work<unknown> {
  const { run, n } = context;
  const cancelled = Symbol();
  let event: unknown;
  const racing: Wait = (resume) => {
    const stopBody = spawn(block(node.body, context), (outcome) => {
      stopWaiting();
      resume(() => valueOf(outcome));
    });
    const stopWaiting = run.mail.wait(
      keyOf(node.id, n),
      (data) => {
        stopBody();
        event = data;
        resume(() => cancelled);
      },
      true,
    );
    return () => {
      stopWaiting();
      stopBody();
    };
  };
  const value = yield racing;
  if (value !== cancelled) return value;
  settle(context.stack);
  if (node.onCancel === undefined) return undefined;
  return yield* block(node.onCancel, scoped(context, { cancelledBy: event }));
}
