// workflow-core: this engine, as a user would set it up. 64 starts in flight unless WC_WIDTH says otherwise.
import { createHost, defineWorkflow, event } from 'workflow-core';
import { PostgresPersistenceProvider } from 'workflow-core/postgres';
import { stepFn } from '../lib.mjs';

const ev = event('ev');

export default {
  name: 'workflow-core', pkg: 'workflow-core',
  settings: 'defaults: 16 connections, 1,000 runs held, 64 starts in flight',
  width: Number(process.env.WC_WIDTH ?? 64),
  async setup(url) {
    const persistence = new PostgresPersistenceProvider(url);
    await persistence.initialize();
    await persistence.close();
  },
  async open({ url, probe, pool }) {
    const chain = (id, n) => defineWorkflow({ id, version: 1 }, (flow) => {
      let f = flow;
      for (let i = 0; i < n; i++) f = f.run('s' + i, async (data) => { const r = await stepFn(i); if (i === n - 1) probe.finish(data.id); return r; });
      return f;
    });
    const wf = {
      w1: chain('w1', 1), w2: chain('w2', 10), w3: chain('w3', 3),
      w4: defineWorkflow({ id: 'w4', version: 1 }, (flow) => flow
        .forEach((data) => Array.from({ length: data.arg }, (_, i) => i), (each) => each.run('c', (i) => stepFn(i)), { concurrency: 50 })
        .run('end', async (data) => probe.finish(data.id))),
      w5: defineWorkflow({ id: 'w5', version: 1 }, (flow) => flow
        .run('mark', async (data) => probe.mark(data.id)).delay((data) => data.arg).run('end', async (data) => probe.finish(data.id))),
      w6: defineWorkflow({ id: 'w6', version: 1 }, (flow) => flow
        .run('mark', async (data) => probe.mark(data.id)).waitFor(ev, { key: (data) => data.id, as: 'got' }).run('end', async (data) => probe.finish(data.id))),
    };
    const host = createHost({ workflows: Object.values(wf), persistence: new PostgresPersistenceProvider(url) });
    await host.start();
    return {
      start: (kind, id, arg) => host.startWorkflow(wf[kind], { id, arg: arg ?? 0 }),
      result: (run) => run.result(),
      emit: (id, data) => host.publishEvent(ev, id, data),
      pendingSql: `select count(*)::int as n from workflow_core.instance where status < 2 and data->>'id' like $1`,
      parkedSql: `select count(*)::int as n from workflow_core.instance where status < 2 and owner is null`,
      async backlog(n) {
        const run = await host.startWorkflow(wf.w6, { id: 'park-0', arg: 0 });
        await probe.reach(1, 'waiting');
        await new Promise((r) => setTimeout(r, 500));
        const copy = async (table, where, changed) => {
          const { rows } = await pool.query(`select column_name c from information_schema.columns where table_schema = 'workflow_core' and table_name = $1 order by ordinal_position`, [table]);
          const from = rows.map(({ c }) => changed[c] ?? `t."${c}"`).join(', ');
          await pool.query(`insert into workflow_core.${table} (${rows.map(({ c }) => `"${c}"`).join(', ')}) select ${from} from workflow_core.${table} t, generate_series(1, ${n}) g where ${where}`);
        };
        const id = `('00000000-0000-7000-8000-' || lpad(to_hex(g), 12, '0'))::uuid`;
        await copy('instance', `t.id = '${run.id}'`, { id, bucket: 'g % 64', data: `jsonb_build_object('id', 'park-x-' || g, 'arg', 0)` });
        await copy('pointer', `t.instance = '${run.id}'`, { instance: id, bucket: 'g % 64' });
        await copy('subscription', `t.instance = '${run.id}'`, { instance: id, instance_bucket: 'g % 64' });
      },
      close: () => host.stop(),
    };
  },
};
