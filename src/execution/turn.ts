import { hasReady } from "../models/frontier.ts";
import { bucketOf, topicOf } from "../models/identity.ts";
import { isTerminal, type RequestKind } from "../models/instance.ts";
import { storedFromJson } from "../models/stored-value.ts";
import type { Transition } from "../models/transition.ts";
import { describeFailure } from "../models/failure.ts";
import type { InboxRow } from "../persistence/provider.ts";
import { answer, patchedBy, type Reader } from "./answer.ts";
import { decide } from "./decide.ts";
import { Draft } from "./draft.ts";
import type { AnswerFact, BodyFact, Fact } from "./facts.ts";
import { mappingFailure } from "./guard.ts";
import type { LiveInstance } from "./live-instance.ts";
import { isUndo } from "./rollback.ts";
import type { Decision } from "./state.ts";
import { validateEvent, validateStart } from "./validate.ts";

/**
 * Decides what facts make of an instance: each fact on what the one before it left, with all that `decide` asks answered. Without a
 * reader, what must be read is left to the next turn (`more`), which a `continue` fact begins.
 */
export async function takeTurn(
  live: LiveInstance,
  facts: readonly Fact[],
  reader: Reader | undefined,
): Promise<Decision> {
  const draft = new Draft(live.plan, live.state);
  if (live.plan.isUnknown) return carryOut(live, draft, facts);
  for (const given of facts) {
    const fact = given.kind === "begun" && draft.unchecked ? await admitted(live) : given;
    const asking = isTimer(fact) ? undefined : settle(live, draft, completed(live, draft, fact), reader);
    if (asking !== undefined) await asking;
  }
  let seen = live.inboxSeen; // what comes while something is awaited is for the next turn, and wakes the run if this one rests
  if (live.inbox.length > 0) await takeInbox(live, draft, reader);
  // What has come is not too late, however late it is looked at. A run that was suspended meanwhile is asked again when it goes on.
  if (draft.status === "Runnable" && facts.some(isTimer)) {
    for (const fact of facts) if (isTimer(fact)) await settle(live, draft, fact, reader);
    seen = live.inboxSeen;
    if (live.inbox.length > 0) await takeInbox(live, draft, reader);
  }
  if (draft.hasResumed && draft.status === "Runnable") await settle(live, draft, { kind: "resumed" }, reader);
  return draft.seal(seen);
}

const isTimer = ({ kind }: Fact): boolean => kind === "due" || kind === "expired";

/** What an event brought begins the run, once it fits the definition. */
async function admitted(live: LiveInstance): Promise<Fact> {
  try {
    const data = await validateStart(live.plan, live.state.data);
    return { kind: "begun", ...(data !== live.state.data && { data }) };
  } catch (thrown) {
    return { kind: "unfit", failure: describeFailure(thrown) };
  }
}

/** Decides one fact and everything that it asks; answers a promise only if the store must be read. */
function settle(live: LiveInstance, draft: Draft, fact: Fact, reader: Reader | undefined): Promise<void> | undefined {
  decide(draft, fact);
  for (let ask = draft.asks.shift(); ask !== undefined; ask = draft.asks.shift()) {
    const answered = answer(live, draft, ask, reader);
    if (answered === undefined) draft.more = true;
    else if (answered instanceof Promise) return answered.then((late) => settle(live, draft, late, reader));
    else decide(draft, answered);
  }
  return undefined;
}

/** A body's answer, with what its `output` makes of it on the data as last committed. */
export const withOutput = (live: LiveInstance, fact: BodyFact): Fact =>
  completed(live, new Draft(live.plan, live.state), fact);

/** A body's answer gets what its `output` makes of it, on the latest data. */
function completed(live: LiveInstance, draft: Draft, fact: Fact): Fact {
  if (fact.kind !== "succeeded" || fact.patched !== undefined || isUndo(draft, fact.path)) return fact;
  const { node } = draft.place(fact.path);
  if (node.output === undefined) return fact;
  try {
    const patched = patchedBy({ live, draft, path: fact.path }, node, fact.value?.get());
    return { ...fact, patched };
  } catch (thrown) {
    const { path, attempt, input, tookMs } = fact;
    const failure = mappingFailure(path, "output", thrown);
    return { kind: "failed", path, attempt, input, tookMs, failure, final: true, random: 0 };
  }
}

/** Requests are carried out, oldest first; then each waiting pointer takes the oldest event of its topic, unless the run rests. */
async function takeInbox(live: LiveInstance, draft: Draft, reader: Reader | undefined): Promise<void> {
  for (const row of live.inbox) {
    if (row.kind === "event" || draft.consume.includes(row.source)) continue;
    await settle(live, draft, requestOf(row, row.kind), reader);
  }
  for (let taken = true; taken && draft.status === "Runnable";) {
    taken = false;
    for (const row of live.inbox) {
      const { topic } = row;
      if (row.kind !== "event" || topic === null || draft.consume.includes(row.source)) continue;
      const path = waitingFor(draft, topic);
      if (path === undefined) continue;
      await settle(live, draft, await eventFact(live, draft, path, { ...row, topic }), reader);
      taken = true;
    }
  }
}

/**
 * Requests to an instance of which this host does not have the definition, oldest first. Undoing needs it, so that, and what was asked
 * for behind it, is left to a host that has it (`more`); but an end is an end.
 */
function carryOut(live: LiveInstance, draft: Draft, facts: readonly Fact[]): Decision {
  for (const fact of facts) if (fact.kind === "poison" || fact.kind === "corrupt") decide(draft, fact);
  for (const row of live.inbox) {
    if (row.kind === "compensate" && !draft.isUnreadable) draft.more = true;
    if (row.kind !== "event" && (!draft.more || row.kind === "terminate")) decide(draft, requestOf(row, row.kind));
  }
  return draft.seal(live.inboxSeen);
}

const requestOf = ({ source, payload }: InboxRow, request: RequestKind): Fact => ({
  kind: "request",
  request,
  source,
  reason: reasonOf(payload),
});

function reasonOf(payload: unknown): string | null {
  if (typeof payload !== "object" || payload === null || !("reason" in payload)) return null;
  return typeof payload.reason === "string" ? payload.reason : null;
}

/** The one that has waited longest; a frontier that was stored does not keep the order of its pointers. */
function waitingFor(draft: Draft, topic: string): string | undefined {
  let oldest: { readonly path: string; readonly ready: number } | undefined;
  for (const [path, { event, ready = 0 }] of draft.pointers) {
    if (event === undefined || topicOf(event.name, event.key) !== topic) continue;
    if (oldest === undefined || ready < oldest.ready) oldest = { path, ready };
  }
  return oldest?.path;
}

async function eventFact(
  live: LiveInstance,
  draft: Draft,
  path: string,
  row: InboxRow & { readonly topic: string },
): Promise<Fact> {
  const { source, topic, heard } = row;
  const { node } = draft.place(path);
  const stored = storedFromJson(row.payload === undefined ? null : row.payload);
  let value: typeof stored;
  try {
    value = node.kind === "wait" || node.kind === "cancelWhen" ? await validateEvent(live.plan, node, stored) : stored;
  } catch (thrown) {
    return { kind: "event-refused", path, source, failure: describeFailure(thrown, path) };
  }
  try {
    return {
      kind: "event",
      path,
      source,
      topic,
      heard,
      value,
      patched: patchedBy({ live, draft, path }, node, value.get()),
    };
  } catch (thrown) {
    const failure = mappingFailure(path, "output", thrown);
    return { kind: "answered", ask: "failed", path, failure, source } satisfies AnswerFact;
  }
}

/** The run was asked to end otherwise: the bodies that answered count as cut off, and what they did as in doubt. */
export const isTooLateToEnd = (live: LiveInstance, { state }: Decision): boolean =>
  live.mustEnd && isTerminal(state.status);

// ── from a decision to the transition that commits it ────────────────────────────────────────────────────────────────────

/** What a transition does with the ownership, beyond what was decided. */
export interface Stance {
  readonly buckets: number;
  /** The node gives the instance away. */
  readonly isLeaving: boolean;
  /** Bodies run whose answers are not among these facts. */
  readonly isBusy: boolean;
  /** The transition only marks that the bodies of a suspect instance begin. */
  readonly lane?: boolean;
  /** For a timer that is due within so many milliseconds of `now`, by the database's clock, the instance stays in memory. */
  readonly patience?: { readonly ms: number; readonly now: number };
}

export function transitionOf(live: LiveInstance, decision: Decision, stance: Stance): Transition {
  const { state } = decision;
  return {
    bucket: live.bucket,
    id: live.id,
    owner: live.owner,
    epoch: live.epoch,
    revision: live.revision,
    status: state.status,
    data: decision.dataChanged ? state.data.json : null,
    frontier: live.unreadable?.frontier ?? JSON.stringify(state.frontier),
    result: state.result?.json ?? null,
    failure: state.failure === undefined ? null : JSON.stringify(state.failure),
    reason: state.reason ?? null,
    ...(live.plan.isUnknown ? { release: leftTo(decision), ...noTimers } : restOf(decision, stance)),
    inboxSeen: decision.inboxSeen,
    lane: stance.lane ?? false,
    pointers: decision.pointers,
    history: decision.history,
    subscribe: decision.subscribe.map((row) => ({ ...row, bucket: bucketOf(row.topic, stance.buckets) })),
    unsubscribe: decision.unsubscribe.map((row) => ({ ...row, bucket: bucketOf(row.topic, stance.buckets) })),
    consume: decision.consume,
    prune: decision.prune,
  };
}

type Timers = Pick<Transition, "dueIn" | "dueAt">;

const noTimers: Timers = { dueIn: null, dueAt: null };

/** Who does not have the definition keeps nothing, and leaves to others what may have to be done. */
function leftTo({ state, more }: Decision): Transition["release"] {
  if (isTerminal(state.status)) return "end";
  return state.status === "Suspended" && !more ? "halt" : "yield";
}

/** What becomes of the ownership, and until when. */
function restOf(decision: Decision, stance: Stance): Pick<Transition, "release"> & Timers {
  const { status } = decision.state;
  if (isTerminal(status)) return { release: "end", ...noTimers };
  if (stance.isBusy) return { release: "keep", ...noTimers };
  if (status === "Suspended") return { release: "halt", ...noTimers };
  if (decision.more || hasReady(decision.state.frontier))
    return { release: stance.isLeaving ? "yield" : "keep", ...noTimers };
  const timers = timersOf(decision);
  return { release: staysFor(timers, decision, stance) ? "keep" : "park", ...timers };
}

/** Only for timers: what waits for an event may be woken from anywhere, at any time. */
function staysFor({ dueIn, dueAt }: Timers, decision: Decision, { patience, isLeaving }: Stance): boolean {
  if (patience === undefined || isLeaving) return false;
  for (const { event } of Object.values(decision.state.frontier.pointers)) if (event !== undefined) return false;
  return Math.min(dueIn ?? Infinity, (dueAt ?? Infinity) - patience.now) <= patience.ms;
}

/** The earliest timers: those that this transition sets, and older ones. */
function timersOf(decision: Decision): Timers {
  let dueIn: number | null = null;
  let dueAt: number | null = null;
  const { pointers, deadline } = decision.state.frontier;
  for (const pointer of [...Object.values(pointers), ...(deadline === undefined ? [] : [deadline])]) {
    if (pointer.dueIn !== undefined) dueIn = Math.min(dueIn ?? Infinity, pointer.dueIn);
    if (pointer.due !== undefined) dueAt = Math.min(dueAt ?? Infinity, pointer.due);
  }
  return { dueIn, dueAt };
}
