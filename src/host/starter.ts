import { LiveInstance } from "../execution/live-instance.ts";
import type { Plan } from "../execution/plan.ts";
import { validated } from "../execution/validate.ts";
import { encodeValue } from "../models/codec.ts";
import type { Environment } from "../models/environment.ts";
import { KeyConflictError } from "../models/errors-instance.ts";
import { bucketOf, checkName, keyedId, newInstanceId } from "../models/identity.ts";
import type { StoredValue } from "../models/stored-value.ts";
import type { StartRow } from "../persistence/provider.ts";
import type { Started } from "./committer.ts";
import type { EngineNode } from "./engine-node.ts";
import type { StartOptions } from "./run.ts";

/** A start that is ready to be sent. */
export interface Departure {
  readonly row: StartRow;
  readonly plan: Plan;
  readonly data: StoredValue;
  readonly key: string | undefined;
}

/** Checks what a caller wants to start and makes the row of it. Throws before anything is stored. */
export async function prepare(
  plan: Plan,
  data: unknown,
  options: StartOptions,
  at: { readonly env: Environment; readonly buckets: number },
): Promise<Departure> {
  const { schema } = plan.definition;
  const valid = schema === undefined ? data : await validated(schema, data, `start data of "${plan.id}"`);
  const stored = encodeValue(valid, `start data of "${plan.id}"`);
  const { key } = options;
  const id = key === undefined ? newInstanceId(at.env) : keyedId("start", plan.id, checkName(key, "key"));
  const row: StartRow = {
    bucket: bucketOf(id, at.buckets),
    id,
    definition: plan.id,
    version: plan.version,
    own: false,
    data: stored.json,
    frontier: plan.birthJson,
    key: key ?? null,
    inputHash: key === undefined ? null : keyedId("input", stored.json),
    reference: labelOf(options.reference, "reference"),
    description: labelOf(options.description, "description"),
    correlationId: labelOf(options.correlationId, "correlationId"),
    tags: options.tags === undefined ? null : encodeValue(options.tags, "tags").json,
  };
  return { row, plan, data: stored, key };
}

const labelOf = (value: string | undefined, what: string): string | null =>
  value === undefined ? null : checkName(value, what);

/** Sends starts; those born here begin to run. */
export class Starter {
  private readonly pending = new Map<string, Promise<Started>>();

  /** Resolves with the instance's id once the start is durable. Throws `KeyConflictError`. */
  async send(departure: Departure, node: EngineNode): Promise<string> {
    const { row, key } = departure;
    const earlier = key === undefined ? undefined : this.pending.get(row.id);
    if (earlier !== undefined) await earlier.catch(() => undefined); // one of this process: then it is there, or was refused
    const own = node.claimSlot(row.id);
    const sending = node.committer.start({ ...row, own });
    if (key !== undefined) this.pending.set(row.id, sending);
    try {
      this.arrived(departure, node, await sending);
    } finally {
      if (own) node.freeSlot(row.id);
      if (key !== undefined && this.pending.get(row.id) === sending) this.pending.delete(row.id);
    }
    return row.id;
  }

  private arrived({ row, plan, data, key }: Departure, node: EngineNode, started: Started): void {
    if (started.kind === "existing") {
      const { view } = started;
      const isSame = view.inputHash === row.inputHash && view.definition === row.definition;
      if (!isSame) throw new KeyConflictError(key ?? row.id, row.definition, row.id);
      return;
    }
    if (started.owned) {
      node.worker.born(new LiveInstance(plan, node.id, { bucket: row.bucket, id: row.id, data, frontier: plan.birth }));
    } else node.leftToAny();
  }
}
