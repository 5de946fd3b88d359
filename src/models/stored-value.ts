import { utf8Bytes } from "./text.ts";
import { readTree } from "./value-reader.ts";

/** A value as it is stored, and as a reload from the database would give it. */
export interface StoredValue {
  /** Canonical JSON text, to be sent as jsonb. */
  readonly json: string;
  /** The same as a frozen tree, for putting into a larger document (the frontier). */
  readonly tree: unknown;
  /** Bytes of the JSON in UTF-8. */
  readonly bytes: number;
  /**
   * The value, deeply frozen: always the same one, unless it holds what cannot be frozen (Date, Map, Set, bytes, Error): then a
   * fresh one for each call. Throws `CorruptStateError` if the tree came from the database and is damaged.
   */
  get(): unknown;
}

/** Wraps a tree that came from the database (JSON, parsed); it is read at the first `get()`. The tree becomes the wrapper's. */
export const storedFromJson = (tree: unknown): StoredValue => new TreeValue(tree, undefined, false);

/** For the codec: a tree just written, frozen, with its text. `isPlain`: the tree is the value. */
export const storedFromTree = (tree: unknown, json: string, isPlain: boolean): StoredValue =>
  new TreeValue(tree, json, isPlain);

/** The path of the step whose value a container has as its own: containers store that in place of a copy. */
export const aliasOf = (outcome: unknown): string | undefined =>
  typeof outcome === "object" && outcome !== null && "$wf:at" in outcome ? String(outcome["$wf:at"]) : undefined;

/** `plain`: the tree is the value. `shared`: `value` is the value, for everybody. `fresh`: each reader gets their own. */
type Access = "unread" | "plain" | "shared" | "fresh";

class TreeValue implements StoredValue {
  private readonly stored: unknown;
  private text: string | undefined;
  private access: Access;
  private value: unknown;

  constructor(tree: unknown, text: string | undefined, isPlain: boolean) {
    this.stored = tree;
    this.text = text;
    this.access = isPlain ? "plain" : "unread";
    this.value = undefined;
  }

  get tree(): unknown {
    if (this.access === "unread") this.get(); // freezes it
    return this.stored;
  }

  get json(): string {
    return (this.text ??= JSON.stringify(this.stored));
  }

  get bytes(): number {
    return utf8Bytes(this.json);
  }

  get(): unknown {
    if (this.access === "plain") return this.stored;
    if (this.access === "shared") return this.value;
    const { value, mutable } = readTree(this.stored);
    this.access = mutable ? "fresh" : value === this.stored ? "plain" : "shared";
    if (this.access === "shared") this.value = value;
    return value;
  }
}
