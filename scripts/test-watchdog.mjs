/**
 * Loaded into every process that the tests start: ends one that is still there after four minutes (or TEST_MINUTES), and says what kept it. The
 * runner's own timeout does not end a file whose tests are done but whose process lives on.
 */
const longestMs = Number(process.env.TEST_MINUTES ?? 4) * 60_000;

setTimeout(() => {
  const kept = [...new Set(process.getActiveResourcesInfo())].join(", ");
  console.error(`Ended after ${longestMs / 60_000} minutes. What kept the process: ${kept}`);
  process.exit(1);
}, longestMs).unref();
