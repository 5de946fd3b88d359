import assert from "node:assert/strict";
import { test } from "node:test";
import { PGlite } from "@electric-sql/pglite";
import fc from "fast-check";
import { encodeValue } from "../../src/models/codec.ts";
import { storedFromJson, type StoredValue } from "../../src/models/stored-value.ts";
import { anyValue } from "./values.ts";

test("what a body sees before the commit is what a reload from jsonb gives, order of keys included", async (t) => {
  const db = await PGlite.create();
  t.after(() => db.close());
  const stored = fc.sample(anyValue, { numRuns: 3000, seed: 1 }).flatMap(storable);
  stored.push(...fc.sample(keyed, { numRuns: 1000, seed: 1 }).flatMap(storable));
  assert.ok(stored.length > 1500, `only ${stored.length} values were storable`);

  const { rows } = await db.query<{ tree: string }>(
    "select v::jsonb::text as tree from unnest($1::text[]) with ordinality as u(v, n) order by n",
    [stored.map((value) => value.json)],
  );

  for (const [i, value] of stored.entries()) {
    const reloaded = storedFromJson(JSON.parse(rows[i]?.tree ?? ""));
    assert.equal(reloaded.json, value.json);
    assert.deepEqual(reloaded.get(), value.get());
  }
});

/** Keys whose order in UTF-8 is not their order in UTF-16, nor that of insertion. */
const keyed = fc.dictionary(
  fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("__proto__", "1", "02", "é", "\uffff", "😀", "$wf:x", "aa", "zzz"),
  ),
  fc.oneof(fc.integer(), fc.constantFrom(1e300, 5e-324, 1.5, -0, "")),
  { maxKeys: 12 },
);

function storable(value: unknown): StoredValue[] {
  try {
    return [encodeValue(value)];
  } catch {
    return [];
  }
}
