import type { Environment } from "../../models/environment.ts";
import type { Database, Statement } from "../database.ts";
import type { Wake, WakeBus } from "../provider.ts";
import type { Tables } from "./tables.ts";

/** PostgreSQL takes less than 8,000 bytes. */
const longestPayload = 7900;
const idsPerWake = 180;
const selfTestMs = 2000;

/** Hints over LISTEN and NOTIFY. Every loss is allowed; what is not a hint of this engine is ignored. */
export class NotifyWakeBus implements WakeBus {
  private readonly database: Database;
  private readonly env: Environment;
  private readonly channel: string;

  constructor(database: Database, tables: Tables, env: Environment) {
    this.database = database;
    this.env = env;
    this.channel = channelOf(tables);
  }

  async listen(heard: (wake: Wake) => void, signal?: AbortSignal): Promise<boolean> {
    const token = `test:${this.env.uuid()}`;
    const done = new AbortController();
    let passed = false;
    const unlisten = await this.database.listen(this.channel, {
      heard: (payload) => {
        if (payload === token) {
          passed = true;
          done.abort();
          return;
        }
        for (const wake of readWakes(payload)) heard(wake);
      },
      back: () => heard({ kind: "gap" }),
    });
    const leave = (): void => {
      done.abort(); // nothing is heard any more, so nothing is waited for
      void unlisten().catch(() => undefined);
    };
    if (signal?.aborted) {
      await unlisten();
      return false;
    }
    signal?.addEventListener("abort", leave, { once: true });
    await this.notify([token]);
    if (!passed) await this.env.sleep(selfTestMs, done.signal);
    return passed;
  }

  async send(wakes: readonly Wake[]): Promise<void> {
    if (wakes.length > 0) await this.notify(payloadsOf(wakes));
  }

  private async notify(payloads: readonly string[]): Promise<void> {
    await this.database.hot(notifyStatement(this.channel, payloads));
  }
}

export const channelOf = (tables: Tables): string => `workflow:${tables.schema}`;

export const notifyStatement = (channel: string, payloads: readonly string[]): Statement => ({
  name: "wake-notify",
  text: "select pg_notify($1, payload) from unnest($2::text[]) as payload",
  values: [channel, payloads],
});

/** As few payloads as hold all wakes. */
export function payloadsOf(wakes: readonly Wake[]): readonly string[] {
  const payloads: string[] = [];
  let open = "";
  for (const json of wakes.flatMap(pieces).map((wake) => JSON.stringify(wake))) {
    if (open !== "" && Buffer.byteLength(open) + Buffer.byteLength(json) + 3 > longestPayload) {
      payloads.push(`[${open}]`);
      open = "";
    }
    open = open === "" ? json : `${open},${json}`;
  }
  return open === "" ? payloads : [...payloads, `[${open}]`];
}

function pieces(wake: Wake): readonly Wake[] {
  if (wake.kind !== "ended" || wake.ids.length <= idsPerWake) return [wake];
  const parts: Wake[] = [];
  for (let from = 0; from < wake.ids.length; from += idsPerWake) {
    parts.push({ kind: "ended", ids: wake.ids.slice(from, from + idsPerWake) });
  }
  return parts;
}

/** Anybody may notify on this channel, so nothing is believed that does not read like a wake. */
export function readWakes(payload: string): readonly Wake[] {
  if (!payload.startsWith("[")) return [];
  try {
    const read: unknown = JSON.parse(payload);
    return Array.isArray(read) ? read.filter(isWake) : [];
  } catch {
    return [];
  }
}

function isWake(value: unknown): value is Wake {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  switch (value.kind) {
    case "due":
    case "left":
    case "events":
      return true;
    case "inbox":
      return "owner" in value && typeof value.owner === "string";
    case "ended":
      return "ids" in value && Array.isArray(value.ids) && value.ids.every((id) => typeof id === "string");
    default:
      return false;
  }
}
