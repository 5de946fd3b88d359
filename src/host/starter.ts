import { LiveInstance } from "../execution/live-instance.ts";
import type { Plan } from "../execution/plan.ts";
import { validated } from "../execution/validate.ts";
import { encodeValue } from "../models/codec.ts";
import type { Environment } from "../models/environment.ts";
import { toRunTimeoutMs } from "../models/duration.ts";
import { InvalidRequestError } from "../models/errors.ts";
import { KeyConflictError } from "../models/errors-instance.ts";
import { InvalidNameError } from "../models/errors-values.ts";
import { type Frontier, limitedTo } from "../models/frontier.ts";
import { bucketOf, checkName, keyedId, newInstanceId } from "../models/identity.ts";
import { checkItem } from "../models/known-fields.ts";
import { maxTags } from "../models/limits.ts";
import type { StoredValue } from "../models/stored-value.ts";
import { shorten } from "../models/text.ts";
import { hasFields } from "../models/value-class.ts";
import type { CallerWrites, EngineStore, Origin, StartRow, TransactionSession } from "../persistence/provider.ts";
import { startGivesUpMs, type Started } from "./committer.ts";
import type { Notices } from "../telemetry/notices.ts";
import type { EngineNode } from "./engine-node.ts";
import { isPassing, isRefusal } from "./persist.ts";
import { known, type StartOptions } from "./run.ts";

/** A start that is ready to be sent. */
export interface Departure {
  readonly row: StartRow;
  readonly plan: Plan;
  readonly data: StoredValue;
  readonly frontier: Frontier;
  readonly key: string | undefined;
}

/** Checks what a caller wants to start, as the nth of many, and makes the row of it. Throws before anything is stored. */
export async function prepare(
  plan: Plan,
  item: StartOptions & { readonly data: unknown },
  at: { readonly env: Environment; readonly buckets: number; readonly n: number },
): Promise<Departure> {
  checkItem(item, `startWorkflows: items[${at.n}]`, known.startItem);
  const { data, key, timeout } = item;
  const { schema } = plan.definition;
  const valid = schema === undefined ? data : await validated(schema, data, `start data of "${plan.id}"`);
  const stored = encodeValue(valid, `start data of "${plan.id}"`);
  const id = key === undefined ? newInstanceId(at.env) : keyedId("start", plan.id, checkName(key, "key"));
  const frontier = timeout === undefined ? plan.birth : limitedTo(plan.birth, toRunTimeoutMs(timeout));
  const row: StartRow = {
    bucket: bucketOf(id, at.buckets),
    id,
    definition: plan.id,
    version: plan.version,
    own: false,
    data: stored.json,
    frontier: timeout === undefined ? plan.birthJson : JSON.stringify(frontier),
    key: key ?? null,
    inputHash: key === undefined ? null : keyedId("input", stored.json),
    reference: labelOf(item.reference, "reference"),
    description: labelOf(item.description, "description"),
    correlationId: labelOf(item.correlationId, "correlationId"),
    tags: item.tags === undefined ? null : JSON.stringify(checkTags(item.tags)),
  };
  return { row, plan, data: stored, frontier, key };
}

const labelOf = (value: string | undefined, what: string): string | null =>
  value === undefined ? null : checkName(value, what);

/** The tags of a start: an object of at most 100 labels by name. Throws `InvalidNameError`. */
export function checkTags(tags: unknown): Readonly<Record<string, string>> {
  if (!hasFields(tags)) throw new InvalidNameError("set of tags", tags, "must be an object of texts");
  const given = Object.entries(tags);
  if (given.length > maxTags)
    throw new InvalidNameError("set of tags", tags, `must not hold more than ${maxTags} tags`);
  const labels = given.map(([name, label]: [string, unknown]) => [
    checkName(name, "name of a tag"),
    checkName(label, `tag "${shorten(name, 60)}"`),
  ]);
  return Object.fromEntries(labels) as Readonly<Record<string, string>>;
}

/** Sends starts; those born here begin to run. */
export class Starter {
  private readonly notices: Notices;
  private readonly env: Environment;
  private readonly pending = new Map<string, Promise<Started>>();

  constructor(notices: Notices, env: Environment) {
    this.notices = notices;
    this.env = env;
  }

  /** Resolves with the instance's id once the start is durable. `running` answers the node when it is to be sent, or throws. Throws
   *  `KeyConflictError`. */
  async send(departure: Departure, running: () => EngineNode): Promise<string> {
    const { row, key } = departure;
    // One of this process goes first: then it is there, or was refused.
    const since = this.env.monotonic();
    for (let earlier = this.pending.get(row.id); earlier !== undefined; earlier = this.pending.get(row.id))
      await this.behind(earlier, since);
    const node = running();
    const own = node.claimSlot(row.id);
    const sending = node.committer.start({ ...row, own });
    if (key !== undefined) this.pending.set(row.id, sending);
    try {
      this.arrived(departure, node, await sending);
    } catch (error) {
      if (own && !isRefusal(error)) node.doubt(row.id); // it may have been stored, and be this node's
      throw error;
    } finally {
      if (own) node.freeSlot(row.id);
      if (key !== undefined && this.pending.get(row.id) === sending) this.pending.delete(row.id);
    }
    return row.id;
  }

  /** Who has waited behind others as long as anybody waits for the database, meets what they met. */
  private async behind(earlier: Promise<Started>, since: number): Promise<void> {
    try {
      await earlier;
    } catch (error) {
      if (isPassing(error) && this.env.monotonic() - since >= startGivesUpMs) throw error;
    }
  }

  /** Sends starts inside a caller's transaction: unowned, to be claimed once it commits. */
  async sendInside(departures: readonly Departure[], store: EngineStore, client: TransactionSession): Promise<void> {
    const inside = insideOf(store, client);
    const indexes = await inside.start(departures.map(({ row }) => row));
    const existing = indexes.flatMap((n) => departures[n] ?? []);
    const origins = new Map((await inside.look(existing.map(({ row }) => row))).map((one) => [one.id, one]));
    for (const departure of existing) {
      const origin = origins.get(departure.row.id);
      if (origin !== undefined) refuseConflict(departure, origin);
    }
  }

  private arrived(departure: Departure, node: EngineNode, started: Started): void {
    const { row, plan, data, frontier } = departure;
    if (started.kind === "existing") return refuseConflict(departure, started.view);
    if (this.notices.isHeard)
      this.notices.tell({ kind: "run-started", instanceId: row.id, workflow: plan.id, version: plan.version });
    if (started.owned) {
      node.worker.born(
        new LiveInstance(plan, node.id, { bucket: row.bucket, id: row.id, data, frontier, bornAt: started.now }),
      );
    } else node.leftToAny();
  }
}

/** A key starts one run; the same key with other data is a mistake of the caller's. */
function refuseConflict({ row, key }: Departure, origin: Origin): void {
  const isSame = origin.inputHash === row.inputHash && origin.definition === row.definition;
  if (!isSame) throw new KeyConflictError(key ?? row.id, row.definition, row.id);
}

/** Writes inside a caller's transaction. Throws `InvalidRequestError` where the store has no SQL. */
export function insideOf(store: EngineStore, client: TransactionSession): CallerWrites {
  const inside = store.inside?.(client);
  if (inside === undefined)
    throw new InvalidRequestError("tx", `cannot be used: the ${store.name} store has no transactions`);
  return inside;
}
