/** How the run of an order ended. One that failed was rolled back, or had nothing to undo. */
export type Outcome = "shipped" | "expired" | "failed" | "terminated";

/** All that the tables say about one order. */
export interface Entry {
  readonly id: string;
  /** How often the order was opened. */
  readonly rows: number;
  readonly status: string | null;
  readonly lines: number | null;
  readonly charges: number;
  readonly refunds: number;
  /** Rows of the ledger that are neither, or whose amount is not the order's. */
  readonly odd: number;
  readonly reservations: number;
  readonly shipped: number;
  readonly released: number;
}

/** What must be in the books of an order that was opened, by how its run ended. */
const expected = {
  shipped: { status: "shipped", charges: [1], refunds: 0, goods: "shipped" },
  expired: { status: "expired", charges: [1], refunds: 1, goods: "released" },
  // The charge itself may have failed for good: then there was none, and none to refund.
  failed: { status: "compensated", charges: [0, 1], refunds: "as charged", goods: "released" },
} as const;

/** A sentence for each thing that is wrong with an order. */
export function problemsOf(entry: Entry, outcome: Outcome | undefined): readonly string[] {
  if (outcome === undefined || outcome === "terminated") return [`${entry.id}: its run was ended from outside`];
  const problems = entry.rows === 0 ? problemsOfUnopened(entry, outcome) : problemsOfOpened(entry, outcome);
  return problems.map((problem) => `${entry.id} (${outcome}): ${problem}`);
}

/** Sold out at once: whatever it had begun was rolled back, down to its own row. */
function problemsOfUnopened({ charges, refunds, odd, reservations }: Entry, outcome: Outcome): readonly string[] {
  if (outcome !== "failed") return ["was never opened"];
  return charges + refunds + odd + reservations === 0 ? [] : ["was never opened, but is in the books"];
}

function problemsOfOpened(entry: Entry, outcome: Exclude<Outcome, "terminated">): readonly string[] {
  const { status, charges, refunds, goods } = expected[outcome];
  const dueRefunds = refunds === "as charged" ? entry.charges : refunds;
  const rules: readonly (readonly [boolean, string])[] = [
    [entry.rows === 1, `was opened ${entry.rows} times`],
    [entry.status === status, `is "${entry.status}" in the books, not "${status}"`],
    [charges.some((count) => count === entry.charges), `has ${entry.charges} charges`],
    [entry.refunds === dueRefunds, `has ${entry.refunds} refunds, not ${dueRefunds}`],
    [entry.odd === 0, `has ${entry.odd} odd entries in the ledger`],
    [entry.reservations === entry.lines, `has ${entry.reservations} reservations for ${entry.lines} items`],
    [entry[goods] === entry.reservations, `has ${entry.reservations - entry[goods]} items that were not ${goods}`],
  ];
  return rules.flatMap(([holds, problem]) => (holds ? [] : [problem]));
}
