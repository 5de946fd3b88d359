/** Runs the snippets that it is given, side by side in this one process, and prints what went wrong: `[file, problem]` a line. */
import { deathsSoFar } from "./stage.ts";

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

// With fewer deaths than snippets, nothing is shown.
if (process.env["SNIPPET_MODE"] === "crash" && deathsSoFar() < files.length) {
  for (const file of files) console.log(JSON.stringify([file, `only ${deathsSoFar()} hosts have died`]));
}
process.exit(); // hosts of snippets that failed would go on
