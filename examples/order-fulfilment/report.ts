import type { Findings } from "./audit.ts";
import type { BadLine } from "./lines.ts";
import type { Tally } from "./tally.ts";

/** What `--json` prints. */
export interface Summary {
  readonly orders: number;
  /** Runs that are Complete: shipped, or expired. */
  readonly complete: number;
  readonly expired: number;
  /** Runs that are Failed: rolled back, or failed before there was anything to undo. */
  readonly failed: number;
  /** Failed orders that had been charged, and were refunded. */
  readonly compensated: number;
  readonly badLines: number;
  readonly refused: number;
  readonly retries: number;
  readonly steps: number;
  readonly stepsPerSecond: number;
  readonly seconds: number;
  readonly audit: Pick<Findings, "charges" | "refunds" | "reservations" | "problems"> & { readonly clean: boolean };
}

export interface Counted {
  readonly tally: Tally;
  readonly badLines: number;
  /** Without the audit. */
  readonly seconds: number;
  readonly findings: Findings;
}

export function summarize({ tally, badLines, seconds, findings }: Counted): Summary {
  const { compensated, charges, refunds, reservations, problems } = findings;
  return {
    orders: tally.outcomes.size,
    complete: tally.count("shipped") + tally.count("expired"),
    expired: tally.count("expired"),
    failed: tally.count("failed"),
    compensated,
    badLines,
    refused: tally.refusals.length,
    retries: tally.retries,
    steps: tally.steps,
    stepsPerSecond: Math.round(tally.steps / seconds),
    seconds: Math.round(seconds * 10) / 10,
    audit: { clean: problems.length === 0, charges, refunds, reservations, problems },
  };
}

export function describeSummary(summary: Summary): string {
  const { badLines, refused, audit } = summary;
  const rows: readonly (readonly [string, number, string])[] = [
    ["orders", summary.orders, badLines + refused > 0 ? `and ${badLines} bad lines, ${refused} refused` : ""],
    ["complete", summary.complete, `of which ${summary.expired} expired: their payment did not come in time`],
    ["failed", summary.failed, `of which ${summary.compensated} compensated: stock released, charge refunded`],
    ["retries", summary.retries, "by this process"],
    ["steps", summary.steps, `by this process, ${count(summary.stepsPerSecond)} a second`],
    ["seconds", summary.seconds, ""],
  ];
  const lines = rows.map(([what, value, more]) => `  ${what.padEnd(10)}${count(value).padStart(8)}  ${more}`.trimEnd());
  return ["", ...lines, "", ...describeAudit(audit), ""].join("\n");
}

const shownProblems = 20;

function describeAudit({ clean, problems, charges, refunds, reservations }: Summary["audit"]): readonly string[] {
  const books = `${count(charges)} charges, ${count(refunds)} refunds, ${count(reservations)} reservations`;
  if (clean) return [`The audit is clean: ${books}, and each is what its order needs.`];
  const shown = problems.slice(0, shownProblems).map((problem) => `  - ${problem}`);
  const rest = problems.length > shownProblems ? [`  - and ${count(problems.length - shownProblems)} more`] : [];
  return [`THE AUDIT FOUND ${count(problems.length)} THINGS WRONG (${books}):`, ...shown, ...rest];
}

const shownLines = 20;

/** A sentence for each bad line of a file. */
export function describeBadLines(file: string, bad: readonly BadLine[]): readonly string[] {
  const shown = bad.slice(0, shownLines).map(({ line, reason }) => `${file}, line ${line}: ${reason}`);
  return bad.length > shownLines ? [...shown, `${file}: ${bad.length - shownLines} more bad lines`] : shown;
}

const count = (value: number): string => value.toLocaleString("en-US");
