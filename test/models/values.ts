import fc from "fast-check";

/** Anything that a program may hand to the engine, storable or not. */
export const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withObjectString: true,
    withSparseArray: true,
    withTypedArray: true,
    withUnicodeString: true,
  }),
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, values: storableLeaves() }),
);

function storableLeaves(): fc.Arbitrary<unknown>[] {
  return [
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.bigInt(),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array(),
    fc.string().map((message) => Object.assign(new RangeError(message), { code: 7 })),
    fc.constantFrom(null, true, -0, undefined),
  ];
}

/** The value with those differences taken out that storing makes by design: null prototypes, undefined fields, -0, error classes. */
export function asReloaded(value: unknown): unknown {
  if (value === 0) return 0;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(asReloaded);
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [asReloaded(key), asReloaded(item)]));
  if (value instanceof Set) return new Set([...value].map(asReloaded));
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (value instanceof Error)
    return { name: value.name, message: value.message, stack: value.stack, cause: value.cause };
  if (value instanceof Date) return value;
  const copy = {};
  for (const [key, field] of Object.entries(value)) {
    if (field === undefined) continue;
    Object.defineProperty(copy, key, {
      value: asReloaded(field),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return copy;
}

export function isDeeplyFrozen(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen);
}
