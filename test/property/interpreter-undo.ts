import { Abort, type Context, Fail, type Run, type RunBlock, type Undoable } from "./interpreter-run.ts";
import { plain, type PlainFailure, type SagaPlan, takes } from "./plan.ts";
import type { Work } from "./tasks.ts";

const notUndone: PlainFailure = { code: "COMPENSATION_FAILED", errorClass: "permanent" };

export function* saga(node: SagaPlan, context: Context, block: RunBlock): Work<unknown> {
  const stack: Undoable[] = [];
  try {
    return yield* block(node.body, { ...context, stack });
  } catch (thrown) {
    if (!(thrown instanceof Fail)) throw thrown;
    yield* rollBack(context.run, stack);
    if (!node.goesOn) throw thrown;
    return undefined;
  } finally {
    // What was done, or is not undone yet, can still be undone with what is around.
    context.stack.push(...stack);
  }
}

/**
 * The flow goes on outside of what was just cut off. Steps in doubt in there take their places on the stack now: the one that failed
 * by itself first, then those that were stopped, in the order in which they became ready.
 */
export function settle(stack: readonly Undoable[]): void {
  const fresh = stack.filter(({ isSettled }) => !isSettled);
  const places = fresh.map(({ seq }) => seq).sort((one, other) => one - other);
  fresh.sort((one, other) =>
    one.isCut && other.isCut ? one.ready - other.ready : Number(one.isCut) - Number(other.isCut) || one.seq - other.seq,
  );
  fresh.forEach((step, n) => Object.assign(step, { seq: places[n], isSettled: true }));
}

/** Undoes what stands on the stack, one after the other: first what is in doubt since this very failure, then the last that was done. */
export function* rollBack(run: Run, stack: Undoable[]): Work<void> {
  stack.sort((one, other) => {
    if (one.isSettled !== other.isSettled) return one.isSettled ? -1 : 1;
    return one.isSettled ? one.seq - other.seq : one.ready - other.ready;
  });
  for (const step of stack) step.isSettled = true;
  let isDone = false;
  try {
    yield* undoAll(run, stack);
    isDone = true;
  } finally {
    // Cut off by what is around: steps in doubt, here and there, have no order among them.
    if (!isDone && stack.some(({ outcome }) => outcome === "unknown")) run.isUnordered = true;
  }
  const isLeft = stack.some(({ isGivenUp }) => isGivenUp);
  stack.splice(0);
  if (isLeft) throw new Fail(notUndone);
}

function* undoAll(run: Run, stack: Undoable[]): Work<void> {
  const next = (): Undoable | undefined => stack.findLast(({ isGivenUp }) => isGivenUp !== true);
  for (let step = next(); step !== undefined; step = next()) {
    const { node, n, outcome, input, result } = step;
    if (step.ends.length === 0)
      run.undone.push([`${node.id}.${n}`, outcome, JSON.stringify(plain([input, result]))].join(" "));
    let isUndone = false;
    for (let attempt = 1; !isUndone && attempt <= mostAttempts; attempt += 1) {
      if (attempt > 1) yield run.time.sleep(undoRetryMs);
      // One that was cut off runs again; the work outside is what it was.
      const end = (step.ends[attempt] ??= run.time.now + takes(run.plan.salt, node.id, n, "undo", attempt));
      yield run.time.sleep(Math.max(0, end - run.time.now));
      isUndone = attempt > (node.undo?.failures ?? 0);
    }
    if (isUndone) stack.splice(stack.indexOf(step), 1);
    else giveUp(step);
  }
}
const mostAttempts = 2;
const undoRetryMs = 1_500;

/** What `onCompensationError` says. */
function giveUp(step: Undoable): void {
  switch (step.node.undo?.onError) {
    case "continue":
      step.isGivenUp = true;
      return;
    case "fail":
      throw new Abort("Failed", undefined, notUndone);
    default:
      throw new Abort("Suspended");
  }
}
