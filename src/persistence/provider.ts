import type { Transition } from "../models/transition.ts";
import type { RequestKind, WorkflowStatus } from "../models/instance.ts";
import type { EventRow, EventStore } from "./event-store.ts";
import type { ScheduleStore } from "./schedule-store.ts";

/**
 * What the engine needs of a store, in whole transitions: each method is one atomic act (one transaction in SQL, one function in
 * memory), and may be repeated after an unknown outcome. Arrays are batches: the store commits a batch whole, in one statement
 * where it can, and answers for what it refused. All instants are the database's clock, in milliseconds since the epoch.
 *
 * Errors are `WorkflowError`s: `errorClass` transient or conflict means that nothing is known of the outcome and the very same
 * call may be sent again; invalid means that a value of the batch was refused by the database (SQLSTATE 22, 23, 54) and the
 * batch must be split to find it.
 */
export interface EngineStore {
  readonly name: string;
  /** How many batches of starts and transitions run side by side, each on a lane of its own, or wait where there is one session. */
  readonly lanes: number;
  /** The number of one more lane, for starts and events that may have to wait for a transaction of a caller's, since they are under a
   *  key: they hold up nothing else there. Absent where there is one session for all. */
  readonly sideLane?: number | undefined;
  /** Most rows of one batch of starts or transitions. */
  readonly batchRows: number;
  readonly buckets: number;
  readonly capabilities: Capabilities;
  /** No other process can be using this store: a node in it that is not of this process is dead, and may be declared so at once. */
  readonly alone: boolean;
  /** There is one session for everybody: while a transaction is open, every other call waits for its end. */
  readonly hasOneSession: boolean;

  /** Creates or checks the schema. Any number of nodes may call it at once. */
  initialize(): Promise<void>;
  /** Makes the lanes ready, so that the first batches need not wait for that. Absent where there is nothing to make ready. */
  warmUp?(): Promise<void>;
  close(): Promise<void>;

  readonly nodes: NodeStore;
  readonly instances: InstanceStore;
  readonly events: EventStore;
  readonly definitions: DefinitionStore;
  readonly schedules: ScheduleStore<StartRow>;
  /** Hints between processes; null where there is one process. */
  readonly wakes: WakeBus | null;

  /** Starts and events inside a caller's own transaction, on the client that holds it; absent where there is no SQL. */
  inside?(client: TransactionSession): CallerWrites;
}

/** What may be written inside a caller's transaction: unowned starts and events that nobody has looked at. */
export interface CallerWrites {
  /** Answers the indexes of rows whose id exists already. */
  start(batch: readonly StartRow[]): Promise<readonly number[]>;
  /** What instances were started as, those of this transaction among them. Unknown ids are left out. */
  look(refs: readonly InstanceRef[]): Promise<readonly Origin[]>;
  publish(batch: readonly EventRow[]): Promise<void>;
}

/** What tells the repeat of a start from a conflict. */
export interface Origin {
  readonly id: string;
  readonly definition: string;
  readonly inputHash: string | null;
}

/** What a store's server can do. What it cannot is done in a plainer way, which is slower and no less correct. */
export interface Capabilities {
  /** Rows that another node holds are passed by; else nodes wait for each other, row by row. */
  readonly skipLocked: boolean;
  /** Hints travel between processes; else they poll. */
  readonly listenNotify: boolean;
  /** Statements are prepared once a session, by name. */
  readonly namedStatements: boolean;
  /** Indexes hold only the rows that are looked for; decides when the schema is made. */
  readonly partialIndexes: boolean;
  /** Whether the store has SQL for transactional steps and starts inside a caller's transaction. */
  readonly transactions: boolean;
}

/** Capabilities of a server that are not to be used. */
export type ServerCapabilities = Partial<Omit<Capabilities, "transactions">>;

// ── nodes ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface NodeStore {
  /** Makes this node's row, live. `definitions` are those it runs (`id` and version joined as `id@version`). */
  register(node: NodeRegistration): Promise<{ readonly now: number }>;
  /** Adds 1 to the node's beat. Null: the node is no longer live or draining, so it owns nothing. On a reserved connection. */
  beat(id: string): Promise<{ readonly now: number } | null>;
  /** From now on the node claims and starts nothing. */
  drain(id: string): Promise<void>;
  /** The node's own orderly end: its row is marked stopped. */
  retire(id: string): Promise<void>;
  list(): Promise<readonly NodeRow[]>;
  /** Marks a node dead if its beat is still `beat` and is older than `silentMs` by the database's clock. */
  declareDead(id: string, beat: number, silentMs: number): Promise<boolean>;
  /** Releases up to `limit` instances of nodes that are dead or stopped: unowned, epoch + 1, due now, and for dead nodes `crashes`
   *  counted (see InstanceStore.claim). Answers how many. */
  release(limit: number): Promise<number>;
  /** Forgets nodes that are dead or stopped for longer than `olderMs` and own nothing. */
  forget(olderMs: number): Promise<number>;
}

export interface NodeRegistration {
  readonly id: string;
  readonly label: string;
  readonly engine: string;
  readonly definitions: readonly string[];
}

export interface NodeRow {
  readonly id: string;
  readonly label: string;
  readonly state: "live" | "draining" | "dead" | "stopped";
  readonly beat: number;
  /** Milliseconds since the last beat, by the database's clock. */
  readonly silentMs: number;
  readonly definitions: readonly string[];
}

// ── instances ────────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface InstanceStore {
  /** Inserts a batch of starts; those with `own` are born owned by `owner` with epoch 1, if that node is live, else unowned and due.
   *  Existing ids are left alone and come back in `existing`. Sorted by (bucket, id) by the caller. One batch at
   *  a time on each lane (default: 0). */
  start(owner: string, batch: readonly StartRow[], lane?: number): Promise<StartReply>;
  /** Commits a batch of transitions, each fenced by (owner, epoch, revision). Sorted by (bucket, id) by the caller. */
  commit(batch: readonly Transition[], lane?: number): Promise<CommitReply>;
  /** Takes up to `limit` due, unowned instances of the given definitions, probing buckets in the given order. The claimer must be
   *  live. Epoch + 1. */
  claim(request: ClaimRequest): Promise<ClaimReply>;
  /** Takes one unowned instance whether due or not and whatever its definition (to carry out a request), or answers null. */
  claimOne(owner: string, ref: InstanceRef): Promise<ClaimedInstance | null>;
  /** Gives up what a node owns but does not hold: unowned, epoch + 1, due now. A claim cannot be repeated like other calls: when its
   *  answer was lost, it may have taken instances of which the claimer does not know. `held`: all that the node holds, or has starts
   *  under way for; no claim of it may be under way. Answers how many. */
  disown(owner: string, held: readonly string[]): Promise<number>;
  /** When the earliest instance of these definitions is due; null if none is. Among many timers of other definitions the answer may
   *  be too early, never too late. */
  nextDue(definitions: readonly string[]): Promise<{ readonly now: number; readonly dueAt: number | null }>;
  /** Where instances stand: after an unknown outcome, for handles that wait, and for start conflicts. Unknown ids are left out. */
  look(refs: readonly InstanceRef[]): Promise<readonly InstanceView[]>;
  /** Outcomes and inputs of pointers by path; for forEach containers `input` holds the items. */
  pointers(ref: InstanceRef, paths: readonly string[]): Promise<readonly StoredPointer[]>;
  /** Unconsumed inbox rows of instances, oldest first. */
  inbox(refs: readonly InstanceRef[]): Promise<readonly InboxRow[]>;
  /** Puts a request into the inbox of an instance: `inboxSeq` + 1, and due now if it is unowned. Null: there is no such
   *  instance, or it is terminal (`terminal`). Idempotent by `requestId`. */
  request(ref: InstanceRef, request: RequestRow): Promise<RequestReply | null>;
  /** Takes instances out of the due index whose definition is not in `known`, at most `limit`; they wait for `unblock`. */
  block(known: readonly string[], limit: number): Promise<number>;
  /** Makes blocked instances of these definitions due. */
  unblock(definitions: readonly string[], limit: number): Promise<number>;
  /** Blocked instances with a request that any node can carry out, without their definition: to suspend, to resume, to terminate. */
  asked(limit: number): Promise<readonly InstanceRef[]>;
  /** Runs `work` in a transaction and commits `transition` (made by `work`) in it. If the fence refuses it, all is rolled back and
   *  `held` is false. Throws what `work` throws, after the rollback. Waits for its session in order of arrival, however long; if
   *  `signal` aborts before, it throws the signal's reason. */
  transact(
    work: (tx: TransactionSession) => Promise<Transition>,
    signal?: AbortSignal,
  ): Promise<{ readonly held: boolean; readonly now: number }>;
  /** Unfinished instances whose definition has this id and version, by fingerprint conflicts: true if any exists. */
  hasUnfinished(definition: string, version: number): Promise<boolean>;
}

export interface InstanceRef {
  readonly bucket: number;
  readonly id: string;
}

export interface StartRow extends InstanceRef {
  readonly definition: string;
  readonly version: number;
  readonly own: boolean;
  readonly data: string;
  readonly frontier: string;
  readonly key: string | null;
  /** Hash of the start data, kept for keyed starts to tell a repeat from a conflict. */
  readonly inputHash: string | null;
  readonly reference: string | null;
  readonly description: string | null;
  readonly correlationId: string | null;
  /** JSON object of strings, or null. */
  readonly tags: string | null;
}

export interface StartReply {
  readonly now: number;
  /** Indexes into the batch of rows whose id exists already. */
  readonly existing: readonly number[];
  /** Indexes of rows with `own` that were inserted unowned, since the node is not live. */
  readonly unowned: readonly number[];
}

export interface CommitReply {
  readonly now: number;
  /** Indexes into the batch of transitions that the fence refused. */
  readonly refused: readonly number[];
}

export interface ClaimRequest {
  readonly owner: string;
  readonly buckets: readonly number[];
  readonly definitions: readonly string[];
  readonly limit: number;
}

export interface ClaimReply {
  readonly now: number;
  readonly claimed: readonly ClaimedInstance[];
}

export interface ClaimedInstance extends InstanceRef {
  readonly definition: string;
  readonly version: number;
  /** Undefined: none that this engine knows. */
  readonly status: WorkflowStatus | undefined;
  readonly epoch: number;
  readonly revision: number;
  readonly inboxSeq: number;
  /** Parsed JSON. */
  readonly data: unknown;
  readonly frontier: unknown;
  /** When the last transition was committed: what `dueIn` in the frontier counts from. */
  readonly turnedAt: number;
  readonly createdAt: number;
  /** Deaths of owners since the last committed transition. */
  readonly crashes: number;
}

export interface InstanceView extends InstanceRef {
  readonly definition: string;
  readonly version: number;
  readonly status: WorkflowStatus;
  readonly owner: string | null;
  readonly epoch: number;
  readonly revision: number;
  readonly turnedAt: number;
  readonly inputHash: string | null;
  /** Parsed JSON, undefined where the column is null; data only when the instance is terminal. */
  readonly data: unknown;
  readonly result: unknown;
  readonly failure: unknown;
  readonly reason: string | null;
}

export interface StoredPointer {
  readonly path: string;
  readonly status: number;
  readonly seq: number;
  readonly attempts: number;
  /** Parsed JSON; undefined where the column is null. */
  readonly input: unknown;
  readonly outcome: unknown;
  readonly below: unknown;
}

export interface InboxRow extends InstanceRef {
  /** What consuming it is named by. Unique within the instance. */
  readonly source: string;
  readonly seq: number;
  readonly kind: "event" | RequestKind;
  /** For events: hash of name and key. */
  readonly topic: string | null;
  readonly payload: unknown;
  /** For events: the instance had been given all of this topic that are numbered up to here; 0 if that is not known. */
  readonly heard: number;
  readonly createdAt: number;
}

export interface RequestRow {
  readonly requestId: string;
  readonly kind: RequestKind;
  readonly payload: string | null;
}

export interface RequestReply {
  readonly terminal: boolean;
  readonly status: WorkflowStatus;
  /** The node that holds the instance, to be given a hint. */
  readonly owner: string | null;
}

/** A step's own queries inside the engine's transaction. */
export interface TransactionSession {
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: unknown[] }>;
}

// ── definitions ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What was registered under each id and version, so that a change in place is noticed. */
export interface DefinitionStore {
  /** Stores a definition, unless one of its id and version is there; answers the one that is. */
  register(row: DefinitionRow): Promise<DefinitionRow>;
  /** Stores a definition in place of the one that is there. */
  replace(row: DefinitionRow): Promise<void>;
  /** Says of each definition which event starts it. What a higher version has said stays. An event starts what named it before it was
   *  published. Sorted by definition by the caller, each once. */
  trigger(rows: readonly TriggerRow[]): Promise<void>;
}

export interface TriggerRow {
  readonly definition: string;
  readonly version: number;
  /** The name of the event; null: none starts it. */
  readonly event: string | null;
}

export interface DefinitionRow {
  readonly id: string;
  readonly version: number;
  readonly fingerprint: string;
  /** Parsed JSON. */
  readonly graph: unknown;
}

// ── hints ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Hints between processes. Losing all of them costs time, never correctness. */
export interface WakeBus {
  /** Listens until `signal` aborts; answers whether hints arrive (self-tested). Reconnects by itself, calling `heard` once after each
   *  gap with `{ kind: "gap" }`. */
  listen(heard: (wake: Wake) => void, signal?: AbortSignal): Promise<boolean>;
  send(wakes: readonly Wake[]): Promise<void>;
}

export type Wake =
  /** Something is due that nobody owns. */
  | { readonly kind: "due" }
  /** A node has left, and its instances with their timers are anybody's. */
  | { readonly kind: "left" }
  | { readonly kind: "events" }
  | { readonly kind: "inbox"; readonly owner: string }
  | { readonly kind: "ended"; readonly ids: readonly string[] }
  | { readonly kind: "gap" };
