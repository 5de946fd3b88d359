import { InvalidRequestError } from "../models/errors.ts";
import type { Logger } from "../models/environment.ts";
import type { Classify } from "../models/failure.ts";
import { checkKnown, fieldsOf } from "../models/known-fields.ts";
import type { Tracer } from "../models/tracer.ts";
import type { EngineStore } from "../persistence/provider.ts";
import type { WatchTimes } from "./heartbeat.ts";

/** What keeps the workflows: a `PostgresPersistenceProvider`, a `PglitePersistenceProvider`, or one of your own. */
export interface Persistence {
  /** What the engine works with. */
  readonly store: EngineStore;
  /** Connects, and creates or checks what the store needs; called by `host.start()`. */
  initialize(): Promise<void>;
  /** Gives everything free; called by `host.stop()`. */
  close(): Promise<void>;
}

/** What a host runs, where, and how much of it. */
export interface HostOptions {
  /** The definitions that this host runs. */
  readonly workflows: readonly object[];
  /** Where workflows are kept; the host opens it when it starts and closes it when it stops. */
  readonly persistence: Persistence;
  /** What to do when a definition differs from the one that unfinished runs of its id and version were started on, or that a running
   *  process has. `refuse` (default): `start` throws `DefinitionChangedError`; that a process was killed it finds out within 15 seconds.
   *  `accept`: for development; runs go on with the new one. */
  readonly onChanged?: "refuse" | "accept";
  /** How many runs this host holds at a time; what is beyond waits for a free slot, here or elsewhere. 0: starts and publishes only.
   *  Default: 1,000. */
  readonly concurrency?: number;
  /** Milliseconds that `stop` gives running bodies. Default: 20,000. */
  readonly drainMs?: number;
  /** Milliseconds between polls where no hints arrive, at least 10. Where hints arrive: 10,000 or more. Default: 1,000. */
  readonly pollMs?: number;
  /** Milliseconds after which the row of a step that is still running is written, so that it can be seen. Default: 10,000. */
  readonly longStepMs?: number;
  /** Says of an error that a body has thrown what it means: `permanent` and `invalid` are not retried. What it leaves undefined, the
   *  engine classifies: a `WorkflowError` by its own class, `retryable: false` as permanent, anything else as transient. */
  readonly classifyError?: Classify;
  /** A name for this node, for people. Default: `process` and the process id. */
  readonly label?: string;
  /** Where the engine writes what a person may want to read. Default: silent. */
  readonly logger?: Logger;
  /** Where spans go: a `Tracer` of `@opentelemetry/api`, as `trace.getTracer("orders")` gives it. Calls of the host get spans below the
   *  active one. Each attempt of a step gets one of a trace of its own, since a run outlives its caller and moves between processes; it
   *  is active while the body runs, and links to the start where that was in this process. Default: none, at no cost. */
  readonly tracer?: Tracer;
  /** Whether the logger is told, at level debug, of every operation on the store and every notice, with times and sizes.
   *  Default: false. */
  readonly logOperations?: boolean;
  /** For tests: the times by which nodes watch each other. */
  readonly times?: Partial<WatchTimes>;
}

export interface ResolvedOptions extends Required<
  Pick<HostOptions, "concurrency" | "drainMs" | "pollMs" | "longStepMs" | "label" | "onChanged">
> {
  readonly persistence: Persistence;
  readonly classifyError: Classify | undefined;
  readonly tracer: Tracer | undefined;
  readonly logOperations: boolean;
  readonly times: WatchTimes;
}

/** The names of all options of a host. */
export const hostFields: ReadonlySet<string> = fieldsOf<HostOptions>({
  workflows: true,
  persistence: true,
  onChanged: true,
  concurrency: true,
  drainMs: true,
  pollMs: true,
  longStepMs: true,
  classifyError: true,
  label: true,
  logger: true,
  tracer: true,
  logOperations: true,
  times: true,
});
const knownTimes = fieldsOf<WatchTimes>({ beatMs: true, staleMs: true, deadMs: true });

/** Fills in the defaults. Throws `InvalidRequestError`. */
export function checkOptions(options: HostOptions): ResolvedOptions {
  checkKnown(options, "createHost", hostFields);
  const { persistence, classifyError, tracer, times } = options;
  if (!Array.isArray(options.workflows)) refuse("workflows", "must be an array of definitions");
  // Not asked for its store: it may have none before it is initialized.
  if (!hasMethods(persistence, ["initialize", "close"]) || !("store" in persistence))
    refuse("persistence", "must be a provider, as `new PostgresPersistenceProvider(url)` makes one");
  if (classifyError !== undefined && typeof classifyError !== "function") refuse("classifyError", "must be a function");
  if (options.logger !== undefined && !hasMethods(options.logger, ["debug", "info", "warn", "error"]))
    refuse("logger", "must have the methods debug, info, warn and error");
  if (tracer !== undefined && !hasMethods(tracer, ["startSpan", "startActiveSpan"]))
    refuse("tracer", "must be a tracer of @opentelemetry/api");
  if (times !== undefined) checkKnown(times, "createHost: times", knownTimes);
  return {
    ...{ persistence, classifyError, tracer },
    onChanged: onChangedOf(options.onChanged),
    concurrency: count(options.concurrency, "concurrency", 1_000),
    drainMs: count(options.drainMs, "drainMs", 20_000),
    pollMs: Math.max(10, count(options.pollMs, "pollMs", 1_000)),
    longStepMs: Math.max(100, count(options.longStepMs, "longStepMs", 10_000)),
    label: typed("string", options.label, "label") ?? `process ${process.pid}`,
    logOperations: typed("boolean", options.logOperations, "logOperations") ?? false,
    times: {
      beatMs: count(times?.beatMs, "times.beatMs", 3_000),
      staleMs: count(times?.staleMs, "times.staleMs", 10_000),
      deadMs: count(times?.deadMs, "times.deadMs", 15_000),
    },
  };
}

function count(value: number | undefined, what: string, otherwise: number): number {
  if (value === undefined) return otherwise;
  return Number.isInteger(value) && value >= 0 ? value : refuse(what, "must be a whole number from 0");
}

function onChangedOf(value: unknown = "refuse"): "refuse" | "accept" {
  return value === "refuse" || value === "accept" ? value : refuse("onChanged", 'must be "refuse" or "accept"');
}

function typed<V>(type: "string" | "boolean", value: V, what: string): V {
  if (value === undefined || typeof value === type) return value;
  return refuse(what, type === "string" ? "must be a text" : "must be true or false");
}

const hasMethods = (value: unknown, names: readonly string[]): boolean =>
  ((typeof value === "object" && value !== null) || typeof value === "function") &&
  names.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === "function");

function refuse(option: string, problem: string): never {
  throw new InvalidRequestError(`createHost: ${option}`, problem);
}
