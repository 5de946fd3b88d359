/** DBOS as in peers/adapters/dbos.mjs, with a transaction of one of its data sources in place of a step. */
import { DBOS } from "@dbos-inc/dbos-sdk";

/** Books into `ledger` inside a transaction: `source` is postgres or knex. */
export async function openDbos(source, url) {
  const book = await books[source](url);
  const logger = { info() {}, debug() {}, warn() {}, error: console.error };
  DBOS.setConfig({
    name: "marks",
    systemDatabaseUrl: url,
    systemDatabasePoolSize: 30,
    logger,
    tracingEnabled: false,
    runAdminServer: false,
  });
  const booking = DBOS.registerWorkflow(async (id) => book(id), { name: "booking" });
  await DBOS.launch();
  return {
    run: async (id) => (await DBOS.startWorkflow(booking, { workflowID: id })(id)).getResult(),
    close: () => DBOS.shutdown(),
  };
}

const books = {
  async postgres(url) {
    const { PostgresDataSource } = await import("@dbos-inc/postgres-datasource");
    const { hostname, port, pathname, username, password } = new URL(url);
    const address = { host: hostname, port: Number(port || 5432), database: pathname.slice(1), username, password };
    const source = new PostgresDataSource("ledger", { ...address, max: 30, onnotice: () => undefined });
    const insert = async (id) => {
      await source.client`insert into ledger (id, amount) values (${id}, 1)`;
      return { ok: true };
    };
    return (id) => source.runTransaction(() => insert(id), { name: "book" });
  },
  async knex(url) {
    const { KnexDataSource } = await import("@dbos-inc/knex-datasource");
    const source = new KnexDataSource("ledger", { client: "pg", connection: url, pool: { min: 2, max: 30 } });
    const insert = async (id) => {
      await source.client("ledger").insert({ id, amount: 1 });
      return { ok: true };
    };
    return (id) => source.runTransaction(() => insert(id), { name: "book" });
  },
};
