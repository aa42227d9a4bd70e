/** What a tenant reads of its usage, from calls that were made, and who may ask for it. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { ask, egressUnderTest, model, type EgressUnderTest, type TokenChanges } from '../egress.fixture.ts';
import { mostLines } from './usage-books.ts';

const edge = { namespace: 'cloister-system', serviceAccount: 'edge', uid: 'sa-edge' };
const figures = { requests: z.number(), input_tokens: z.number(), output_tokens: z.number(), micro_usd: z.number() };
const standing = z.object({
  limit: z.number().nullable(),
  spent: z.number(),
  debt: z.number(),
  reserved: z.number(),
  forfeited: z.number(),
  remaining: z.number().nullable(),
});
const window = z.object({ starts_on: z.string(), renews_at: z.string(), micro_usd: standing, tokens: standing });
const report = z.object({
  time_zone: z.string(),
  from: z.string(),
  to: z.string(),
  total: z.object(figures),
  data: z.array(z.looseObject(figures)),
  budget: z.object({ daily: window, monthly: window }),
  agent_budgets: z.array(z.object({ agent: z.string(), daily: window, monthly: window })),
});

let egress: EgressUnderTest;
let token: string;
beforeAll(async () => {
  egress = await egressUnderTest();
  const price = { inputPerMillion: 1, outputPerMillion: 2 };
  egress.addProvider('offline', { type: 'Offline', models: [model('echo', { price }), model('other', { price })] });
  token = await egress.tokenOf('', edge);
}, 60_000);
afterAll(() => egress[Symbol.asyncDispose]());

const get = (tenant: string, query = '', bearer = token, uid = `uid-${tenant}`) =>
  fetch(`${egress.url}/internal/tenants/${tenant}/${uid}/usage${query}`, { headers: { authorization: `Bearer ${bearer}` } });
const read = async (tenant: string, query = '') => {
  const answer = await get(tenant, query);
  expect(answer.status).toBe(200);
  return report.parse(await answer.json());
};
const record = (tenant: string, day: string, micro: number, changes: { model?: string; agent?: string } = {}) =>
  egress.sql.query(
    `insert into cloister_egress.usage (tenant_uid, tenant, day, model, agent, requests, input_tokens, output_tokens, micro_usd)
     values ($1, $2, $3::date, $4, $5, 1, 2, 3, $6)`,
    [`uid-${tenant}`, tenant, day, changes.model ?? 'p/m', changes.agent ?? 'support', micro],
  );

describe('what a tenant reads', () => {
  test('is what its calls cost, to the micro-dollar, and no other tenant’s', async () => {
    const limits = { timeZone: 'UTC', daily: { usd: 1 }, monthly: { tokens: 1_000_000 } };
    const models = ['offline/echo', 'offline/other'];
    const [acme, bravo] = [await egress.addTenant('acme', { budget: limits, models }), await egress.addTenant('bravo', { models })];
    for (const [bearer, name] of [
      [acme, 'offline/echo'],
      [acme, 'offline/other'],
      [acme, 'offline/echo'],
      [bravo, 'offline/echo'],
    ] as const)
      expect((await fetch(`${egress.url}/v1/chat/completions`, ask(bearer, { model: name, max_tokens: 50 }))).status).toBe(200);
    const { data, total, budget } = await vi.waitFor(async () => {
      const found = await read('acme');
      expect(found.total.requests).toBe(3);
      return found;
    }, 5_000);
    expect(data.map(({ model: name, agent, requests }) => [name, agent, requests])).toEqual([
      ['offline/echo', 'support', 2],
      ['offline/other', 'support', 1],
    ]);
    const { settled, tokens } = await egress.standing('acme');
    expect(total.micro_usd).toBeGreaterThan(0);
    expect([total.micro_usd, total.input_tokens + total.output_tokens]).toEqual([settled, tokens]);
    expect(data.reduce((sum, line) => sum + line.micro_usd, 0)).toBe(settled);
    expect(budget.daily.micro_usd).toMatchObject({ limit: 1_000_000, spent: settled, remaining: 1_000_000 - settled, forfeited: 0 });
    expect(budget.daily.tokens).toMatchObject({ limit: null, spent: tokens, remaining: null });
    expect(budget.monthly.tokens).toMatchObject({ limit: 1_000_000, spent: tokens, remaining: 1_000_000 - tokens });
  });

  test('is summed over what it does not tell apart', async () => {
    await egress.addTenant('sums');
    await record('sums', '2026-03-01', 1);
    await record('sums', '2026-03-01', 10, { model: 'p/n' });
    await record('sums', '2026-03-02', 100, { agent: 'sales' });
    const lines = async (by: string) => (await read('sums', `?from=2026-03-01&to=2026-03-31&group_by=${by}`)).data;
    const used = (requests: number, micro: number) => ({
      requests,
      input_tokens: 2 * requests,
      output_tokens: 3 * requests,
      cached_tokens: 0,
      cache_write_tokens: 0,
      reasoning_tokens: 0,
      micro_usd: micro,
    });
    expect(await lines('day')).toEqual([
      { day: '2026-03-01', ...used(2, 11) },
      { day: '2026-03-02', ...used(1, 100) },
    ]);
    expect(await lines('model,agent')).toEqual([
      { model: 'p/m', agent: 'sales', ...used(1, 100) },
      { model: 'p/m', agent: 'support', ...used(1, 1) },
      { model: 'p/n', agent: 'support', ...used(1, 10) },
    ]);
  });

  test('is of the days that were asked for, the first and the last counted', async () => {
    await egress.addTenant('days');
    for (const day of ['2026-02-28', '2026-03-01', '2026-03-15', '2026-03-16']) await record('days', day, 1);
    const of = async (query: string) => {
      const { from, to, data } = await read('days', query);
      return [from, to, data.length];
    };
    expect(await of('?from=2026-02-28&to=2026-03-15')).toEqual(['2026-02-28', '2026-03-15', 3]);
    expect(await of('?to=2026-03-15')).toEqual(['2026-03-01', '2026-03-15', 2]);
    const { from, to, budget } = await read('days');
    expect([from, to]).toEqual([budget.monthly.starts_on, budget.daily.starts_on]);
  });

  test('is in the calendar of its own time zone', async () => {
    await egress.addTenant('tonga', { budget: { timeZone: 'Pacific/Tongatapu' } });
    await egress.addTenant('samoa', { budget: { timeZone: 'Pacific/Pago_Pago' } });
    const [east, west] = [await read('tonga'), await read('samoa')]; // 24 hours apart
    expect(Date.parse(east.budget.daily.starts_on) - Date.parse(west.budget.daily.starts_on)).toBe(86_400_000);
    expect([east.time_zone, east.budget.daily.renews_at.slice(11)]).toEqual(['Pacific/Tongatapu', '11:00:00.000Z']);
  });

  test('is in UTC where nobody knows its time zone, and says so', async () => {
    await egress.addTenant('mars', { budget: { timeZone: 'Mars/Olympus' } });
    expect((await read('mars')).time_zone).toBe('UTC');
  });

  test('is what is left of the budgets of its agents, too', async () => {
    const url = 'https://127.0.0.1:1';
    const agents = [
      { name: 'free', url },
      { name: 'support', url, budget: { daily: { tokens: 10 } } },
      { name: 'sales', url, budget: { monthly: { usd: 1 } } },
    ];
    await egress.addTenant('agents', { agents });
    await egress.sql.query(
      `insert into cloister_egress.budget_window (tenant_uid, kind, starts_on, settled_tokens)
       values ('uid-agents/support', 'daily', cloister_egress.window_start('daily', 'UTC'), 4)`,
      [],
    );
    const { budget, agent_budgets: own } = await read('agents');
    expect(own.map(({ agent, daily, monthly }) => [agent, daily.tokens, monthly.micro_usd.remaining])).toEqual([
      ['sales', { limit: null, spent: 0, debt: 0, reserved: 0, forfeited: 0, remaining: null }, 1_000_000],
      ['support', { limit: 10, spent: 4, debt: 0, reserved: 0, forfeited: 0, remaining: 6 }, null],
    ]);
    expect(own[0]?.daily.renews_at).toBe(budget.daily.renews_at);
  });

  test('is less by what was billed beyond the limit of the day before, whether or not the day has begun with a call', async () => {
    await egress.addTenant('owing', { budget: { timeZone: 'UTC', daily: { tokens: 10 } } });
    const row = (days: number) =>
      egress.sql.query(
        `insert into cloister_egress.budget_window (tenant_uid, kind, starts_on, settled_tokens, overrun_tokens, limit_tokens)
         values ('uid-owing', 'daily', cloister_egress.window_start('daily', 'UTC') - $1::int, 10 * $1, 4 * $1, 10)`,
        [days],
      );
    await row(1);
    const owing = { limit: 10, spent: 0, debt: 4, reserved: 0, forfeited: 0, remaining: 6 };
    expect((await read('owing')).budget.daily.tokens).toEqual(owing);
    await row(0);
    expect((await read('owing')).budget.daily.tokens).toEqual(owing);
  });

  test('never shows less than nothing as left', async () => {
    await egress.addTenant('over', { budget: { timeZone: 'UTC', daily: { tokens: 10 } } });
    await egress.sql.query(
      `insert into cloister_egress.budget_window (tenant_uid, kind, starts_on, settled_tokens, overrun_tokens, forfeited_tokens)
       values ('uid-over', 'daily', cloister_egress.window_start('daily', 'UTC'), 9, 5, 2)`,
      [],
    );
    expect((await read('over')).budget.daily.tokens).toEqual({ limit: 10, spent: 14, debt: 0, reserved: 0, forfeited: 2, remaining: 0 });
  });
});

test.each([
  ['?from=yesterday', 'from', 'parameter "from" is no day; write it as 2026-11-25'],
  ['?from=0000-01-01', 'from', 'parameter "from" is no day; write it as 2026-11-25'],
  ['?to=0000-12-31', 'to', 'parameter "to" is no day; write it as 2026-11-25'],
  ['?to=2026-02-30', 'to', 'parameter "to" is no day; write it as 2026-11-25'],
  ['?from=2026-03-02&to=2026-03-01', 'from', 'parameter "from" is after "to"'],
  ['?group_by=caller', 'group_by', 'parameter "group_by" is to be a list of day, model, agent, key, user'],
  ['?form=2026-03-02', 'form', 'parameter "form" is unknown; there are "from", "to", "group_by", "key" and "user"'],
  ['?to=2026-03-02&to=2026-03-03', 'to', 'parameter "to" is there more than once'],
])('the question %s is refused with the parameter and the remedy', async (query, param, problem) => {
  await egress.addTenant('acme');
  const answer = await get('acme', query);
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ error: { param, message: `the request is not usable: ${problem}` } });
});

test('more lines than one answer holds are refused rather than cut', async () => {
  await egress.addTenant('many');
  await egress.sql.query(
    `insert into cloister_egress.usage (tenant_uid, tenant, day, model, agent)
     select 'uid-many', 'many', '2026-03-01', 'p/' || n, 'support' from generate_series(1, ${mostLines + 1}) n`,
    [],
  );
  const answer = await get('many', '?from=2026-03-01&to=2026-03-01');
  expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('tell fewer things apart') as string]);
  expect((await read('many', '?from=2026-03-01&to=2026-03-01&group_by=day')).data).toHaveLength(1);
});

describe('nobody but edge is told', () => {
  test.each<[string, TokenChanges]>([
    ['an agent of the tenant', { namespace: 'tenant-acme', serviceAccount: 'agent', uid: 'sa-acme' }],
    ['an account named as edge in a tenant’s namespace', { ...edge, namespace: 'tenant-acme' }],
    ['another account of the platform', { ...edge, serviceAccount: 'operator' }],
    ['edge with a token for something else', { ...edge, audience: 'https://kubernetes.default.svc' }],
  ])('%s', async (_, changes) => {
    await egress.addTenant('acme');
    expect((await get('acme', '', await egress.tokenOf('acme', changes))).status).toBe(401);
  });

  test('and edge may call no model', async () => {
    expect((await fetch(`${egress.url}/v1/chat/completions`, ask(token, { model: 'offline/echo' }))).status).toBe(401);
  });
});

test('a tenant of the same name is another tenant', async () => {
  await egress.addTenant('acme');
  expect((await get('acme', '', token, 'uid-before')).status).toBe(404);
});

test('while the database is away the answer says so', async () => {
  await egress.addTenant('acme');
  const away = vi.spyOn(egress.sql, 'query').mockRejectedValue(new Error('no connection'));
  const answer = await get('acme').finally(() => away.mockRestore());
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await answer.json()).toMatchObject({ error: { code: 'usage_unavailable' } });
});
