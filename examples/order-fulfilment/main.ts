import { createHost, type Logger, type WorkflowHost } from "workflow-core";
import { audit, auditBooks } from "./audit.ts";
import { fulfil } from "./fulfilment.ts";
import { type Input, readInput } from "./input.ts";
import { interruption } from "./interrupt.ts";
import { help, type Options, readOptions, UsageError } from "./options.ts";
import { outsideWorld } from "./outside-world.ts";
import { makeProgress, type Progress } from "./progress.ts";
import { describeSummary, type Summary, summarize } from "./report.ts";
import { openStore, type Store } from "./store.ts";
import { type Beginning, prepareTables } from "./tables.ts";
import { Tally } from "./tally.ts";
import { fulfilOrder } from "./workflow.ts";

/** All that one run of this program works with. */
interface Session {
  readonly options: Options;
  readonly input: Input;
  readonly store: Store;
  readonly host: WorkflowHost;
  readonly tally: Tally;
  readonly progress: Progress;
}

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options.help) {
    process.stdout.write(help);
    return 0;
  }
  outsideWorld.paceMs = options.paceMs;
  const session = openSession(options, await readInput(options));
  const work = fulfilAndAudit(session);
  const first = await Promise.race([work, interruption()]);
  if (typeof first === "number") return leave(session, work, first);
  await session.host.stop();
  process.stdout.write(options.json ? `${JSON.stringify(first)}\n` : describeSummary(first));
  return first.audit.clean ? 0 : 1;
}

function openSession(options: Options, input: Input): Session {
  const progress = makeProgress(options.json ? process.stderr : process.stdout, input.orders.length);
  const store = openStore(options.directory);
  const tally = new Tally();
  const host = createHost({
    workflows: [prepareTables, fulfilOrder, auditBooks],
    persistence: store.persistence,
    concurrency: options.concurrency, // moderate, so that a second process finds work too
    drainMs: 5_000, // no call takes longer, and nobody likes to wait after Ctrl-C
    logger: loggerOf(progress),
    ...(options.watch !== undefined && { times: options.watch }),
  });
  host.onNotice((notice) => {
    tally.hear(notice);
    if (notice.kind === "takeover") progress.say(`Took over ${notice.instances} runs of a process that is gone.`);
    if (notice.kind === "run-suspended") progress.say(`Run ${notice.instanceId} is suspended: it needs an operator.`);
  });
  return { options, input, store, host, tally, progress };
}

async function fulfilAndAudit({ options, input, store, host, tally, progress }: Session): Promise<Summary> {
  for (const complaint of input.complaints) progress.say(complaint);
  progress.say(`Working on ${input.orders.length} orders in ${store.place}.`); // PGlite takes some seconds to make a database
  await host.start();
  const preparing = await host.startWorkflow(prepareTables, { ordersFile: options.ordersFile });
  const beginning = await preparing.result();
  tellOfBeginning(beginning, store, progress);
  await fulfil(host, { ...input, elapsedMs: beginning.elapsedMs, tally, progress });
  const { seconds } = tally;
  const findings = await audit(host, tally.outcomes);
  progress.close();
  for (const { id, reason } of tally.refusals) progress.say(`Order ${id} was refused: ${reason}`);
  return summarize({ tally, badLines: input.badLines, seconds, findings });
}

function tellOfBeginning({ open, closed }: Beginning, { isShared }: Store, progress: Progress): void {
  if (open + closed === 0) return;
  progress.say(`Going on: ${closed} orders are finished and ${open} under way.`);
  if (open === 0 || !isShared) return;
  progress.say("If a process was killed, what it held is taken over when its heartbeat runs out, in 15 to 20 seconds.");
}

/** Asked to stop: gives the runs away, in good order, and says how to go on. */
async function leave(
  { host, input, tally, progress, store }: Session,
  work: Promise<unknown>,
  exitCode: number,
): Promise<never> {
  progress.say("Stopping when the steps under way have ended. Again to stop at once.");
  work.catch(() => undefined); // it ends because the host does
  await host.stop();
  progress.close();
  const left = input.orders.length - tally.outcomes.size;
  progress.say(
    `Stopped: ${left} of ${input.orders.length} orders are left, safe in ${store.place}. The same command goes on.`,
  );
  process.exit(exitCode); // also when the host was still on its way up
}

/** What the engine has to say that its user can do something about. */
const loggerOf = (progress: Progress): Logger => {
  const say = (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
    progress.say(`${message} ${JSON.stringify(fields)}`);
  return { debug: () => undefined, info: () => undefined, warn: say, error: say };
};

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
