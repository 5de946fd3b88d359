import type { Statement } from "../database.ts";
import type { InstanceRef, RequestRow } from "../provider.ts";
import { plain, quoted } from "./columns.ts";
import { at } from "./picking.ts";
import { toMs, type Tables } from "./tables.ts";

export interface LookedRow {
  readonly bucket: number;
  readonly id: string;
  readonly definition: string;
  readonly version: number;
  readonly status: number;
  readonly owner: string | null;
  readonly epoch: number;
  readonly revision: number;
  readonly turnedAt: number;
  readonly inputHash: string | null;
  /** JSON as text, so that a JSON null is not taken for a missing value. */
  readonly data: string | null;
  readonly result: string | null;
  readonly failure: unknown;
  readonly reason: string | null;
}

export const lookAtInstances = (t: Tables, refs: readonly InstanceRef[]): Statement => ({
  name: "instance-look",
  text: `select w.bucket, w.id, w.definition, w.version, w.status, w.owner, w.epoch, w.revision, ${toMs("w.turned_at")} as "turnedAt",
      w.input_hash as "inputHash", case when w.status >= 2 then w.data::text end as data, w.result::text as result, w.failure, w.reason
    from unnest($1::int[], $2::uuid[]) as r(bucket, id)
    join ${t.instance} w on ${at("w.bucket", "r.bucket")} and w.id = r.id`,
  values: [plain(refs, (ref) => ref.bucket), plain(refs, (ref) => ref.id)],
});

/** In a caller's transaction: it sees what that has started, and asks no other session, which might wait for it. */
export const lookAtOrigins = (t: Tables, refs: readonly InstanceRef[]): Statement => ({
  name: "instance-origin",
  text: `select w.id, w.definition, w.input_hash as "inputHash"
    from unnest($1::int[], $2::uuid[]) as r(bucket, id)
    join ${t.instance} w on ${at("w.bucket", "r.bucket")} and w.id = r.id`,
  values: [plain(refs, (ref) => ref.bucket), plain(refs, (ref) => ref.id)],
});

export interface PointerAnswer {
  readonly path: string;
  readonly status: number;
  readonly seq: number;
  readonly attempts: number;
  /** JSON as text, so that a JSON null is not taken for a missing value. */
  readonly input: string | null;
  readonly outcome: string | null;
  readonly below: string | null;
}

export const readPointers = (t: Tables, ref: InstanceRef, paths: readonly string[]): Statement => ({
  name: "pointer-read",
  text: `select path, status, seq, attempts, input::text as input, outcome::text as outcome, below::text as below
    from ${t.pointer} where bucket = $1 and instance = $2 and path = any($3::text[])`,
  values: [ref.bucket, ref.id, quoted(paths, (path) => path) ?? "{}"],
});

/** `seq` comes from the update of `inbox_seq`, so whoever sees a row sees all with a smaller one. */
export const readInbox = (t: Tables, refs: readonly InstanceRef[]): Statement => ({
  name: "inbox-read",
  text: `select x.bucket, x.instance as id, x.source, x.seq, x.kind, x.topic, x.payload, coalesce(x.heard, 0) as heard,
      ${toMs("x.created_at")} as "createdAt"
    from unnest($1::int[], $2::uuid[]) as r(bucket, id)
    cross join lateral (select * from ${t.inbox} i where i.bucket = r.bucket and i.instance = r.id and not i.taken offset 0) x
    order by x.bucket, x.instance, x.seq, x.source`,
  values: [plain(refs, (ref) => ref.bucket), plain(refs, (ref) => ref.id)],
});

export interface RequestAnswer {
  /** As this statement saw it at first. */
  readonly status: number;
  readonly owner: string | null;
  /** As it is under the row's lock; null if the request was not put there by this statement. */
  readonly putStatus: number | null;
  readonly putOwner: string | null;
  /** It was there before. */
  readonly known: boolean;
}

/**
 * Puts a request into the inbox, once. The instance's row is locked first: its owner either parks before, and the row becomes due
 * here, or parks afterwards and finds `inbox_seq` moved. An instance that ended meanwhile matches no more (`putStatus` is null).
 * Two that carry the same request both add 1, and only one inbox row is written: a gap in the numbers means nothing.
 */
export const requestInstance = (t: Tables, ref: InstanceRef, request: RequestRow): Statement => ({
  name: "inbox-request",
  text: `with known as (
      select source from ${t.inbox} where bucket = $1 and instance = $2 and source = $3),
    moved as (
      update ${t.instance} w set inbox_seq = w.inbox_seq + 1,
        due_at = case when w.owner is null and not w.blocked then least(w.due_at, c.now) else w.due_at end
      from (select ${t.clock} as now offset 0) c
      where w.bucket = $1 and w.id = $2 and w.status < 2 and not exists (select from known)
      returning w.inbox_seq, w.status, w.owner, c.now),
    put as (
      insert into ${t.inbox} (bucket, instance, source, seq, created_at, kind, payload)
      select $1, $2, $3, moved.inbox_seq, moved.now, $4, $5::jsonb from moved
      on conflict (bucket, instance, source) do nothing)
    select w.status, w.owner, moved.status as "putStatus", moved.owner as "putOwner", exists (select from known) as known
    from ${t.instance} w left join moved on true
    where w.bucket = $1 and w.id = $2`,
  values: [ref.bucket, ref.id, request.requestId, request.kind, request.payload],
});

/** No index serves this: it is asked only when a definition was changed under its old version. */
export const hasUnfinished = (t: Tables, definition: string, version: number): Statement => ({
  name: "instance-unfinished",
  text: `select exists (select from ${t.instance} where definition = $1 and version = $2 and status < 2) as unfinished`,
  values: [definition, version],
});

/** Where an instance stands, read under the row's lock: waits for the end of a transaction that still holds it. */
export const settleInstance = (t: Tables, ref: InstanceRef): Statement => ({
  name: "instance-settle",
  text: `select owner, epoch, revision from ${t.instance} where bucket = $1 and id = $2 for share`,
  values: [ref.bucket, ref.id],
});
