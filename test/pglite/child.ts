/** A process that opens a directory and writes rows until it is killed: one number a line, after it was acknowledged. */
import { systemEnvironment } from "../../src/models/environment.ts";
import { WorkflowError } from "../../src/models/errors.ts";
import { PgliteDatabase } from "../../src/persistence/pglite/database.ts";

const [, , directory = "", first = "0"] = process.argv;
const database = new PgliteDatabase({ directory }, systemEnvironment());
try {
  await database.open();
  process.stdout.write("open\n");
  await database.query({ name: "", text: "create table if not exists seen (id int primary key)", values: [] });
  for (let id = Number(first); ; id += 1) {
    await database.query({ name: "insert", text: "insert into seen values ($1)", values: [id] });
    process.stdout.write(`${id}\n`);
  }
} catch (error) {
  process.stdout.write(`${error instanceof WorkflowError ? error.code : String(error)}\n`);
  process.exit(1);
}
