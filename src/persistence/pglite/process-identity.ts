import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** One process, told apart from every other one that had or will have its number. */
export interface ProcessIdentity {
  /** The machine since it was switched on, and within it the container. Process numbers mean something only within it. */
  readonly host: string;
  readonly pid: number;
  /** When it started, in the system's own count; empty where that cannot be read. */
  readonly startedAt: string;
}

export function thisProcess(): ProcessIdentity {
  return { host: thisHost(), pid: process.pid, startedAt: statOf(process.pid)?.startedAt ?? "" };
}

/** Whether the process that this was is still there; `unknown` where that cannot be told from here. */
export function stateOf(identity: ProcessIdentity): "alive" | "gone" | "unknown" {
  if (identity.host !== thisHost()) return "unknown";
  if (!exists(identity.pid)) return "gone";
  const stat = statOf(identity.pid);
  if (stat === undefined || identity.startedAt === "") return "unknown";
  return stat.startedAt === identity.startedAt && !stat.isOver ? "alive" : "gone";
}

function thisHost(): string {
  const boot = attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const container = attempt(() => readlinkSync("/proc/self/ns/pid"));
  return [hostname(), boot, container].filter((part) => part !== undefined).join(" ");
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // there, but somebody else's
  }
}

interface ProcessStat {
  readonly startedAt: string;
  /** Killed, and only its parent has not asked about it yet. */
  readonly isOver: boolean;
}

/** From Linux's /proc. The name of the program, in parentheses, may hold anything, so what follows the last one is read. */
function statOf(pid: number): ProcessStat | undefined {
  const line = attempt(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  const fields = line?.slice(line.lastIndexOf(")") + 2).split(" ");
  const [state, startedAt] = [fields?.[0], fields?.[19]];
  if (state === undefined || startedAt === undefined) return undefined;
  return { startedAt, isOver: state === "Z" || state === "X" };
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
