import type { Environment } from "../../models/environment.ts";
import { PersistenceError } from "../../models/errors-storage.ts";
import type { Database } from "../database.ts";
import type { NodeRegistration, NodeRow, NodeStore } from "../provider.ts";
import {
  beatNode,
  declareDead,
  drainNode,
  forgetNodes,
  listNodes,
  registerNode,
  releaseOwned,
  retireNode,
} from "./node-statements.ts";
import { retrying } from "../retrying.ts";
import type { Tables } from "./tables.ts";

interface Clock {
  readonly now: number;
}

/** On the hot pool, which nobody keeps for long: what transactions do with theirs must not hide a dead node, nor this one. */
export class SqlNodeStore implements NodeStore {
  private readonly database: Database;
  private readonly tables: Tables;
  private readonly env: Environment;
  private readonly buckets: () => number;

  constructor(database: Database, tables: Tables, env: Environment, buckets: () => number) {
    this.database = database;
    this.tables = tables;
    this.env = env;
    this.buckets = buckets;
  }

  async register(node: NodeRegistration): Promise<{ readonly now: number }> {
    const [row] = await retrying(this.env, () => this.database.hot<Clock>(registerNode(this.tables, node)));
    if (row === undefined) {
      throw new PersistenceError(
        `Node ${node.id} was declared dead before. Register again under a fresh id.`,
        "permanent",
      );
    }
    return row;
  }

  async beat(id: string): Promise<{ readonly now: number } | null> {
    const [row] = await retrying(this.env, () => this.database.beat<Clock>(beatNode(this.tables, id)));
    return row ?? null;
  }

  async drain(id: string): Promise<void> {
    await retrying(this.env, () => this.database.hot(drainNode(this.tables, id)));
  }

  async retire(id: string): Promise<void> {
    await retrying(this.env, () => this.database.hot(retireNode(this.tables, id)));
  }

  list(): Promise<readonly NodeRow[]> {
    return retrying(this.env, () => this.database.hot<NodeRow>(listNodes(this.tables)));
  }

  async declareDead(id: string, beat: number, silentMs: number): Promise<boolean> {
    const rows = await retrying(this.env, () => this.database.hot(declareDead(this.tables, id, beat, silentMs)));
    return rows.length > 0;
  }

  async release(limit: number): Promise<number> {
    const statement = releaseOwned(this.tables, this.buckets(), limit);
    const [row] = await retrying(this.env, () => this.database.hot<{ readonly released: number }>(statement));
    return row?.released ?? 0;
  }

  async forget(olderMs: number): Promise<number> {
    const statement = forgetNodes(this.tables, this.buckets(), olderMs);
    const [row] = await retrying(this.env, () => this.database.hot<{ readonly forgotten: number }>(statement));
    return row?.forgotten ?? 0;
  }
}
