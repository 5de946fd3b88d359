import type { Failure } from "../models/failure.ts";
import type { Below } from "../models/frontier.ts";
import type { RequestKind } from "../models/instance.ts";
import type { StoredValue } from "../models/stored-value.ts";

/** What a turn tells `decide`. */
export type Fact =
  /** The instance is new: nothing has run yet. `data`: what the schemas made of the payload that started it. */
  | { readonly kind: "begun"; readonly data?: StoredValue }
  /** The payload that started the instance does not fit its definition. */
  | { readonly kind: "unfit"; readonly failure: Failure }
  /** Go on with what a transition had no room for, and with what a claim finds unanswered. */
  | { readonly kind: "continue" }
  | BodyFact
  | AnswerFact
  /** The timer of a sleeping or waiting pointer that was set for `due` is due by the database's clock. */
  | { readonly kind: "due"; readonly path: string; readonly due: number }
  /** The run's own time is over by the database's clock. */
  | { readonly kind: "expired" }
  | EventFact
  /** An event cannot be consumed (its data does not validate); it is set aside. */
  | { readonly kind: "event-refused"; readonly path: string; readonly source: string; readonly failure: Failure }
  | RequestFact
  /** Bodies run long, or are about to run in a suspect instance: rows of theirs say so. */
  | { readonly kind: "marked"; readonly paths: readonly string[] }
  /** The stored state cannot be acted on. */
  | { readonly kind: "corrupt"; readonly failure: Failure }
  /** The run goes on, and what came meanwhile has been taken. */
  | { readonly kind: "resumed" }
  /** The owner died too often in this instance's bodies. */
  | { readonly kind: "poison" };

/** An event reached this instance; the oldest pointer that waits for its topic takes it. */
export interface EventFact {
  readonly kind: "event";
  readonly path: string;
  readonly source: string;
  readonly topic: string;
  /** All events of the topic that are numbered up to here were given to the instance. */
  readonly heard: number;
  readonly value: StoredValue;
  readonly patched: Patched | undefined;
}

/** What a body answered. */
export type BodyFact = BodyFacts &
  (
    | { readonly kind: "succeeded"; readonly value: StoredValue | undefined; readonly patched: Patched | undefined }
    | { readonly kind: "failed"; readonly failure: Failure; readonly random: number; readonly final: boolean }
    | { readonly kind: "slept"; readonly delayMs: number; readonly persistence: unknown }
  );

export interface BodyFacts {
  readonly path: string;
  readonly attempt: number;
  /** What the body was given; undefined if it could not be evaluated. */
  readonly input: StoredValue | undefined;
  readonly tookMs: number;
}

/** What an `output` or `set` changed, and the data with it. */
export interface Patched {
  readonly patch: StoredValue;
  readonly data: StoredValue;
}

export interface RequestFact {
  readonly kind: "request";
  readonly request: RequestKind;
  readonly source: string;
  readonly reason: string | null;
}

/** What `decide` must know before it can go on: the answer of an author's function, or values that have left memory. */
export type Ask =
  | { readonly kind: "input"; readonly path: string }
  | { readonly kind: "condition"; readonly path: string }
  | { readonly kind: "outcome"; readonly path: string }
  | { readonly kind: "items"; readonly path: string }
  | { readonly kind: "key"; readonly path: string }
  | { readonly kind: "duration"; readonly path: string }
  | { readonly kind: "instant"; readonly path: string }
  | { readonly kind: "patch"; readonly path: string }
  | { readonly kind: "value"; readonly path: string }
  /** The value of a container from the values of its children, by the path that holds each; then its output. */
  | { readonly kind: "collect"; readonly path: string; readonly children: readonly Child[] }
  /** What lies below a compensable pointer on its stack. */
  | { readonly kind: "unstack"; readonly path: string };

/** `name` is the branch of a parallel; iterations have none. `from` is the last pointer of the child's block, if it has one. */
export interface Child {
  readonly name: string | undefined;
  readonly from: string | undefined;
  /** Where it stands how the child ended, if a policy joins it. */
  readonly mark?: string;
}

export type AnswerFact =
  | { readonly kind: "answered"; readonly ask: "input"; readonly path: string; readonly value: StoredValue }
  | { readonly kind: "answered"; readonly ask: "condition"; readonly path: string; readonly value: boolean }
  | { readonly kind: "answered"; readonly ask: "outcome"; readonly path: string; readonly outcome: string }
  | {
      readonly kind: "answered";
      readonly ask: "items";
      readonly path: string;
      readonly items: StoredValue;
      readonly count: number;
    }
  | { readonly kind: "answered"; readonly ask: "key"; readonly path: string; readonly key: string }
  | { readonly kind: "answered"; readonly ask: "duration"; readonly path: string; readonly delayMs: number }
  | { readonly kind: "answered"; readonly ask: "instant"; readonly path: string; readonly at: number }
  | { readonly kind: "answered"; readonly ask: "patch"; readonly path: string; readonly patched: Patched }
  | { readonly kind: "answered"; readonly ask: "value"; readonly path: string; readonly value: StoredValue }
  | {
      readonly kind: "answered";
      readonly ask: "collect";
      readonly path: string;
      readonly value: StoredValue | undefined;
      readonly patched: Patched | undefined;
    }
  | {
      readonly kind: "answered";
      readonly ask: "unstack";
      readonly path: string;
      readonly found: Below;
    }
  /** The author's function threw, answered a promise, or answered something that cannot be used; for an event, which is taken all the same. */
  | {
      readonly kind: "answered";
      readonly ask: "failed";
      readonly path: string;
      readonly failure: Failure;
      readonly source?: string;
    };
