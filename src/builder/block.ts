import type { Failure } from "../models/failure.ts";

declare const block: unique symbol;

/** The names of a scope in which nothing has been kept. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- an object type without members is what is meant; it prints as {} in errors
export type Nothing = {};

/**
 * A finished block of steps, as a callback returns it. `L` is the value of the block: that of its last step, or what `returns`
 * says. `E` are the results with which a step inside it may end the whole run early.
 */
export interface Block<out L, out E> {
  /** Carries the types; there is no such property at run time. */
  readonly [block]: { readonly last: L; readonly end: E };
}

/** A block that ends the whole run: nothing can follow. */
export interface Ended<out E> extends Block<never, E> {
  readonly ended: true;
}

/** A block whose value is what `returns` says: nothing can follow in it. */
export interface Returned<out L, out E> extends Block<L, E> {
  readonly returned: true;
}

declare const label: unique symbol;

/** Names a loop or a block for `restart` and `leave`. Its callback is handed it, so only what is inside can use it. */
export interface Label {
  readonly [label]: true;
}

/** Any block. */
export type AnyBlock = Block<unknown, unknown>;

/** The results with which a block may end the run. */
export type EndOf<B> = B extends Block<unknown, infer E> ? E : never;

/** The value of a block. */
export type LastOf<B> = B extends Block<infer L, unknown> ? L : never;

/** What a wait yields when its time is over: nothing if the branch for that ends the run, else a value is missing. */
export type Late<B> = B extends Ended<unknown> ? never : undefined;

/** The values of named branches, by name. */
export type Values<B> = {
  readonly [Name in keyof B]: B[Name] extends (...args: never) => Block<infer L, unknown> ? L : never;
} & Nothing;

/** Which branch of a race was first, and its value. */
export type Winner<V> = { [Name in keyof V]: { readonly winner: Name; readonly value: V[Name] } }[keyof V];

/** How a child ended that was not waited for at any price: `unfinished` when the others were joined. */
export type Joined<L> =
  | { readonly status: "done"; readonly value: L }
  | { readonly status: "failed"; readonly failure: Failure }
  | { readonly status: "unfinished" };

/** Values of children as they are, if all of them must succeed; else with how each of them ended. */
export type JoinedValues<V, J, X> = [J] extends ["all"]
  ? [X] extends [never]
    ? V
    : { [Name in keyof V]: Joined<V[Name]> }
  : { [Name in keyof V]: Joined<V[Name]> };

/** A child's value in an array, which can hold no `undefined`: `null` stands for that. */
export type Listed<L> = undefined extends L ? Exclude<L, undefined | void> | null : L;

/** As `JoinedValues`, in the order of the items. */
export type ItemValues<L, J, X> = [J] extends ["all"] ? ([X] extends [never] ? Listed<L>[] : Joined<L>[]) : Joined<L>[];

/** The results with which any of the named branches may end the run. */
export type Ends<B> = {
  [Name in keyof B]: B[Name] extends (...args: never) => Block<unknown, infer E> ? E : never;
}[keyof B];

/** Names readable inside a container: those outside, with the container's own in front. */
export type Inside<K, Own> = {
  readonly [P in keyof K | keyof Own]: P extends keyof Own ? Own[P] : P extends keyof K ? K[P] : never;
};

/** The scope with one more name, if one is given. An intersection on purpose: a mapped type ends in TS2589 near the 99th name. */
export type Keep<K, N extends string, R> = [N] extends [never] ? K : K & { readonly [P in N]: R };
