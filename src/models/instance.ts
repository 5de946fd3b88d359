/** The states of a workflow instance. Cancelled is Terminated with a reason; quarantined is Suspended with a reason. */
export type WorkflowStatus = "Runnable" | "Suspended" | "Complete" | "Terminated" | "Failed";

/** Terminal states never change; only `fork` acts on such an instance, by making a new one. */
export const isTerminal = (status: WorkflowStatus): boolean =>
  status === "Complete" || status === "Terminated" || status === "Failed";

/** How statuses are stored; the numbers are for ever. */
export const statusCodes: { readonly [S in WorkflowStatus]: number } = {
  Runnable: 0,
  Suspended: 1,
  Complete: 2,
  Terminated: 3,
  Failed: 4,
};

const byCode: readonly WorkflowStatus[] = ["Runnable", "Suspended", "Complete", "Terminated", "Failed"];

export const statusOf = (code: number): WorkflowStatus | undefined => byCode[code];

/** Everything that changes an instance's status, and in which statuses it can: the engine knows no other way from one to another. */
export const statusMoves: { readonly [M in StatusMoveName]: StatusMove } = {
  done: { from: ["Runnable", "Suspended"], to: "Complete", because: "the last step is done, or an end is reached" },
  failed: { from: ["Runnable", "Suspended"], to: "Failed", because: "a failure that nothing bears" },
  givenUp: { from: ["Runnable", "Suspended"], to: "Terminated", because: "a failure whose policy is to terminate" },
  terminate: { from: ["Runnable", "Suspended"], to: "Terminated", because: "terminate" },
  suspend: { from: ["Runnable"], to: "Suspended", because: "suspend" },
  stuck: {
    from: ["Runnable"],
    to: "Suspended",
    because: "a step whose policy is to suspend, or a compensation, has failed",
  },
  corrupt: { from: ["Runnable"], to: "Suspended", because: "the stored state cannot be read" },
  poison: { from: ["Runnable"], to: "Suspended", because: "quarantine" },
  resume: { from: ["Suspended"], to: "Runnable", because: "resume" },
  compensate: { from: ["Suspended"], to: "Runnable", because: "compensate" },
  undone: { from: ["Runnable", "Suspended"], to: "Terminated", because: "compensate was asked for, and all is undone" },
};

export type StatusMoveName =
  | "done"
  | "failed"
  | "givenUp"
  | "terminate"
  | "suspend"
  | "stuck"
  | "corrupt"
  | "poison"
  | "resume"
  | "compensate"
  | "undone";

/** What can be asked of a run. All but `compensate` need none of the author's code. */
export type RequestKind = "suspend" | "resume" | "terminate" | "compensate";

export interface StatusMove {
  readonly from: readonly WorkflowStatus[];
  readonly to: WorkflowStatus;
  readonly because: string;
}

/** The status that a move leads to. What is there already stays; undefined: there is no such way. */
export function statusAfter(status: WorkflowStatus, move: StatusMoveName): WorkflowStatus | undefined {
  const { from, to } = statusMoves[move];
  return status === to || from.includes(status) ? to : undefined;
}
