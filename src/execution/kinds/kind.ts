import type { Node, NodeKind } from "../../models/definition.ts";
import type { Failure } from "../../models/failure.ts";
import type { Draft } from "../draft.ts";
import type { AnswerFact, EventFact } from "../facts.ts";

/** The rules of one kind of step, each told of what concerns it. */
export interface Kind<N extends Node> {
  /** A pointer at this step becomes active. */
  enter(draft: Draft, path: string, node: N): void;
  /** What was asked is known. */
  answered?(draft: Draft, path: string, node: N, answer: AnswerFact): void;
  /** The timer of a sleeping or waiting pointer is due. */
  due?(draft: Draft, path: string, node: N): void;
  /** The last step of an inner block is done. */
  blockDone?(draft: Draft, path: string, node: N, block: string): void;
  /** All children are done: their values are to be collected. */
  join?(draft: Draft, path: string, node: N): void;
  /** An event has reached a pointer that waits for it. */
  event?(draft: Draft, path: string, node: N, fact: EventFact): void;
  /** A step in one of its blocks has failed for good, and it bears that. */
  caught?(draft: Draft, path: string, node: N, what: Caught): void;
  /** Children may wait for admission. */
  admit?(draft: Draft, path: string, node: N): void;
}

/** A failure, and the block of the container in which it happened. */
export interface Caught {
  readonly block: string;
  readonly failure: Failure;
}

export type NodeOf<K extends NodeKind> = Extract<Node, { readonly kind: K }>;
