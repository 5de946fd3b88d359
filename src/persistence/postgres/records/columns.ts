import { toMs } from "../tables.ts";

/** A timestamptz in microseconds since the epoch, as digits: exactly, for places in listings. */
export const toMicros = (expression: string): string => `((extract(epoch from ${expression}) * 1000000)::bigint)::text`;

/** The timestamptz of a parameter in such microseconds. */
export const fromMicros = (parameter: string): string =>
  `(timestamptz 'epoch' + ${parameter}::bigint * interval '1 microsecond')`;

/** The timestamptz of milliseconds since the epoch. */
export const fromMs = (expression: string): string => `to_timestamp(${expression} / 1000)`;

/** The columns of an instance's record, from a row under this alias. */
export const instanceColumns = (
  w: string,
): string => `${w}.bucket, ${w}.id, ${w}.definition, ${w}.version, ${w}.status, ${w}.owner,
      ${w}.revision, ${w}.data, ${w}.result, ${w}.failure, ${w}.reason, ${w}.description, ${w}.reference,
      ${w}.correlation_id as "correlationId", ${w}.tags, ${toMs(`${w}.created_at`)} as "createdAt",
      ${toMs(`greatest(${w}.turned_at, ${w}.touched_at)`)} as "turnedAt", ${toMs(`${w}.completed_at`)} as "completedAt",
      ${toMs(`${w}.due_at`)} as "dueAt", ${toMicros(`${w}.created_at`)} as at`;

/** The columns of a stored pointer's record. */
export const pointerColumns = (
  p: string,
): string => `${p}.path, ${p}.status, ${p}.seq, ${p}.attempts, ${toMs(`${p}.ended_at`)} as "endedAt",
      ${p}.took_ms as "tookMs", ${p}.input, ${p}.outcome, ${p}.failure`;

/** The columns of a stored event's record. */
export const eventColumns = (e: string): string => `${e}.bucket, ${e}.id, ${e}.name, ${e}.key, ${e}.data,
      ${toMs(`${e}.published_at`)} as "publishedAt", ${e}.processed_at is not null as processed, ${toMicros(`${e}.published_at`)} as at`;

/** Conditions with their values: what is not wanted does not stand in the statement. */
export class Conditions {
  readonly values: unknown[];
  private readonly parts: string[] = [];

  constructor(...values: readonly unknown[]) {
    this.values = [...values];
  }

  /** Adds a condition; `$` in it stands for the value. */
  add(condition: string, value: unknown): this {
    this.values.push(value);
    this.parts.push(condition.replaceAll("$", `$${this.values.length}`));
    return this;
  }

  /** Adds a condition if there is a value. */
  addIf(condition: string, value: unknown): this {
    return value === undefined ? this : this.add(condition, value);
  }

  /** Adds a value, and answers its parameter. */
  value(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  plain(condition: string): this {
    this.parts.push(condition);
    return this;
  }

  get text(): string {
    return this.parts.length === 0 ? "true" : this.parts.join(" and ");
  }
}
