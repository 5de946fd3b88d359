import type pg from "pg";
import type { Environment } from "../../models/environment.ts";
import { DatabaseUnreachableError } from "../../models/errors-storage.ts";
import type { Statement } from "../database.ts";
import { addressOf, newClient } from "./settings.ts";
import { breaksSession, persistenceError, sqlStateOf } from "./sql-state.ts";

export interface LinkOptions {
  readonly client: () => pg.ClientConfig;
  readonly named: boolean;
  readonly env: Environment;
  /** What the session is for, in messages. */
  readonly purpose: string;
  /** Called on each new session before its first statement. */
  readonly prepare?: (client: pg.Client) => Promise<void>;
  /** Called when a session that worked is lost. */
  readonly lost?: () => void;
}

const firstWaitMs = 50;
const longestWaitMs = 5_000;
const farewellMs = 1_000;

/**
 * One reserved session. It connects when it is first needed, and again after it was lost, ever more slowly while that fails.
 * Statements wait for each other.
 */
export class Link {
  private readonly options: LinkOptions;
  private current: pg.Client | undefined;
  private opening: Promise<pg.Client> | undefined;
  private last: Promise<unknown>;
  private failures: number;
  private isClosed: boolean;

  constructor(options: LinkOptions) {
    this.options = options;
    this.current = undefined;
    this.opening = undefined;
    this.last = Promise.resolve();
    this.failures = 0;
    this.isClosed = false;
  }

  run<R>(statement: Statement): Promise<readonly R[]> {
    const asked = this.last.then(() => this.runNow<R>(statement));
    this.last = asked.catch(() => undefined);
    return asked;
  }

  /** Makes sure that there is a session. */
  async connect(): Promise<void> {
    await this.session();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.opening?.catch(() => undefined); // it ends by itself, since the link is closed
    const client = this.current;
    this.current = undefined;
    if (client !== undefined) await endClient(client, this.options.env);
  }

  private async runNow<R>(statement: Statement): Promise<readonly R[]> {
    const client = await this.session();
    try {
      return await runOn<R>(client, statement, this.options.named);
    } catch (error) {
      if (breaksSession(error)) this.drop(client);
      throw persistenceError(error, statement.name);
    }
  }

  private async session(): Promise<pg.Client> {
    if (this.current !== undefined) return this.current;
    this.opening ??= this.open();
    try {
      return await this.opening;
    } finally {
      this.opening = undefined;
    }
  }

  private async open(): Promise<pg.Client> {
    const { env, purpose, prepare } = this.options;
    if (this.failures > 0) {
      const waitMs = Math.min(firstWaitMs * 2 ** (this.failures - 1), longestWaitMs);
      await env.sleep(waitMs * (0.5 + env.random()));
    }
    const client = newClient(this.options.client());
    client.on("error", () => this.drop(client));
    client.on("end", () => this.drop(client));
    try {
      await connectClient(client, purpose);
      await prepare?.(client);
      if (this.isClosed) throw new DatabaseUnreachableError(addressOf(client));
    } catch (error) {
      this.failures += 1;
      void endClient(client, env);
      throw persistenceError(error, purpose);
    }
    this.failures = 0;
    this.current = client;
    return client;
  }

  private drop(client: pg.Client): void {
    if (this.current !== client) return;
    this.current = undefined;
    void endClient(client, this.options.env);
    this.options.lost?.();
  }
}

/** Runs one command on a session. An empty name is a text that is not kept; commands never travel in company. */
export async function runOn<R>(client: pg.ClientBase, statement: Statement, named: boolean): Promise<readonly R[]> {
  const { name, text, values } = statement;
  const query = { text, values: [...values], queryMode: "extended" };
  const result = await client.query(named && name !== "" ? { ...query, name } : query);
  return result.rows as readonly R[];
}

/** Says goodbye and hangs up, also where nobody answers: else a network that is gone keeps the socket, and who waits for its end. */
export async function endClient(client: pg.Client, env: Environment): Promise<void> {
  const answered = new AbortController();
  const ended = client.end().catch(() => undefined);
  void ended.then(() => answered.abort());
  await env.sleep(farewellMs, answered.signal);
  client.connection.stream.destroy();
}

/** Connects, or says in one sentence where it could not. */
export async function connectClient(client: pg.Client, purpose: string): Promise<void> {
  try {
    await client.connect();
  } catch (error) {
    if (sqlStateOf(error) !== undefined)
      throw persistenceError(error, `Connecting (${purpose}) to ${addressOf(client)}`);
    throw new DatabaseUnreachableError(addressOf(client), { cause: error });
  }
}
