/**
 * Writes migrations/001_initial_schema.sql from the statements that the engine itself runs: node scripts/write-migrations.mjs
 * (after a build). A test compares the two.
 */
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { schemaScript } from "../dist/src/persistence/postgres/migrations.js";
import { defaultSchema } from "../dist/src/persistence/postgres/store.js";
import { tablesOf } from "../dist/src/persistence/postgres/tables.js";

const file = fileURLToPath(new URL("../migrations/001_initial_schema.sql", import.meta.url));
fs.writeFileSync(file, schemaScript(tablesOf(defaultSchema)));
console.log(`Wrote ${file}.`);
