import { types } from "node:util";
import { shorten } from "./text.ts";

/** Whether the value has fields: an object, and no array. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether it is an object of fields: neither an array nor a Map, Set, Date and their like, which spread into an object leave nothing. */
export const hasFields = (value: unknown): value is object =>
  Object.prototype.toString.call(value) === "[object Object]";

/** Whether an object has symbols for keys, hidden ones aside. */
export function hasSymbols(value: object): boolean {
  const symbols = Object.getOwnPropertySymbols(value);
  return symbols.length > 0 && symbols.some((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol));
}

/** Whether the value is a direct instance of a built-in class, of this realm or of another (a `vm` context, a test runner). */
export function isBuiltIn(value: object, prototype: object, name: string): boolean {
  return Object.getPrototypeOf(value) === prototype || nameOfClass(value) === name;
}

/** Whether a prototype is the Object.prototype of another realm. */
export const isForeignObject = (prototype: unknown): boolean =>
  typeof prototype === "object" &&
  prototype !== null &&
  Object.getPrototypeOf(prototype) === null &&
  Object.hasOwn(prototype, "constructor") &&
  prototype.constructor.name === "Object";

/** The name of the class that made the value; empty if it has none. */
export const nameOfClass = (value: object): string => {
  const maker: unknown = value.constructor;
  return typeof maker === "function" && typeof maker.name === "string" ? shorten(maker.name, 60) : "";
};

/** What a class instance is refused as. */
export function describeInstance(value: object): string {
  if (types.isPromise(value)) return "a promise: await it first";
  const name = nameOfClass(value);
  return `an instance of ${name === "" ? "a class" : name}: store a plain object of what it holds`;
}
