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
