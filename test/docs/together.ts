/** Runs the snippets that it is given, side by side in this one process, and prints what went wrong: `[file, problem]` a line. */
const files = process.argv.slice(2);
await Promise.all(
  files.map(async (file) => {
    try {
      await import(file);
    } catch (error) {
      console.log(JSON.stringify([file, error instanceof Error ? error.stack : String(error)]));
    }
  }),
);

process.exit(); // hosts of snippets that failed would go on
