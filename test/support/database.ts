import { randomUUID } from "node:crypto";
import pg from "pg";

export interface FreshDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** An empty database of its own on the server that TEST_DATABASE_URL names (a superuser's address). */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server = process.env["TEST_DATABASE_URL"];
  if (server === undefined || server === "")
    throw new Error("TEST_DATABASE_URL is not set: run the tests with npm test.");
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  await runOnce(server, `create database ${name} template template0`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => runOnce(server, `drop database if exists ${name} with (force)`) };
}

/** One command on a connection of its own. */
export async function runOnce(url: string, text: string, values: readonly unknown[] = []): Promise<void> {
  await rowsOf(url, text, values);
}

export async function rowsOf<R extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly R[]> {
  const client = new pg.Client(url);
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<R>(text, [...values]);
    return rows;
  } finally {
    await client.end();
  }
}
