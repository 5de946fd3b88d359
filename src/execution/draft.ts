import type { Failure } from "../models/failure.ts";
import type {
  ActivePointer,
  Deadline,
  DoubtfulStep,
  Frontier,
  OpenScope,
  Rollback,
  StackHead,
} from "../models/frontier.ts";
import { CorruptStateError } from "../models/errors-values.ts";
import { isTerminal, statusAfter, type StatusMoveName, type WorkflowStatus } from "../models/instance.ts";
import { maxDescriptionBytes, maxStructuralMoves, maxTransitionBytes } from "../models/limits.ts";
import { blockOf, childOf, isInside, staticPath } from "../models/path.ts";
import type { StoredValue } from "../models/stored-value.ts";
import { cutToBytes } from "../models/text.ts";
import type { HistoryRow, PointerRow, PrunedLap } from "../models/transition.ts";
import type { Ask } from "./facts.ts";
import { type Place, placeOf, type Plan } from "./plan.ts";
import type { Decision, Held, InstanceState, Subscribed, Unsubscribed } from "./state.ts";

/** A structural move that is still to be made. */
export type Move =
  | { readonly kind: "enter"; readonly path: string }
  | { readonly kind: "leave"; readonly path: string }
  | { readonly kind: "close"; readonly path: string }
  | { readonly kind: "admit"; readonly path: string }
  | { readonly kind: "join"; readonly path: string }
  | { readonly kind: "unwind"; readonly path: string }
  | { readonly kind: "caught"; readonly path: string; readonly block: string; readonly failure: Failure };

/**
 * The working copy of one decision: a copy of the frontier that rules of `decide` change, and the rows that come of it.
 * Nothing outside sees it before it is sealed.
 */
export class Draft {
  readonly plan: Plan;
  readonly pointers: Map<string, ActivePointer>;
  readonly scopes: Map<string, OpenScope>;
  readonly kept: Map<string, Readonly<Record<string, string>>>;
  readonly heard: Map<string, number>;
  undo: StackHead | undefined;
  rollback: Rollback | undefined;
  deadline: Deadline | undefined;
  unchecked: boolean;
  seq: number;
  private readied: number;
  private standing: WorkflowStatus;
  data: StoredValue;
  dataChanged = false;
  result: StoredValue | undefined;
  failure: Failure | undefined;
  reason: string | undefined;

  readonly rows: PointerRow[] = [];
  readonly history: HistoryRow[] = [];
  readonly subscribe: Subscribed[] = [];
  readonly unsubscribe: Unsubscribed[] = [];
  readonly consume: string[] = [];
  readonly prune: PrunedLap[] = [];
  readonly closed: string[] = [];
  readonly cancelled: string[] = [];
  readonly asks: Ask[] = [];
  readonly moves: Move[] = [];
  /** Steps that failed in this decision and may have had their effect, until a rollback takes them over. */
  readonly doubts: DoubtfulStep[] = [];
  /** Children wait for admission that this transition had no room for. */
  more = false;
  /** It was asked to go on. */
  hasResumed = false;
  /** The stored state does not fit the definition: nothing can be done with it here. */
  isUnreadable = false;
  private readonly before: InstanceState;
  private valuesMade: Map<string, Held> | undefined;
  private itemsMade: Map<string, StoredValue> | undefined;
  private movesMade = 0;
  /** Characters of payload in its rows, about. */
  weight = 0;

  constructor(plan: Plan, before: InstanceState) {
    const { frontier } = before;
    this.before = before;
    this.plan = plan;
    this.pointers = new Map(Object.entries(frontier.pointers));
    this.scopes = new Map(frontier.scopes === undefined ? undefined : Object.entries(frontier.scopes));
    this.kept = new Map(frontier.kept === undefined ? undefined : Object.entries(frontier.kept));
    this.heard = new Map(frontier.heard === undefined ? undefined : Object.entries(frontier.heard));
    this.undo = frontier.undo;
    this.rollback = frontier.rollback;
    this.deadline = frontier.deadline;
    this.unchecked = frontier.unchecked ?? false;
    this.seq = frontier.seq ?? 0;
    this.readied = frontier.readied ?? 0;
    this.standing = before.status;
    this.data = before.data;
    this.result = before.result;
    this.failure = before.failure;
    this.reason = before.reason;
  }

  get status(): WorkflowStatus {
    return this.standing;
  }

  /** Made when first asked for, as the items are: most decisions need neither. */
  get values(): Map<string, Held> {
    return (this.valuesMade ??= new Map());
  }

  get items(): Map<string, StoredValue> {
    return (this.itemsMade ??= new Map());
  }

  /** The only way to another status. */
  become(move: StatusMoveName): void {
    const after = statusAfter(this.standing, move);
    if (after === undefined) throw new CorruptStateError("status", `"${move}" is no way out of ${this.standing}`);
    this.standing = after;
  }

  place(path: string): Place {
    return placeOf(this.plan, path);
  }

  /** Whether a body of the pointer may have begun: it does so only behind the commit that made it ready, and not without an input. */
  mayHaveBegun(path: string): boolean {
    const before = this.before.frontier.pointers[path];
    return before !== undefined && before.noInput !== true;
  }

  /** The number of the next step that becomes ready, of those that are numbered. */
  nextReady(): number {
    this.readied += 1;
    return this.readied;
  }

  /** Whether another pointer may be active beside one at this path. */
  isConcurrent(path: string): boolean {
    return this.plan.blocks.get(staticPath(blockOf(path)))?.concurrent ?? false;
  }

  /** Whether a step here takes the item of the innermost forEach when it has no `input`. */
  subjectIsItem(path: string): boolean {
    return this.plan.blocks.get(staticPath(blockOf(path)))?.iterates ?? false;
  }

  /** Goes to the first step of a block, or behind an empty one. */
  enterBlock(block: string): void {
    const first = this.plan.blocks.get(staticPath(block))?.nodes[0];
    if (first === undefined) this.moves.push({ kind: "close", path: block });
    else this.moves.push({ kind: "enter", path: childOf(block, first.name) });
  }

  get isOver(): boolean {
    return isTerminal(this.status);
  }

  /** The transition has made as many structural moves, or holds as much, as one may; the rest waits for the next. */
  get isFull(): boolean {
    return this.movesMade >= maxStructuralMoves || this.weight >= roomyBytes;
  }

  nextMove(): Move | undefined {
    this.movesMade += 1;
    return this.isOver ? undefined : this.moves.shift();
  }

  /** What is inside of a container that is cancelled is neither moved to nor answered any more. */
  dropAgenda(container: string): void {
    const stays = ({ path }: { readonly path: string }): boolean => !isInside(path, container);
    this.moves.splice(0, this.moves.length, ...this.moves.filter(stays));
    this.asks.splice(0, this.asks.length, ...this.asks.filter(stays));
  }

  setData(data: StoredValue): void {
    this.data = data;
    this.dataChanged = true;
  }

  keep(path: string, name: string | undefined): void {
    if (name === undefined) return;
    const block = blockOf(path);
    this.kept.set(block, { ...this.kept.get(block), [name]: path });
  }

  /** Notes up to which event of a topic all were given. What is forgotten again costs a later wait a longer look. */
  hear(topic: string, number: number): void {
    if (number <= (this.heard.get(topic) ?? 0)) return;
    this.heard.set(topic, number);
    if (this.heard.size <= topicsHeard) return;
    const oldest = Math.min(...this.heard.values());
    for (const [other, heard] of this.heard) if (heard === oldest) this.heard.delete(other);
  }

  scope(path: string): OpenScope {
    return this.scopes.get(path) ?? {};
  }

  /** What was decided, as plain data. `inboxSeen`: the number of the last inbox row that it was decided on. */
  seal(inboxSeen: number): Decision {
    return {
      state: {
        status: this.status,
        frontier: this.frontier(),
        data: this.data,
        ...(this.result !== undefined && { result: this.result }),
        ...(this.failure !== undefined && { failure: this.failure }),
        ...(this.reason !== undefined && { reason: cutToBytes(this.reason, maxDescriptionBytes) }),
      },
      dataChanged: this.dataChanged,
      pointers: this.rows,
      history: this.history,
      subscribe: this.subscribe,
      unsubscribe: this.unsubscribe,
      consume: this.consume,
      prune: this.prune,
      values: this.valuesMade ?? noValues,
      items: this.itemsMade ?? noItems,
      closed: this.closed,
      cancelled: this.cancelled,
      isIdle: this.isIdle,
      inboxSeen,
      more: this.more,
    };
  }

  private get isIdle(): boolean {
    const rows = this.rows.length + this.history.length + this.consume.length + this.subscribe.length;
    if (rows > 0 || this.dataChanged || this.more || this.status !== this.before.status) return false;
    const { pointers, scopes = {}, rollback, deadline } = this.before.frontier;
    if (this.deadline !== deadline) return false;
    return isSame(this.pointers, pointers) && isSame(this.scopes, scopes) && this.rollback === rollback;
  }

  private frontier(): Frontier {
    return {
      format: 1,
      ...(this.seq > 0 && { seq: this.seq }),
      ...(this.readied > 0 && { readied: this.readied }),
      pointers: Object.fromEntries(this.pointers),
      ...(this.scopes.size > 0 && { scopes: Object.fromEntries(this.scopes) }),
      ...(this.kept.size > 0 && { kept: Object.fromEntries(this.kept) }),
      ...(this.undo !== undefined && { undo: this.undo }),
      ...(this.rollback !== undefined && { rollback: this.rollback }),
      ...(this.deadline !== undefined && { deadline: this.deadline }),
      ...(this.heard.size > 0 && { heard: Object.fromEntries(this.heard) }),
      ...(this.unchecked && { unchecked: true }),
    };
  }
}

/** Of so many topics it is remembered, since it travels with the instance. */
const topicsHeard = 8;

const noValues: ReadonlyMap<string, Held> = new Map();
const noItems: ReadonlyMap<string, StoredValue> = new Map();

/** A transition that holds so much begins nothing more that can wait: what it has begun may still add to it. */
const roomyBytes = maxTransitionBytes / 8;

/** Whether a copy still holds the very same entries. */
const isSame = <T>(copy: ReadonlyMap<string, T>, original: Readonly<Record<string, T>>): boolean =>
  copy.size === Object.keys(original).length && [...copy].every(([key, value]) => original[key] === value);
