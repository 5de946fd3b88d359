/** What work costs: time, CPU of this process and of the server, buffers, statements and log; and what else the machine was doing. */
import { readdirSync, readFileSync } from "node:fs";

const ticksPerSecond = 100;

/** What is done on one database of a server on this machine, from `begin` to `end`. Without pg_stat_statements its figures are NaN. */
export class Meter {
  #admin;
  #name;
  #start;

  constructor(admin, name) {
    this.#admin = admin;
    this.#name = name;
  }

  async begin() {
    const server = await this.#server();
    this.#start = { server, cpu: process.cpuUsage(), at: performance.now() };
  }

  /** Seconds, CPU seconds (`nodeCpu` of this process, `sessionCpu` of the sessions that this database has now, `serverCpu` of the whole
   *  server, with those that have closed), and counts of what happened since `begin`. */
  async end() {
    const { server, cpu, at } = this.#start;
    const seconds = (performance.now() - at) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    const { sessions, ...now } = await this.#server();
    const used = Object.fromEntries(Object.keys(now).map((name) => [name, now[name] - server[name]]));
    const sessionCpu = [...sessions].reduce(
      (total, [pid, spent]) => total + spent - (server.sessions.get(pid) ?? 0),
      0,
    );
    return { seconds, nodeCpu: (user + system) / 1e6, sessionCpu, ...used };
  }

  async #server() {
    const { rows: sessions } = await this.#admin.query({
      name: "sessions",
      text: "select pid from pg_stat_activity where datname = $1 and backend_type = 'client backend'",
      values: [this.#name],
    });
    const { rows: log } = await this.#admin.query({
      name: "log",
      text: "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as bytes",
    });
    const postmaster = await postmasterOf(this.#admin);
    return {
      ...(await this.#statements()),
      wal: log[0].bytes,
      sessions: new Map(sessions.map(({ pid }) => [pid, exactCpu(pid) ?? NaN])),
      serverCpu: familyCpu(postmaster) ?? NaN,
    };
  }

  async #statements() {
    try {
      const { rows } = await this.#admin.query({
        name: "statements",
        text: `select coalesce(sum(shared_blks_hit + shared_blks_read), 0)::float8 as buffers, coalesce(sum(calls), 0)::float8 as statements
          from pg_stat_statements where dbid = (select oid from pg_database where datname = $1)`,
        values: [this.#name],
      });
      return rows[0];
    } catch {
      return { buffers: NaN, statements: NaN };
    }
  }
}

/** What processes other than this one, its children and the server did meanwhile. */
export class Load {
  #admin;
  #start;

  static async begin(admin) {
    const load = new Load();
    load.#admin = admin;
    load.#start = await load.#read();
    return load;
  }

  /** `other`: cores that were used by others; undefined where it cannot be told. */
  async end() {
    const now = await this.#read();
    const seconds = (now.at - this.#start.at) / 1_000;
    const other = (now.busy - this.#start.busy - (now.own - this.#start.own)) / seconds;
    return Number.isFinite(other)
      ? { seconds: Math.round(seconds), other: Number(other.toFixed(2)) }
      : { seconds: Math.round(seconds) };
  }

  async #read() {
    const server = this.#admin === undefined ? 0 : (familyCpu(await postmasterOf(this.#admin)) ?? NaN);
    return { at: performance.now(), busy: machineCpu(), own: (statOf(process.pid)?.all ?? NaN) + server };
  }
}

/** The process that is parent of all of a server's, if it runs on this machine. */
async function postmasterOf(admin) {
  const { rows } = await admin.query("select pg_backend_pid() as pid");
  return statOf(rows[0].pid)?.parent;
}

/** CPU seconds of a server's processes, those that have ended included. */
function familyCpu(parent) {
  const head = parent === undefined ? undefined : statOf(parent);
  if (head === undefined) return undefined;
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return processes.reduce((total, pid) => {
    const stat = statOf(pid);
    return stat?.parent === parent ? total + stat.all : total;
  }, head.all);
}

/** CPU seconds of one process: of its own, and with those of its children that have ended. */
function statOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
    const [user, system, childUser, childSystem] = fields.slice(11, 15).map((ticks) => Number(ticks) / ticksPerSecond);
    return { parent: Number(fields[1]), own: user + system, all: user + system + childUser + childSystem };
  } catch {
    return undefined;
  }
}

/** CPU seconds of a process of one thread, to the nanosecond where the system counts so. */
function exactCpu(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]) / 1e9;
  } catch {
    return statOf(pid)?.own;
  }
}

function machineCpu() {
  try {
    const [user, nice, system, , , irq, softirq, steal] = readFileSync("/proc/stat", "utf8")
      .split("\n")[0]
      .trim()
      .split(/\s+/)
      .slice(1)
      .map(Number);
    return (user + nice + system + irq + softirq + steal) / ticksPerSecond;
  } catch {
    return NaN;
  }
}
