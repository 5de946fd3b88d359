import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineNode } from "../../src/host/engine-node.ts";
import { type Departure, Starter } from "../../src/host/starter.ts";
import { systemEnvironment } from "../../src/models/environment.ts";
import { PersistenceError } from "../../src/models/errors-storage.ts";
import { Notices } from "../../src/telemetry/notices.ts";

test("starts of one key that have waited behind others as long as anybody waits, wait no longer", async () => {
  let now = 0;
  const env = systemEnvironment({ monotonic: () => now });
  const starter = new Starter(new Notices(env.logger), env);
  const rejects: ((error: Error) => void)[] = [];
  const start = (): Promise<never> => new Promise((_, reject) => rejects.push(reject));
  const node = { claimSlot: () => false, committer: { start } } as unknown as EngineNode;
  const departure = { row: { id: "one" }, key: "k" } as unknown as Departure;
  const send = (): Promise<unknown> =>
    starter
      .send(departure, () => node)
      .then(
        () => "started",
        (error: unknown) => error,
      );
  const lost = new PersistenceError("no answer", "transient");
  const early = [send(), send(), send()];
  now += 20_000;
  const late = send();
  now += 10_000;
  rejects[0]?.(lost);
  assert.deepEqual(await Promise.all(early), [lost, lost, lost]);
  assert.equal(rejects.length, 2, "only the late one was sent");
  rejects[1]?.(new PersistenceError("refused", "invalid"));
  assert.match(String(await late), /refused/);
});
