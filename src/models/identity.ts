import { hash } from "node:crypto";
import type { Environment } from "./environment.ts";
import { InvalidNameError } from "./errors-values.ts";
import { maxNameBytes } from "./limits.ts";
import { isStorableText, utf8Bytes } from "./text.ts";

const hexOfByte: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const hex = (byte: number | undefined): string => hexOfByte[byte ?? 0] ?? "00";

const poolBytes = 4096;
const idBytes = 10;

/** Per environment, so that a simulated node draws the same ids from the same seed. */
interface IdSource {
  pool: Uint8Array;
  used: number;
  ms: number;
  /** The 12 bits behind the version digit: a counter within the millisecond. */
  counter: number;
  /** `xxxxxxxx-xxxx-7` of `ms`. */
  prefix: string;
}

const sources = new WeakMap<Environment, IdSource>();
let lastEnv: Environment | undefined;
let lastSource: IdSource | undefined;

/** A UUIDv7 in lower case: later ids of one process are greater, also when its clock steps back. Not a credential. */
export function newInstanceId(env: Environment): string {
  const source = env === lastEnv && lastSource !== undefined ? lastSource : sourceOf(env);
  if (source.used + idBytes > source.pool.length) {
    source.pool = env.randomBytes(poolBytes);
    source.used = 0;
  }
  const { pool, used } = source;
  source.used = used + idBytes;
  advance(source, Math.floor(env.now()), (((pool[used] ?? 0) << 8) | (pool[used + 1] ?? 0)) & 0x7ff);
  const counter = source.counter;
  return (
    `${source.prefix}${hex(counter >> 4)[0]}${hex(counter & 0xff)}-` +
    `${hex(0x80 | ((pool[used + 2] ?? 0) & 0x3f))}${hex(pool[used + 3])}-` +
    `${hex(pool[used + 4])}${hex(pool[used + 5])}${hex(pool[used + 6])}` +
    `${hex(pool[used + 7])}${hex(pool[used + 8])}${hex(pool[used + 9])}`
  );
}

/**
 * A UUIDv8 that depends on nothing but its parts: SHA-256 over each part with its length before it. For starts and publishes
 * that must hold once under a caller's key: `keyedId("start", workflowId, key)`. This rule is for ever.
 */
export function keyedId(kind: string, ...parts: readonly string[]): string {
  let text = `${utf8Bytes(kind)}:${kind}`;
  for (const part of parts) text += `${utf8Bytes(part)}:${part}`;
  const digest = hash("sha256", text, "hex");
  const variant = "89ab"[Number.parseInt(digest.slice(16, 17), 16) & 3] ?? "8";
  return (
    `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-` +
    `${variant}${digest.slice(17, 20)}-${digest.slice(20, 32)}`
  );
}

/** The uuid-shaped name of what subscribers and publishers meet at: event name and key. A null key is not the empty one. */
export const topicOf = (name: string, key: string | null): string =>
  key === null ? keyedId("topic", name) : keyedId("topic", name, key);

/** The bucket of an id: its last eight hexadecimal digits modulo the number of buckets. This rule is for ever. */
export const bucketOf = (uuid: string, buckets: number): number => Number.parseInt(uuid.slice(-8), 16) % buckets;

/** The one order in which rows are locked: by bucket, then by id. For `sort`. */
export const inLockOrder = (a: Placed, b: Placed): number => a.bucket - b.bucket || (a.id < b.id ? -1 : 1);

interface Placed {
  readonly bucket: number;
  readonly id: string;
}

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether this is a UUID of any version, in either case. */
export const isUuid = (value: unknown): value is string =>
  typeof value === "string" && value.length === 36 && uuidForm.test(value);

/** The id in lower case, as the database prints it. Throws `InvalidNameError` if it is none. */
export function parseUuid(value: unknown, what = "instance id"): string {
  if (!isUuid(value)) throw new InvalidNameError(what, value, "is not a UUID");
  return value.toLowerCase();
}

/** Lets a name or key pass: a text of 1 to 512 UTF-8 bytes that PostgreSQL can store and that no space begins or ends. */
export function checkName(value: unknown, what: string): string {
  if (typeof value !== "string") throw new InvalidNameError(what, value, "must be a text");
  if (value === "") throw new InvalidNameError(what, value, "must not be empty");
  if (value.length > maxNameBytes || utf8Bytes(value) > maxNameBytes) {
    throw new InvalidNameError(what, value, `must not take more than ${maxNameBytes} bytes`);
  }
  if (!isStorableText(value)) {
    throw new InvalidNameError(what, value, "must not hold a NUL or half of a surrogate pair");
  }
  if (value.trim() !== value) throw new InvalidNameError(what, value, "must not begin or end with white space");
  return value;
}

/** Lets a step's name pass: a name without `/`, `[`, `]` and `#`, which build the paths of pointers. */
export function checkStepName(value: unknown, what = "step name"): string {
  const name = checkName(value, what);
  if (/[/[\]#]/.test(name)) throw new InvalidNameError(what, value, "must not hold any of / [ ] #");
  return name;
}

const schemaForm = /^[a-z_][a-z0-9_]{0,47}$/;

/** Lets the name of a database schema pass: 1 to 48 of a-z, 0-9 and _, no digit first, none that PostgreSQL keeps for itself. */
export function checkSchemaName(value: unknown): string {
  if (typeof value !== "string" || !schemaForm.test(value)) {
    throw new InvalidNameError("schema", value, "must be 1 to 48 of a-z, 0-9 and _, and not begin with a digit");
  }
  if (value.startsWith("pg_") || value === "information_schema") {
    throw new InvalidNameError("schema", value, "is kept by PostgreSQL for itself");
  }
  return value;
}

function sourceOf(env: Environment): IdSource {
  let source = sources.get(env);
  if (source === undefined) {
    source = { pool: new Uint8Array(0), used: 0, ms: -1, counter: 0, prefix: "" };
    sources.set(env, source);
  }
  lastEnv = env;
  lastSource = source;
  return source;
}

/** Moves to this millisecond with a fresh counter, or counts on within the last one; 4,096 ids later that one is over too. */
function advance(source: IdSource, ms: number, fresh: number): void {
  if (ms > source.ms) {
    source.ms = ms;
    source.counter = fresh;
  } else if (source.counter < 0xfff) {
    source.counter += 1;
    return;
  } else {
    source.ms += 1;
    source.counter = fresh;
  }
  const digits = source.ms.toString(16).padStart(12, "0");
  source.prefix = `${digits.slice(0, 8)}-${digits.slice(8)}-7`;
}
