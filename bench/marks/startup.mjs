/** Start-up: from the start of a process to the body of its first step, on a database that is ready. */
import { pct } from "../peers/lib.mjs";
import { hostOn, mark } from "./lib.mjs";
import { HostProcess, nowMs } from "./processes.mjs";

await mark({
  id: "startup",
  title: "from the start of a process to its first step",
  goals: { "p50 (ms)": { atMost: 300 } },
  options: { starts: "10" },
  async measure({ server, values }) {
    const database = await server.database();
    await (await hostOn(database.url, [])).stop(); // makes the schema
    const took = [];
    for (let n = 0; n < Number(values.starts); n += 1) {
      const began = nowMs();
      let host;
      const firstAtMs = await new Promise((resolve, reject) => {
        host = new HostProcess("first-step", database.url, (message) => resolve(message.firstAtMs));
        host.ready.catch(reject);
      });
      took.push(firstAtMs - began);
      await host.stop();
    }
    return { "p50 (ms)": pct(took, 50), "fastest (ms)": Math.min(...took), "slowest (ms)": Math.max(...took) };
  },
});
