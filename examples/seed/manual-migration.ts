import { SchemaOutdatedError } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";

/**
 * The seed's "Manual Migration". The schema is made by hand,
 *
 *     psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f migrations/001_initial_schema.sql
 *
 * and the program, whose role need not be allowed to create anything, only checks it.
 */

const persistence = new PostgresPersistenceProvider({
  url: process.env["DATABASE_URL"] ?? "postgresql://localhost/workflows",
  migrate: "check",
});
try {
  await persistence.initialize();
  const { isHealthy } = await persistence.healthCheck();
  console.log(`The schema is as it should be; the store is ${isHealthy ? "healthy" : "not healthy"}`);
} catch (error) {
  if (!(error instanceof SchemaOutdatedError)) throw error;
  console.log(`${error.code}: run migrations/001_initial_schema.sql first`);
} finally {
  await persistence.close();
}
