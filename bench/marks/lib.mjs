/** What all marks share: their options, databases of their own, workflows, and how a result is told. */
import { createHost, defineWorkflow } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";
import { parseArgs } from "node:util";
import pg from "pg";
import { startCluster } from "../../scripts/postgres-cluster.mjs";
import { Load, Meter } from "./meter.mjs";

/**
 * Runs one mark `--reps` times and prints for each a line for people and a line of JSON. `measure(bench)` answers figures by name;
 * `goals` says of some of them `{ atMost }` or `{ atLeast }`. Every database is dropped afterwards, and the server stopped if it was
 * started here (DATABASE_URL names a superuser's address otherwise; `postgres: false` needs none).
 */
export async function mark({ id, title, goals = {}, options = {}, postgres = true, measure }) {
  const values = valuesOf(options);
  const address = process.env.DATABASE_URL;
  const cluster = postgres && !address ? await startCluster({ logger: console.error }) : undefined;
  try {
    for (let rep = 1; rep <= Number(values.reps); rep += 1) {
      const server = postgres ? await Server.connect(address ?? cluster.url, id) : undefined;
      try {
        const load = await Load.begin(server?.admin);
        const scale = Number(values.scale);
        const figures = await measure({ server, values, scale, count: (n) => Math.max(1, Math.round(n * scale)) });
        tell({ id, title, rep, scale, goals, figures: rounded(figures), ...(await load.end()) });
      } finally {
        await server?.close();
      }
    }
  } finally {
    await cluster?.stop();
  }
}

function valuesOf(options) {
  const common = { reps: { type: "string", default: "1" }, scale: { type: "string", default: "1" } };
  const own = Object.entries(options).map(([name, value]) => [name, { type: "string", default: value }]);
  return parseArgs({ options: { ...common, ...Object.fromEntries(own) }, strict: false }).values;
}

function rounded(figures) {
  const known = Object.entries(figures).filter(([, value]) => Number.isFinite(value));
  return Object.fromEntries(known.map(([name, value]) => [name, Number(value.toPrecision(4))]));
}

/** Whether a figure keeps its goal. */
export const keeps = (value, { atMost = Infinity, atLeast = -Infinity }) => value <= atMost && value >= atLeast;

export const goalText = ({ atMost, atLeast }) => (atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`);

function tell(result) {
  const lines = Object.entries(result.figures).map(([name, value]) => {
    const goal = result.goals[name];
    return goal === undefined ? `${name} ${value}` : `${name} ${value} (${goalText(goal)}${verdict(value, goal)})`;
  });
  const others = result.other === undefined ? [] : [`other processes used ${result.other} cores`];
  console.log(`${result.id} ${result.title}: ${[...lines, ...others].join("; ")}`);
  console.log(JSON.stringify(result));
}

const verdict = (value, goal) => (keeps(value, goal) ? "" : ", MISSED");

/** The PostgreSQL server that a mark runs on, and the databases that it made there. */
class Server {
  #databases = [];

  static async connect(address, id) {
    const url = new URL(address);
    url.pathname = "/postgres";
    const admin = new pg.Client(url.href);
    await admin.connect();
    await admin.query("create extension if not exists pg_stat_statements").catch(() => undefined);
    return new Server(admin, url, id);
  }

  constructor(admin, url, id) {
    this.admin = admin;
    this.url = url;
    this.id = id.toLowerCase();
  }

  /** A new database with a connection to it and a meter of the work that is done on it. */
  async database() {
    const name = `mark_${this.id}_${process.pid}_${this.#databases.length + 1}`;
    await this.admin.query(`create database ${name}`);
    const url = new URL(this.url);
    url.pathname = `/${name}`;
    const client = new pg.Client(url.href);
    client.on("error", () => undefined); // the database may be dropped under it
    await client.connect();
    const database = { name, url: url.href, client, meter: new Meter(this.admin, name) };
    this.#databases.push(database);
    return database;
  }

  async drop(database) {
    await database.client.end();
    await this.admin.query(`drop database if exists ${database.name} with (force)`);
    this.#databases = this.#databases.filter((other) => other !== database);
  }

  async close() {
    for (const database of [...this.#databases]) await this.drop(database);
    await this.admin.end();
  }
}

/** A started host on a database. */
export async function hostOn(url, workflows, options = {}) {
  const host = createHost({ workflows, persistence: new PostgresPersistenceProvider(url), ...options });
  await host.start();
  return host;
}

/** A workflow of `count` steps one after the other, without anything to do. */
export function chain(count) {
  return defineWorkflow({ id: `chain-${count}`, version: 1 }, (flow) => {
    let steps = flow;
    for (let n = 1; n <= count; n += 1) steps = steps.run(`step-${n}`, async () => ({ ok: n }));
    return steps;
  });
}

/** Starts and awaits runs, so many in flight, until there were `count` of them or, with `seconds`, for so long. Answers how many. */
export async function runMany(host, workflow, { count = Infinity, seconds = Infinity, inFlight = 100, data }) {
  const until = performance.now() + seconds * 1_000;
  let taken = 0;
  let done = 0;
  const lane = async () => {
    while (performance.now() < until && taken++ < count) {
      const run = await host.startWorkflow(workflow, data ?? { x: 1 });
      await run.result();
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, inFlight) }, lane));
  return done;
}

/** The slope of a line through points, by least squares, and its value at a place. */
export function lineThrough(points) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map((point) => point[0])), mean(points.map((point) => point[1]))];
  const spread = points.reduce((sum, [px]) => sum + (px - x) ** 2, 0);
  const slope = spread === 0 ? 0 : points.reduce((sum, [px, py]) => sum + (px - x) * (py - y), 0) / spread;
  return { slope, at: (place) => y + slope * (place - x) };
}

export const sum = (values) => values.reduce((total, value) => total + value, 0);
