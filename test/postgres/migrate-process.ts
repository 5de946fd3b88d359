/** One process of many that initialize the same schema: node migrate-process.js <url> <schema>. */
import { PostgresPersistenceProvider } from "../../src/persistence/postgres/provider.ts";

const [url, schema] = process.argv.slice(2);
if (url === undefined || schema === undefined) throw new Error("usage: migrate-process <url> <schema>");
const provider = new PostgresPersistenceProvider({ url, schema });
await provider.initialize();
await provider.close();
