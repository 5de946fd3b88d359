import assert from "node:assert/strict";
import { before } from "node:test";
import { defineWorkflow, event, type Flow, type Schedule, type WorkflowHost } from "workflow-core";
import { z } from "zod";
import { eventually, onEveryClock, pause, test } from "../support/clocked-stores.ts";

interface Report {
  readonly name: string;
}

const hour = 3_600_000;
const day = 24 * hour;
const finished = event("finished");

const report = defineWorkflow({ id: "report", version: 1 }, (flow: Flow<Report>) => flow.returns(({ name }) => name));
const long = defineWorkflow({ id: "long", version: 1 }, (flow: Flow<Report>) =>
  flow.waitFor(finished, { key: ({ name }) => name }),
);
const checked = defineWorkflow({ id: "checked", version: 1, data: z.object({ size: z.number() }) }, (flow) =>
  flow.returns(({ size }) => size),
);
const workflows = [report, long, checked];

onEveryClock("schedules", (store) => {
  let host: WorkflowHost;
  const at = (schedule: Schedule | undefined): string | undefined => schedule?.nextAt?.toISOString();
  const found = async (id: string): Promise<Schedule> => (await host.schedules.get(id)) ?? assert.fail();
  /** Waits until so many ticks of a schedule were carried out. */
  const carriedOut = async (id: string, count: number): Promise<Schedule> => {
    const ticks = async (): Promise<boolean> => {
      const { started, skipped } = await found(id);
      return started + skipped === count;
    };
    await eventually(ticks, `${count} ticks of "${id}" are carried out`);
    return found(id);
  };
  before(async () => {
    host = await store.host({ workflows });
    await store.moveTo("2026-01-01T00:00:00Z");
  });

  test("start their workflow at each tick, and not a millisecond before", async () => {
    const data = { name: "daily" };
    const made = await host.schedules.create({ id: "daily", workflow: report, data, cron: "0 9 * * *" });
    assert.equal(at(made), "2026-01-01T09:00:00.000Z");
    await store.moveTo("2026-01-01T08:59:59.999Z");
    await pause(150);
    assert.equal((await found("daily")).started, 0);
    await store.advance(1);
    const first = await carriedOut("daily", 1);
    assert.equal(await host.getRun(first.lastRunId ?? "").result(), "daily");
    assert.equal(first.lastTickAt?.toISOString(), "2026-01-01T09:00:00.000Z");
    assert.equal(at(first), "2026-01-02T09:00:00.000Z");
    await store.advance(day);
    assert.equal((await carriedOut("daily", 2)).started, 2);
    await host.schedules.delete("daily");
  });

  test("start one run a tick, however many nodes are running", async () => {
    const others = await Promise.all([1, 2, 3].map(() => store.host({ workflows })));
    const started = new Set<string>();
    for (const one of [host, ...others]) {
      one.onNotice((notice) => {
        if (notice.kind === "run-started") started.add(notice.instanceId);
      });
    }
    const options = { workflow: report, data: { name: "shared" }, every: "1 hour" } as const;
    await host.schedules.create({ id: "shared", ...options, overlap: "allow", catchUp: "all" });
    await store.advance(24 * hour);
    const { lastRunId } = await carriedOut("shared", 24);
    assert.equal(await host.getRun(lastRunId ?? "").result(), "shared");
    await pause();
    assert.equal((await found("shared")).started, 24);
    assert.equal(started.size, 24);
    await Promise.all(others.map((other) => other.stop()));
    await host.schedules.delete("shared");
  });

  test("make up for ticks that came while nobody ran: by default the last of them", async () => {
    await host.schedules.create({ id: "one", workflow: report, data: { name: "one" }, cron: "0 * * * *" });
    await host.schedules.create({
      id: "none",
      workflow: report,
      data: { name: "none" },
      cron: "0 * * * *",
      catchUp: "skip",
    });
    const all = { overlap: "allow", catchUp: "all" } as const;
    await host.schedules.create({ id: "all", workflow: report, data: { name: "all" }, cron: "0 * * * *", ...all });
    await host.stop();
    await store.advance(5 * hour + hour / 2);
    host = await store.host({ workflows });
    assert.equal((await carriedOut("all", 5)).started, 5);
    const one = await carriedOut("one", 1);
    assert.equal(one.started, 1);
    assert.equal(one.lastTickAt?.getUTCMinutes(), 0);
    assert.ok(one.nextAt !== null && one.nextAt.getTime() > store.now());
    const none = await carriedOut("none", 1);
    assert.equal(none.started, 0);
    for (const id of ["one", "none", "all"]) await host.schedules.delete(id);
  });

  test("start nothing beside an unfinished run, by default", async () => {
    await host.schedules.create({ id: "skips", workflow: long, data: { name: "skips" }, every: "1 hour" });
    await store.advance(hour);
    const { lastRunId } = await carriedOut("skips", 1);
    await store.advance(hour);
    const skipped = await carriedOut("skips", 2);
    assert.deepEqual([skipped.started, skipped.skipped, skipped.lastRunId], [1, 1, lastRunId]);
    await host.publishEvent(finished, "skips");
    await host.getRun(lastRunId ?? "").result();
    await store.advance(hour);
    assert.equal((await carriedOut("skips", 3)).started, 2);
    await host.schedules.delete("skips");
  });

  test("queue a tick behind an unfinished run, if they are told to", async () => {
    const queue = { overlap: "queue", catchUp: "all" } as const;
    await host.schedules.create({ id: "queues", workflow: long, data: { name: "queues" }, every: "1 hour", ...queue });
    await store.advance(2 * hour);
    const first = await carriedOut("queues", 1);
    await pause();
    assert.equal((await found("queues")).started, 1);
    await host.publishEvent(finished, "queues");
    await host.getRun(first.lastRunId ?? "").result();
    const second = await carriedOut("queues", 2);
    assert.equal(second.started, 2);
    assert.notEqual(second.lastRunId, first.lastRunId);
    await host.schedules.delete("queues");
  });

  test("let runs overlap, if they are told to", async () => {
    const options = { workflow: long, data: { name: "overlaps" }, every: "1 hour", overlap: "allow" } as const;
    await host.schedules.create({ id: "overlaps", ...options });
    for (const count of [1, 2]) {
      await store.advance(hour);
      assert.equal((await carriedOut("overlaps", count)).started, count);
    }
    await host.schedules.delete("overlaps");
  });

  test("hold up no other if they cannot be carried out here", async () => {
    const nowhere = { cron: "* * * * *", timeZone: "Europe/Newtown" };
    const spec = JSON.stringify({ recurrence: nowhere, overlap: "skip", catchUp: "one" });
    const facts = { definition: "report", version: 1, queues: false, paused: false, data: "{}" };
    const { schedules } = await store.open();
    await host.schedules.create({ id: "held", workflow: report, data: { name: "held" }, every: "1 hour" });
    await schedules.create({ id: "elsewhere", nextAt: store.now() + hour / 2, spec, ...facts });
    await store.advance(hour);
    assert.equal((await carriedOut("held", 1)).started, 1);
    assert.equal(await host.schedules.delete("elsewhere"), true);
    await host.schedules.delete("held");
  });

  test("rest while they are paused, and make up for nothing afterwards", async () => {
    await host.schedules.create({ id: "pausing", workflow: report, data: { name: "p" }, cron: "30 * * * *" });
    const paused = await host.schedules.pause("pausing");
    assert.deepEqual([paused.isPaused, paused.nextAt], [true, null]);
    await store.advance(3 * hour);
    await pause();
    const resumed = await host.schedules.resume("pausing");
    assert.deepEqual([resumed.isPaused, resumed.started, resumed.skipped], [false, 0, 0]);
    assert.ok(resumed.nextAt !== null && resumed.nextAt.getTime() - store.now() <= hour);
    await host.schedules.delete("pausing");
  });

  test("are triggered at once, also while paused, and tick as they would have", async () => {
    const options = { workflow: report, data: { name: "now" }, every: "1 day" } as const;
    const made = await host.schedules.create({ id: "triggered", ...options });
    const runs = await Promise.all([1, 2].map(() => host.schedules.trigger("triggered")));
    assert.deepEqual(await Promise.all(runs.map((run) => run.result())), ["now", "now"]);
    assert.notEqual(runs[0]?.id, runs[1]?.id);
    await host.schedules.pause("triggered");
    assert.equal(await (await host.schedules.trigger("triggered")).result(), "now");
    const { started, nextAt } = await host.schedules.resume("triggered");
    assert.equal(started, 3);
    assert.deepEqual(nextAt, made.nextAt);
    await host.schedules.delete("triggered");
  });

  test("are changed in what is named, and stay as they are in the rest", async () => {
    await host.schedules.create({
      id: "changed",
      workflow: report,
      data: { name: "a" },
      every: "2 hours",
      catchUp: "all",
    });
    await store.advance(hour);
    const before = await found("changed");
    const other = await host.schedules.update("changed", { workflow: checked, data: { size: 3 }, overlap: "allow" });
    assert.deepEqual([other.workflow, other.data, other.everyMs], ["checked", { size: 3 }, 2 * hour]);
    assert.deepEqual([other.overlap, other.catchUp], ["allow", "all"]);
    assert.deepEqual(other.nextAt, before.nextAt);
    const moved = await host.schedules.update("changed", { cron: "0 0 1 * *", timeZone: "Europe/Berlin" });
    assert.deepEqual([moved.cron, moved.timeZone, moved.everyMs], ["0 0 1 * *", "Europe/Berlin", undefined]);
    assert.equal(moved.nextAt?.getUTCHours(), 23);
    assert.equal(await (await host.schedules.trigger("changed")).result(), 3);
    await host.schedules.delete("changed");
  });

  test("are made once, or brought up to date", async () => {
    const options = { id: "twice", workflow: report, data: { name: "a" }, every: "1 hour" } as const;
    const made = await host.schedules.create(options);
    await assert.rejects(host.schedules.create(options), { code: "SCHEDULE_EXISTS" });
    await store.advance(hour / 2);
    const again = await host.schedules.create({ ...options, data: { name: "b" }, ifExists: "update" });
    assert.deepEqual([again.data, again.nextAt], [{ name: "b" }, made.nextAt]);
    await host.schedules.pause("twice");
    assert.equal((await host.schedules.create({ ...options, ifExists: "update" })).isPaused, true);
    assert.equal((await host.schedules.resume("twice")).isPaused, false);
    const rests = await host.schedules.create({ ...options, paused: true, ifExists: "update" });
    assert.deepEqual([rests.isPaused, rests.nextAt], [true, null]);
    assert.equal(await host.schedules.delete("twice"), true);
    assert.equal(await host.schedules.delete("twice"), false);
    assert.equal(await host.schedules.get("twice"), undefined);
  });

  test("take options that are inherited or getters", async () => {
    const common = {
      workflow: report,
      data: { name: "a" },
      cron: "0 9 * * *",
      overlap: "allow",
      paused: true,
    } as const;
    const made = await host.schedules.create(Object.assign(Object.create(common) as typeof common, { id: "inherits" }));
    assert.deepEqual([made.cron, made.overlap, made.isPaused, made.data], ["0 9 * * *", "allow", true, { name: "a" }]);
    await host.schedules.delete("inherits");
  });

  test("are listed by id, a page at a time", async () => {
    for (const id of ["list-c", "list-a", "list-b"])
      await host.schedules.create({ id, workflow: report, data: { name: id }, every: "1 day", paused: true });
    const ids = async (page: { after?: string; limit?: number }) =>
      (await host.schedules.list(page)).map((schedule) => schedule.id);
    assert.deepEqual(await ids({ after: "list", limit: 2 }), ["list-a", "list-b"]);
    assert.deepEqual(await ids({ after: "list-b", limit: 1 }), ["list-c"]);
    for (const id of ["list-a", "list-b", "list-c"]) await host.schedules.delete(id);
  });

  test("refuse what cannot be carried out", async () => {
    const options = { id: "bad", workflow: report, data: { name: "x" } } as const;
    const create = (facts: object): Promise<Schedule> => host.schedules.create({ ...options, ...facts } as never);
    await assert.rejects(create({ cron: "every day" }), { code: "INVALID_RECURRENCE" });
    await assert.rejects(create({ cron: "0 0 30 2 *" }), {
      code: "INVALID_RECURRENCE",
      message: /has no tick to come/,
    });
    await assert.rejects(create({ cron: "0 9 * * *", timeZone: "Berlin" }), { code: "INVALID_RECURRENCE" });
    await assert.rejects(create({ every: "10 ms" }), { code: "INVALID_RECURRENCE" });
    await assert.rejects(create({ every: "fortnight" }), { code: "INVALID_DURATION" });
    await assert.rejects(create({}), { code: "INVALID_REQUEST", message: /either `cron` or `every`/ });
    await assert.rejects(create({ cron: "0 9 * * *", every: "1 day" }), { code: "INVALID_REQUEST" });
    await assert.rejects(create({ every: "1 day", overlap: "sometimes" }), { code: "INVALID_REQUEST" });
    await assert.rejects(create({ every: "1 day", id: "" }), { code: "INVALID_NAME" });
    await assert.rejects(create({ every: "1 day", id: "x".repeat(481) }), { code: "INVALID_NAME" });
    await assert.rejects(create({ every: "1 day", workflow: checked, data: { size: "x" } }), {
      code: "VALIDATION_FAILED",
    });
    await assert.rejects(create({ every: "1 day", workflow: {} }), { code: "INVALID_REQUEST" });
    const refused = (what: string) => ({ code: "INVALID_REQUEST", what });
    await assert.rejects(create({ every: "1 day", ifExist: "update" }), refused("schedules.create: ifExist"));
    await assert.rejects(create({ every: "1 day", key: "k" }), refused("schedules.create: key"));
    await assert.rejects(create({ every: "1 day", ifExists: "zzz" }), refused("ifExists"));
    await assert.rejects(create({ every: "1 day", paused: "no" }), refused("paused"));
    const { update, list } = host.schedules as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>;
    const other = { id: "stays", workflow: checked, data: { size: 1 }, every: "1 day" } as const;
    await host.schedules.create(other);
    const change = async (changes: unknown) => update?.call(host.schedules, "stays", changes);
    await assert.rejects(change({ overlaps: "allow" }), refused("schedules.update: overlaps"));
    await assert.rejects(change({ data: { size: 2 } }), refused("data"));
    await assert.rejects(change(undefined), refused("schedules.update: options"));
    await assert.rejects(async () => list?.call(host.schedules, { limt: 5 }), refused("schedules.list: limt"));
    for (const limit of [0, 1.5, 10_001, 1e300]) await assert.rejects(host.schedules.list({ limit }), refused("limit"));
    await assert.rejects(host.schedules.list({ after: "\0" }), refused("after"));
    await assert.rejects(host.schedules.pause("bad"), { code: "SCHEDULE_NOT_FOUND" });
    await assert.rejects(host.schedules.trigger("bad"), { code: "SCHEDULE_NOT_FOUND" });
  });
});
