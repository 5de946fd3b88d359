import type { LiveInstance } from "../execution/live-instance.ts";
import type { Decision } from "../execution/state.ts";
import type { Failure } from "../models/failure.ts";
import type { PointerRow, Transition } from "../models/transition.ts";
import type { InstanceNotice, Notice, Notices } from "../telemetry/notices.ts";

/** Tells what a committed transition means. */
export function announce(notices: Notices, live: LiveInstance, transition: Transition, decision: Decision): void {
  const about: InstanceNotice = { instanceId: live.id, workflow: live.plan.id, version: live.plan.version };
  for (const row of transition.pointers) {
    const notice = ofPointer(about, row);
    if (notice !== undefined) notices.tell(notice);
  }
  for (const { kind, path, detail } of transition.history) {
    if (kind === "resume") notices.tell({ ...about, kind: "run-resumed" });
    if (kind !== "retry" || path === null) continue;
    const { attempt, failure } = JSON.parse(detail ?? "{}") as { attempt: number; failure: Failure };
    notices.tell({ ...about, kind: "step-retried", path, attempts: attempt, tookMs: 0, failure });
  }
  const rests = transition.release === "park" || live.isAsleep;
  const notice = ofRun(about, rests, decision);
  if (notice !== undefined) notices.tell(notice);
}

function ofPointer(about: InstanceNotice, row: PointerRow): Notice | undefined {
  const step = { ...about, path: row.path, attempts: row.attempts, tookMs: row.tookMs };
  switch (row.status) {
    case "Complete":
      return { ...step, kind: "step-completed" };
    case "Compensated":
      return { ...step, kind: "step-compensated" };
    case "Failed":
      return {
        ...step,
        kind: "step-failed",
        failure: row.failure === null ? undefined : (JSON.parse(row.failure) as Failure),
      };
    default:
      return undefined;
  }
}

function ofRun(about: InstanceNotice, rests: boolean, { state }: Decision): Notice | undefined {
  switch (state.status) {
    case "Complete":
      return { ...about, kind: "run-completed" };
    case "Failed":
      return { ...about, kind: "run-failed", failure: state.failure };
    case "Terminated":
      return { ...about, kind: "run-terminated", reason: state.reason };
    case "Suspended":
      return { ...about, kind: "run-suspended" };
    case "Runnable":
      return rests ? { ...about, kind: "run-parked" } : undefined;
  }
}
