import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { PermanentError, type StepContext } from "workflow-core";

/** Stands in for what is not in this process: a carrier, a bank, a reviewer, a mail service. */
export const outsideWorld = {
  /** How long a call takes, in milliseconds, on average. */
  paceMs: 40,
};

type Service = "bank" | "carrier" | "mail service" | "reviewer" | "warehouse";

/** A call that takes its time, and now and then fails. Real code would hand `idempotencyKey` to the service. */
export async function call(service: Service, { idempotencyKey, attempt, signal }: StepContext): Promise<void> {
  const spread = 0.5 + dice(`${service} takes ${idempotencyKey}`);
  await sleep(outsideWorld.paceMs * spread, undefined, { signal });
  failAtTimes(service, { idempotencyKey, attempt });
}

/**
 * One call in twelve or so fails at its first attempt, some of them at the second too, and none at the third. A hash decides, not
 * chance: the same order meets the same trouble in each run of this example.
 */
export function failAtTimes(
  service: Service,
  { idempotencyKey, attempt }: Pick<StepContext, "idempotencyKey" | "attempt">,
): void {
  const luck = dice(`${service} fails ${idempotencyKey}`);
  if ((attempt === 1 && luck < 0.08) || (attempt === 2 && luck < 0.02)) throw new Error(`The ${service} is busy.`);
}

/** Some goods are gone for good. Trying again would not help, and the error says so. */
export function refuseSoldOut(sku: string): void {
  if (sku.startsWith("SOLD-OUT")) throw new PermanentError(`${sku} is sold out.`, { code: "SOLD_OUT" });
}

/** There are places where no carrier goes. */
export function refuseUndeliverable(address: string): void {
  if (/\batlantis$/i.test(address)) {
    throw new PermanentError(`No carrier delivers to ${address}.`, { code: "UNDELIVERABLE" });
  }
}

/** A number from 0 to 1 that depends on nothing but the text. */
const dice = (text: string): number => createHash("sha256").update(text).digest().readUInt32BE() / 2 ** 32;
