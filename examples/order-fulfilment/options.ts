import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export const help = `Runs orders through a durable workflow each: npm start -- [options]

  --orders FILE       Orders, one JSON object a line. Default: the thousand orders of the example.
  --payments FILE     Their payments, one JSON object a line: {"orderId", "amount", "afterMs"}. Default: those of the
                      example; for orders of your own, a payment of each order's total, at once.
  --directory DIR     Where the embedded database (PGlite) keeps its files. Default: .workflow-core
  --concurrency N     How many orders this process works on at a time. Default: 50
  --pace MS           How long a call to a simulated service takes, on average. Default: 40
  --json              Prints the summary as JSON; everything else goes to the error output.
  --watch-ms B,S,D    For tests: milliseconds between heartbeats, until one is stale, and until a process counts as dead.
  --help              Prints this.

With DATABASE_URL set it runs on that PostgreSQL, and any number of terminals with the same command share the work.
Stop it with Ctrl-C, or kill it with -9 at any moment: the same command goes on where it was.

An order: {"id": "A-1", "email": "ann@example.com", "address": "1 High St, Leeds", "total": 19.98,
           "items": [{"sku": "MUG", "quantity": 2, "price": 9.99}]}
An address that ends in "Atlantis" cannot be delivered to; a sku that begins with "SOLD-OUT" is sold out.

Exit codes: 0 the audit is clean, 1 it is not (or nothing could be run), 2 wrong options or files, 130 interrupted.
`;

/** Something about the command line that its user can put right. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export interface Watch {
  readonly beatMs: number;
  readonly staleMs: number;
  readonly deadMs: number;
}

export interface Options {
  readonly ordersFile: string;
  /** Undefined: each order is paid at once. */
  readonly paymentsFile: string | undefined;
  readonly directory: string;
  readonly concurrency: number;
  readonly paceMs: number;
  readonly json: boolean;
  readonly help: boolean;
  readonly watch: Watch | undefined;
}

/** Reads the command line. Throws `UsageError`. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parsed(args);
  const { orders, payments, "watch-ms": watch } = values;
  return {
    ordersFile: orders ?? exampleFile("orders.ndjson"),
    paymentsFile: payments ?? (orders === undefined ? exampleFile("payments.ndjson") : undefined),
    directory: values.directory ?? ".workflow-core",
    concurrency: wholeNumber("--concurrency", values.concurrency ?? "50", 1),
    paceMs: wholeNumber("--pace", values.pace ?? "40", 0),
    json: values.json ?? false,
    help: values.help ?? false,
    watch: watch === undefined ? undefined : readWatch(watch),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        orders: { type: "string" },
        payments: { type: "string" },
        directory: { type: "string" },
        concurrency: { type: "string" },
        pace: { type: "string" },
        json: { type: "boolean" },
        "watch-ms": { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** From dist/examples/order-fulfilment, where this runs, to the files beside its source. */
const exampleFile = (name: string): string =>
  fileURLToPath(new URL(`../../../examples/order-fulfilment/${name}`, import.meta.url));

function wholeNumber(option: string, text: string, least: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number >= least) return number;
  throw new UsageError(`${option} takes a whole number from ${least}, not "${text}".`);
}

function readWatch(text: string): Watch {
  const [beatMs, staleMs, deadMs, ...rest] = text.split(",").map((part) => wholeNumber("--watch-ms", part, 1));
  if (beatMs === undefined || staleMs === undefined || deadMs === undefined || rest.length > 0) {
    throw new UsageError(`--watch-ms takes three numbers with commas between, not "${text}".`);
  }
  return { beatMs, staleMs, deadMs };
}
