import { constants } from "node:os";

type Signal = "SIGINT" | "SIGTERM";

/** npm hands a Ctrl-C on, so that it arrives twice: what follows at once is the same one. */
const sameMs = 500;

/** Resolves with the exit code that tells of it when the process is asked to stop. When it is asked again, it exits at once. */
export function interruption(): Promise<number> {
  return new Promise((resolve) => {
    let askedAt = Infinity;
    const ask = (signal: Signal): void => {
      const exitCode = 128 + constants.signals[signal];
      if (performance.now() - askedAt > sameMs) process.exit(exitCode);
      if (askedAt === Infinity) askedAt = performance.now();
      resolve(exitCode);
    };
    process.on("SIGINT", ask);
    process.on("SIGTERM", ask);
  });
}
