import type pg from "pg";
import type { Environment } from "../../models/environment.ts";
import { PersistenceError } from "../../models/errors-storage.ts";
import { InvalidRequestError } from "../../models/errors.ts";
import type { Database, Ears, Session, Statement, Unlisten } from "../database.ts";
import { connectClient, endClient, Link } from "./link.ts";
import { Listener } from "./listener.ts";
import type { PoolFigures } from "../performance-analysis.ts";
import type { PostgresOptions } from "./options.ts";
import { addressOf, newClient, settingsOf, withHints, type Settings } from "./settings.ts";
import { SessionPool } from "./pool.ts";
import { checkServer, poolSizes, serverFacts, type ServerFacts } from "./server-check.ts";
import { persistenceError, sqlStateOf } from "./sql-state.ts";

interface Sessions {
  /** The side lane last. */
  readonly lanes: readonly Link[];
  readonly beat: Link;
  readonly hot: SessionPool;
  readonly general: SessionPool;
}

/** A node has 10 seconds to find out that a heartbeat's connection is dead and to make another one. */
const beatMs = 4000;

/** How long a statement of a lane or of the hot pool waits for a lock, until others get their turn. */
const lockMs = 1000;

const impatient = (client: pg.ClientConfig): pg.ClientConfig => ({
  ...client,
  query_timeout: Math.min(client.query_timeout ?? beatMs, beatMs),
  connectionTimeoutMillis: beatMs,
});

/** A PostgreSQL server, through the `pg` driver: reserved sessions for lanes, heartbeats and hints, and two pools. */
export class PostgresDatabase implements Database {
  readonly kind = "postgres";
  readonly lanes: number;
  readonly sideLane: number;
  readonly named: boolean;
  private readonly env: Environment;
  private readonly settings: Settings;
  private readonly listeners: Map<string, Listener>;
  private sessions: Sessions | undefined;
  private generalSessions: number;

  constructor(options: PostgresOptions, env: Environment) {
    this.env = env;
    this.settings = settingsOf(options);
    this.lanes = this.settings.lanes;
    this.sideLane = this.lanes;
    this.named = this.settings.named;
    this.listeners = new Map();
    this.sessions = undefined;
    this.generalSessions = poolSizes(this.settings.lanes, this.settings.maxConnections).general; // refuses early
  }

  get stepTransactions(): number {
    return this.generalSessions - 1;
  }

  async open(): Promise<void> {
    if (this.sessions !== undefined) return;
    const { facts, hintsTaken } = await this.probe();
    const { settings, env, named } = this;
    const hot = hintsTaken && !facts.citus ? withHints(settings.client) : settings.client;
    // Behind a pooler the server's limits are not ours.
    const max =
      settings.pooler === "session" ? Math.min(settings.maxConnections, facts.allowed) : settings.maxConnections;
    const sizes = poolSizes(settings.lanes, max);
    this.generalSessions = sizes.general;
    const lanes = Array.from({ length: settings.lanes }, (_, lane) => this.laneLink(hot, `lane ${lane}`));
    const beat = impatient(settings.client);
    this.sessions = {
      lanes: [...lanes, this.laneLink(hot, "side lane")],
      beat: new Link({ client: () => beat, named, env, purpose: "heartbeat" }),
      hot: new SessionPool({ client: hot, max: sizes.hot, named, env, ...this.impatience() }),
      general: new SessionPool({ client: settings.client, max: sizes.general, named, env }),
    };
  }

  lane<R>(lane: number, statement: Statement): Promise<readonly R[]> {
    const link = this.ready().lanes[lane];
    if (link === undefined) throw new InvalidRequestError("lane", `must be from 0 to ${this.sideLane}`);
    return link.run<R>(statement);
  }

  beat<R>(statement: Statement): Promise<readonly R[]> {
    return this.ready().beat.run<R>(statement);
  }

  hot<R>(statement: Statement): Promise<readonly R[]> {
    return this.ready().hot.run<R>(statement);
  }

  query<R>(statement: Statement): Promise<readonly R[]> {
    return this.ready().general.run<R>(statement);
  }

  transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.ready().general.transaction(work);
  }

  async listen(channel: string, ears: Ears): Promise<Unlisten> {
    // One connection for all who listen here.
    const listener = this.listeners.get(channel) ?? new Listener(this.settings.client, this.env, channel);
    this.listeners.set(channel, listener);
    listener.ears.add(ears);
    await listener.open();
    return async () => {
      listener.ears.delete(ears);
      if (listener.ears.size > 0) return;
      if (this.listeners.get(channel) === listener) this.listeners.delete(channel);
      await listener.close();
    };
  }

  pools(): readonly PoolFigures[] {
    const { hot, general } = this.ready();
    return [
      { name: "hot", ...hot.figures() },
      { name: "general", ...general.figures() },
    ];
  }

  async close(): Promise<void> {
    const sessions = this.sessions;
    const listeners = [...this.listeners.values()];
    this.sessions = undefined;
    this.listeners.clear();
    await Promise.all(listeners.map((listener) => listener.close()));
    if (sessions === undefined) return;
    await Promise.all([...sessions.lanes, sessions.beat, sessions.hot, sessions.general].map((part) => part.close()));
  }

  private laneLink(client: pg.ClientConfig, purpose: string): Link {
    const { env, named } = this;
    return new Link({ client: () => client, named, env, purpose, ...this.impatience() });
  }

  /** Behind a pooler that shares sessions nothing may be set for one: there a lock is waited for until the deadline. */
  private impatience(): { readonly prepare?: (session: pg.ClientBase) => Promise<void> } {
    if (this.settings.pooler !== "session") return {};
    return { prepare: async (session) => void (await session.query(`set lock_timeout = ${lockMs}`)) };
  }

  private ready(): Sessions {
    if (this.sessions === undefined) throw new PersistenceError("The database is not open.", "transient");
    return this.sessions;
  }

  /** One session with the hints, to see whether the server or a pooler takes them; if not, one without. */
  private async probe(): Promise<{ readonly facts: ServerFacts; readonly hintsTaken: boolean }> {
    if (this.settings.pooler === "transaction")
      return { facts: await this.factsOf(this.settings.client), hintsTaken: false };
    try {
      return { facts: await this.factsOf(withHints(this.settings.client)), hintsTaken: true };
    } catch (error) {
      if (sqlStateOf(error) === undefined) throw error;
      const facts = await this.factsOf(this.settings.client); // throws the same again if it was not for the hints
      this.env.logger.warn("The database refuses startup options, so hot statements run without planner hints.", {
        sqlState: sqlStateOf(error),
      });
      return { facts, hintsTaken: false };
    }
  }

  private async factsOf(config: pg.ClientConfig): Promise<ServerFacts> {
    const client = newClient(config);
    client.on("error", () => undefined); // its query fails too
    try {
      await connectClient(client, "first contact");
      const { rows } = await client.query<ServerFacts>(serverFacts);
      const [facts] = rows;
      if (facts === undefined) throw new PersistenceError("The server says nothing of itself.", "transient");
      checkServer(facts, addressOf(client));
      return facts;
    } catch (error) {
      throw persistenceError(error, "first contact");
    } finally {
      void endClient(client, this.env);
    }
  }
}
