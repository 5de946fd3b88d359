import assert from "node:assert/strict";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  createHost,
  type CreateHostOptions,
  defineWorkflow,
  event,
  type Flow,
  type WorkflowHost,
} from "../../src/index.ts";
import { PostgresPersistenceProvider } from "../../src/postgres.ts";
import { freshDatabase } from "../support/database.ts";
import { onEveryStore } from "../support/stores.ts";

const hello = defineWorkflow({ id: "hello", version: 1 }, (flow: Flow<{ name: unknown }>) =>
  flow.run("greet", ({ name }) => `hello ${String(name)}`).returns(({ name }) => name),
);
const stranger = defineWorkflow({ id: "stranger", version: 7 }, (flow: Flow<object>) => flow.run("a", () => 1));
const said = event<unknown>("said");

/** Throws anything, also what is no error. */
const raise = (reason: unknown): never => AbortSignal.abort(reason).throwIfAborted() as never;

/** The host as JavaScript sees it. */
function untyped(host: WorkflowHost) {
  type Call = (...given: readonly unknown[]) => Promise<unknown>;
  const of = (call: "startWorkflow" | "startWorkflows" | "publishEvent" | "publishEvents"): Call =>
    (host[call] as unknown as Call).bind(host);
  const [startWorkflow, startWorkflows] = [of("startWorkflow"), of("startWorkflows")];
  return { startWorkflow, startWorkflows, publishEvent: of("publishEvent"), publishEvents: of("publishEvents") };
}

/** A Standard Schema that takes an object whose `name` is a string. */
const schema = {
  "~standard": {
    version: 1 as const,
    vendor: "test",
    validate: (value: unknown) =>
      typeof (value as { name?: unknown } | null)?.name === "string"
        ? { value: value as { name: string } }
        : { issues: [{ message: "must be a string", path: ["name"] }] },
  },
};
const checked = defineWorkflow({ id: "checked", version: 1, data: schema }, (flow) =>
  flow.run("greet", ({ name }) => name.length),
);

test("two definitions of one id and version are refused before the host starts", () => {
  const other = defineWorkflow({ id: "hello", version: 1 }, (flow: Flow<object>) => flow.run("greet", () => "hi"));
  assert.throws(() => createHost({ workflows: [hello, other] }), { code: "DUPLICATE_WORKFLOW", message: /hello/ });
});

test("the very same definition may be given twice, as lists that are put together do", () => {
  assert.doesNotThrow(() => createHost({ workflows: [hello, stranger, hello] }));
});

test("options that cannot work are refused with their name", () => {
  assert.throws(() => createHost({ workflows: [hello], concurrency: -1 }), {
    code: "INVALID_REQUEST",
    message: /concurrency/,
  });
  assert.throws(() => createHost({ workflows: [hello], drainMs: 1.5 }), {
    code: "INVALID_REQUEST",
    message: /drainMs/,
  });
});

test("options of a host count as well if they are inherited or getters", () => {
  class Options {
    get workflows(): readonly object[] {
      return [hello];
    }
    get concurrency(): number {
      return -1;
    }
  }
  assert.throws(() => createHost(new Options()), { what: "createHost: concurrency" });
  assert.doesNotThrow(() => createHost(Object.create({ workflows: [hello] }) as CreateHostOptions));
});

test("an option of a host that is not known, or not what it must be, is refused by its name", () => {
  const persistence = { store: {}, initialize: () => undefined, close: () => undefined };
  const wrong: readonly (readonly [string, unknown])[] = [
    ["concurency", 5],
    ["onChanged", "nope"],
    ["onChanged", null],
    ["concurrency", "5"],
    ["classifyError", 5],
    ["label", 5],
    ["logger", {}],
    ["logger", { ...console, warn: "no" }],
    ["tracer", { startSpan: () => undefined }],
    ["logOperations", "yes"],
    ["persistence", {}],
    ["persistence", null],
    ["persistence", "postgres://localhost"],
    ["persistence", { ...persistence, close: undefined }],
    ["workflows", undefined],
  ];
  const create = createHost as (options: unknown) => WorkflowHost;
  for (const [option, value] of wrong) {
    const refused = { code: "INVALID_REQUEST", what: `createHost: ${option}` };
    assert.throws(() => create({ workflows: [hello], persistence, [option]: value }), refused, option);
  }
  assert.throws(() => create({ workflows: [hello], times: { beat: 5 } }), { what: "createHost: times: beat" });
  for (const nothing of [undefined, null, {}]) assert.throws(() => create(nothing), { what: "createHost: workflows" });
  const host = create({ workflows: [hello], persistence, logger: console, label: undefined });
  assert.throws(() => (host.onNotice as (listener: unknown) => unknown)("loud"), { what: "onNotice" });
});

test("a host that was not started, or was stopped, says so", async () => {
  const host = createHost({ workflows: [hello] });
  await assert.rejects(host.startWorkflow(hello, { name: "a" }), { code: "INVALID_REQUEST", message: /start\(\)/ });
  await host.stop();
  await assert.rejects(host.startWorkflow(hello, { name: "a" }), { code: "HOST_STOPPED" });
});

onEveryStore("bad input", (store) => {
  let host: WorkflowHost;
  before(async () => {
    host = await store.host({ workflows: [hello, checked] });
  });

  test("an unknown workflow or version is refused, and what is known is named", async () => {
    await assert.rejects(host.startWorkflow(stranger, {}), { code: "WORKFLOW_NOT_REGISTERED", message: /stranger.*7/ });
  });

  test("data that does not validate is refused with the path", async () => {
    // @ts-expect-error: the compiler refuses it too
    await assert.rejects(host.startWorkflow(checked, { name: 5 }), { code: "VALIDATION_FAILED", message: /name/ });
  });

  test("data that cannot be stored is refused with the path, for starts and for events", async () => {
    const deep = { name: { list: [1, { call: () => 1 }] } };
    await assert.rejects(host.startWorkflow(hello, deep), { code: "NOT_STORABLE", message: /name\.list\[1\]\.call/ });
    await assert.rejects(host.publishEvent(said, "k", { at: [Symbol("x")] }), {
      code: "NOT_STORABLE",
      message: /at\[0\]/,
    });
  });

  test("data that are too large are refused with their size and the limit", async () => {
    const large = { name: "x".repeat(5 * 1024 * 1024) };
    await assert.rejects(host.startWorkflow(hello, large), { code: "VALUE_TOO_LARGE", message: /4194304|4 MiB/ });
  });

  test("an option that is not known is refused by its name, for a mistyped key would be no key", async () => {
    const { startWorkflow, startWorkflows, publishEvent, publishEvents } = untyped(host);
    const name = { name: "a" };
    const refused = (what: string) => ({ code: "INVALID_REQUEST", what });
    await assert.rejects(startWorkflow(hello, name, { keey: "x" }), refused("startWorkflow: keey"));
    await assert.rejects(startWorkflow(hello, name, { data: { name: "b" } }), refused("startWorkflow: data"));
    await assert.rejects(startWorkflow(hello, name, null), refused("startWorkflow: options"));
    await assert.rejects(startWorkflow(hello, name, { tx: 5 }), refused("tx"));
    const [good, bad] = (await startWorkflows(hello, [{ data: name }, { data: name, keey: "x" }])) as readonly {
      readonly status: string;
      readonly error?: { readonly what?: string };
    }[];
    assert.deepEqual(
      [good?.status, bad?.status, bad?.error?.what],
      ["started", "refused", "startWorkflows: items[1]: keey"],
    );
    await assert.rejects(startWorkflows(hello, [], { key: "x" }), refused("startWorkflows: key"));
    await assert.rejects(startWorkflows(hello, { data: name }), refused("startWorkflows: items"));
    await assert.rejects(publishEvent(said, "k", 1, { key: "x" }), refused("publishEvent: key"));
    await assert.rejects(publishEvents(said, [{ key: "k", data: 1, id: "x" }]), refused("publishEvents: items[0]: id"));
    await assert.rejects(publishEvents(said, [{ key: "k", data: 1 }, null]), refused("publishEvents: items[1]"));
    const [none] = (await startWorkflows(hello, [null])) as readonly { readonly error?: { readonly what?: string } }[];
    assert.equal(none?.error?.what, "startWorkflows: items[0]");
    await assert.rejects(publishEvents(said, "k"), refused("publishEvents: items"));
  });

  test("options that are inherited or getters count: two starts under such a key are one run", async () => {
    const name = { name: "a" };
    class Once {
      get key(): string {
        return `once on ${store.name}`;
      }
    }
    class OnceAmongMany extends Once {
      readonly data = name;
    }
    const first = await host.startWorkflow(hello, name, new Once());
    const second = await host.startWorkflow(hello, name, Object.create(new Once()) as object);
    const [third] = await host.startWorkflows(hello, [new OnceAmongMany()]);
    assert.ok(third?.status === "started");
    assert.deepEqual([second.id, third.run.id], [first.id, first.id]);
  });

  test("what is no workflow and what is no event is refused", async () => {
    const { startWorkflow, startWorkflows, publishEvent } = untyped(host);
    for (const nothing of [undefined, null, "hello", { id: "hello", version: 1 }]) {
      await assert.rejects(startWorkflow(nothing, {}), { code: "INVALID_REQUEST", what: "workflow" });
      await assert.rejects(startWorkflows(nothing, [{ data: {} }]), { code: "INVALID_REQUEST", what: "workflow" });
    }
    for (const nothing of [undefined, null, "said"])
      await assert.rejects(publishEvent(nothing, "k"), { code: "INVALID_REQUEST", what: "event" });
  });

  test("keys, ids and labels that cannot be are refused", async () => {
    const key = "k".repeat(513);
    await assert.rejects(host.startWorkflow(hello, { name: "a" }, { key }), { code: "INVALID_NAME" });
    await assert.rejects(host.startWorkflow(hello, { name: "a" }, { reference: key }), { code: "INVALID_NAME" });
    assert.throws(() => host.getRun("not-an-id"), { code: "INVALID_NAME" });
    const nobody = host.getRun("00000000-0000-7000-8000-000000000000");
    await assert.rejects(nobody.status(), { code: "INSTANCE_NOT_FOUND" });
    await assert.rejects(nobody.result(), { code: "INSTANCE_NOT_FOUND" });
    await assert.rejects(nobody.terminate(), { code: "INSTANCE_NOT_FOUND" });
  });

  test("a reason that is no text, or is too long, is refused instead of being lost", async () => {
    const run = await host.startWorkflow(hello, { name: "a" });
    for (const call of ["suspend", "terminate", "compensate"] as const) {
      const ask = run[call].bind(run) as (reason: unknown) => Promise<boolean>;
      for (const reason of [5, {}, null, "x".repeat(4_097), "ö".repeat(2_049)])
        await assert.rejects(ask(reason), { code: "INVALID_REQUEST", what: `${call}: reason` });
    }
  });

  test("among many starts the bad ones are refused, and nothing of them is stored", async () => {
    const items = [{ data: { name: "a" } }, { data: { name: () => 1 } }, { data: { name: "c" } }];
    const outcomes = await host.startWorkflows(hello, items);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["started", "refused", "started"],
    );
  });
});

test("a database that cannot be reached is a clear error, names where, and leaves nothing running", async () => {
  const persistence = new PostgresPersistenceProvider("postgres://nobody:secret@127.0.0.1:1/none");
  const host = createHost({ workflows: [hello], persistence });
  await assert.rejects(host.start(), (error: Error & { code?: string }) => {
    assert.equal(error.code, "DATABASE_UNREACHABLE");
    assert.match(error.message, /127\.0\.0\.1:1/);
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
  await host.stop();
});

test("a schema name that is none is refused at once, in its own words", async () => {
  const database = await freshDatabase();
  assert.throws(() => new PostgresPersistenceProvider({ url: database.url, schema: 'x"; drop table y' }), {
    code: "INVALID_NAME",
    message: /schema/,
  });
  await database.drop();
});

test("a body that throws, gives nonsense or a non-error fails its run with a typed failure, and its neighbours go on", async () => {
  const database = await freshDatabase();
  const bad = defineWorkflow({ id: "bad", version: 1 }, (flow: Flow<{ how: string }>) =>
    flow
      .run(
        "act",
        ({ how }): unknown => {
          if (how === "string") raise("just a string");
          if (how === "null") raise(null);
          if (how === "function") return () => 1;
          if (how === "getter")
            return {
              get x(): never {
                throw new Error("no");
              },
            };
          if (how === "hostile") raise(new Proxy({}, { get: () => raise("again") }));
          return "fine";
        },
        { retry: { maxAttempts: 1 } },
      )
      .returns(() => "done"),
  );
  const host = createHost({ workflows: [bad], persistence: new PostgresPersistenceProvider(database.url) });
  await host.start();
  for (const how of ["string", "null", "function", "getter", "hostile"]) {
    const run = await host.startWorkflow(bad, { how });
    await assert.rejects(run.result(), { code: "WORKFLOW_FAILED" }, how);
  }
  const fine = await host.startWorkflow(bad, { how: "fine" });
  assert.equal(await fine.result(), "done");
  await host.stop();
  await sleep(0);
  await database.drop();
});
