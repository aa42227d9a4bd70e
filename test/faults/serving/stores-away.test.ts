/** Postgres or Redis goes away under an installed Cloister: what becomes of a tenant with a budget, of one with limits, and of one with neither. */
import { namespaces } from '@cloister/tenancy';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { dataNamespace } from '../../cluster/manifests/names.ts';
import { exportAudit, verifyOffline } from '../../e2e/support/audit.ts';
import { call, type Answer } from '../../e2e/support/http.ts';
import { conditionOf } from '../../e2e/support/kubectl.ts';
import { metricsOf } from '../../e2e/support/metrics.ts';
import { agentName, createTenant, deleteTenant, isReady, tenantManifest, type LiveTenant } from '../../e2e/support/tenants.ts';
import { until } from '../../e2e/support/until.ts';
import { openWorld, type World } from '../../e2e/support/world.ts';
import { startCallers } from './callers.ts';

const patience = { within: 90_000, every: 100 };
const access = { apiKeys: [{ name: 'default', scopes: ['chat', 'usage'] }] };
const daily = { plenty: 100_000, little: 5_000 } as const;
const perMinute = 30;
/** Tokens that are reserved for one call at most: of its output, and of its input by its bytes and the margin for templates. */
const worst = 300 + 1_200;

let world: World;
let free: LiveTenant;
let budgeted: LiveTenant;
let limited: LiveTenant;
beforeAll(async () => {
  world = await openWorld();
  [free, budgeted, limited] = await Promise.all([
    createTenant(world, { name: 'away-free' }),
    createTenant(world, { name: 'away-budget', spec: { access, budget: { daily: { tokens: daily.plenty } } } }),
    createTenant(world, {
      name: 'away-limits',
      spec: { access, budget: { daily: { tokens: daily.little } }, rateLimits: { requestsPerMinute: perMinute } },
    }),
  ]);
});
afterAll(() => Promise.all(['away-free', 'away-budget', 'away-limits'].map((name) => deleteTenant(world, name))));

const ask = ({ url, key }: LiveTenant): Promise<Answer> =>
  call(`${url}/v1/chat/completions`, {
    method: 'POST',
    key,
    body: { model: agentName, max_tokens: 300, messages: [{ role: 'user', content: 'say 200 words' }] },
  });
const completion = z.object({ usage: z.object({ total_tokens: z.int() }) });
const tokensIn = (answers: readonly Answer[]): number =>
  answers.filter(({ status }) => status === 200).reduce((sum, { text }) => sum + completion.parse(JSON.parse(text)).usage.total_tokens, 0);

const refusal = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
/** Status, code and message; that it says when to ask again is checked. */
function refusalIn({ status, headers, text }: Answer): { readonly status: number; readonly code: string; readonly message: string } {
  expect(Number(headers['retry-after']), text).toBeGreaterThan(0);
  return { status, ...refusal.parse(JSON.parse(text)).error };
}

const usage = z.object({
  total: z.object({ requests: z.int(), input_tokens: z.int(), output_tokens: z.int() }),
  budget: z.object({ daily: z.object({ tokens: z.object({ spent: z.int(), forfeited: z.int() }) }) }),
});
const readUsage = ({ url, key }: LiveTenant) => call(`${url}/v1/usage`, { key });
/** Requests and tokens of the tenant, as its usage tells them, what of its budget is spent, and what of it is lost. */
async function used(tenant: LiveTenant): Promise<readonly number[]> {
  const { status, text } = await readUsage(tenant);
  expect(status, text).toBe(200);
  const { total, budget } = usage.parse(JSON.parse(text));
  return [total.requests, total.input_tokens + total.output_tokens, budget.daily.tokens.spent, budget.daily.tokens.forfeited];
}

/** Without the server, whose pod is gone; it is brought back whatever `work` does. */
async function without<T>(server: 'postgres' | 'redis', work: () => Promise<T>): Promise<T> {
  await world.kubectl.run(['scale', `statefulset/${server}`, '-n', dataNamespace, '--replicas=0']);
  try {
    await world.kubectl.run(['wait', '-n', dataNamespace, `pod/${server}-0`, '--for=delete', '--timeout=60s']);
    return await work();
  } finally {
    await world.kubectl.run(['scale', `statefulset/${server}`, '-n', dataNamespace, '--replicas=1']);
  }
}

/** Hears of the moment in which Postgres ends, which is seconds after it is told to and may be seconds before its pod is gone. */
async function whenPostgresEnds(told: () => void): Promise<void> {
  const connection = new pg.Client(world.cluster.postgres);
  await connection.connect();
  connection.on('error', () => undefined).once('end', told); // to be cut off is what it is for
}

/** An edit makes the operator look; at rest it looks every dataCheckSeconds. */
async function statusNames(server: RegExp): Promise<void> {
  await world.kubectl.apply(tenantManifest({ name: free.name, spec: { displayName: `Without ${server.source}` } }));
  const found = await until(
    'the condition',
    async () => {
      const condition = conditionOf(await world.kubectl.get('tenant', free.name), 'DataReady');
      return condition?.status === 'False' && server.test(condition.message ?? '') ? condition : undefined;
    },
    patience,
  );
  expect(found.reason).toBe('DataUnreachable');
}
const allReady = () =>
  until(
    'all tenants to be Ready',
    async () =>
      (await Promise.all([free, budgeted, limited].map(({ name }) => world.kubectl.get('tenant', name)))).every((found) => isReady(found)),
    patience,
  );

/** Asks one time after the other, and keeps every answer, until told to stop; not while it is held. */
function keepAsking(tenant: LiveTenant) {
  const answers: Answer[] = [];
  let [stopped, held] = [false, false];
  const asking = async () => {
    while (!stopped) {
      if (!held) answers.push(await ask(tenant));
      await sleep(50);
    }
  };
  const running = asking();
  return {
    answers,
    hold: () => (held = true),
    goOn: () => (held = false),
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}

test('without Postgres a budget lasts as long as egress has some of it in hand, then it refuses and says why, as usage does; with Postgres all is back, and nothing was lost', async () => {
  const callers = startCallers([free]);
  const spender = keepAsking(budgeted);
  await until('first answers', () => Promise.resolve(spender.answers.length >= 5), patience);
  // What is in hand then is what the first answers have left, and not what chance has.
  spender.hold();
  let before = Infinity;
  await whenPostgresEnds(() => {
    before = spender.answers.length;
    spender.goOn();
  });
  await without('postgres', async () => {
    await until('refusals', () => Promise.resolve(spender.answers.slice(-10).every(({ status }) => status !== 200)), patience);
    const since = spender.answers.slice(before);
    const refused = since.slice(since.findIndex(({ status }) => status !== 200));
    const inHand = since.length - refused.length;
    console.log(`${inHand} answers from what was in hand`);
    expect(inHand, 'answered from what was in hand, beside one that was under way').toBeGreaterThan(1);
    expect([...new Set(refused.map((answer) => JSON.stringify(refusalIn(answer))))].map((text) => JSON.parse(text) as unknown)).toEqual([
      { status: 503, code: 'budget_unavailable', message: expect.stringContaining('the budget cannot be checked at the moment') as string },
    ]);
    expect(refusalIn(await readUsage(budgeted))).toMatchObject({
      status: 503,
      code: 'usage_unavailable',
      message: expect.stringContaining('usage cannot be read at the moment') as string,
    });
    await statusNames(/Postgres/);
  });
  await until('an answer again', () => Promise.resolve(spender.answers.at(-1)?.status === 200), patience);
  await spender.stop();
  await allReady();
  const { answered, failures } = await callers.stop();
  console.log(`${answered} answers without a budget`);
  expect(failures).toEqual([]);
  expect(answered).toBeGreaterThan(0);

  const served = spender.answers.filter(({ status }) => status === 200);
  const tokens = tokensIn(served);
  console.log(`${served.length} answers with a budget, ${spender.answers.length - served.length} refusals`);
  await expect.poll(() => used(budgeted), { timeout: 30_000 }).toEqual([served.length, tokens, tokens, 0]);
  await expectOnRecord(budgeted, spender.answers.length);
});

/** Every call is on a chain that holds, those too that ended while it could not be written. */
async function expectOnRecord({ name }: LiveTenant, calls: number): Promise<void> {
  const uid = (await world.kubectl.get('tenant', name))?.metadata.uid ?? '';
  const exported = () => exportAudit(world, uid);
  const callsIn = (lines: readonly string[]) => lines.filter((line) => line.includes('"kind":"model_call"')).length;
  await expect.poll(async () => callsIn(await exported()), { timeout: 30_000 }).toBe(calls);
  expect(verifyOffline(await exported())).toMatchObject({ code: 0 });
}

/** Requests that a replica of edge has counted alone, over all of them. */
const countedAlone = async (): Promise<number> =>
  (await metricsOf(world, 'edge'))
    .map((text) => Number(/^cloister_edge_rate_limit_fallbacks_total (\d+)$/m.exec(text)?.[1]))
    .reduce((sum, count) => sum + count);

test('without Redis each replica of edge counts its limits alone, a budget refuses at its limit as ever, and who has neither is answered', async () => {
  const callers = startCallers([free]);
  const edges = await world.kubectl.list('pods', ['-n', namespaces.system, '-l', 'app.kubernetes.io/component=edge']);
  const before = await countedAlone();
  const answers = await without('redis', async () => {
    const all: Answer[] = [];
    for (let round = 0; round < 2 * edges.length + 2; round++)
      all.push(...(await Promise.all(Array.from({ length: perMinute / 2 }, () => ask(limited)))));
    await statusNames(/Redis/);
    return all;
  });
  await allReady();
  const { answered, failures } = await callers.stop();
  console.log(`${answered} answers without limits`);
  expect(failures).toEqual([]);

  const byCode = Map.groupBy(answers, (answer) => (answer.status === 200 ? 'answered' : refusalIn(answer).code));
  console.log([...byCode].map(([code, { length }]) => `${length} ${code}`).join(', '));
  const known = ['answered', 'rate_limit_exceeded', 'budget_exceeded', 'budget_reserved'];
  expect([...byCode.keys()].filter((code) => !known.includes(code))).toEqual([]);
  const { rate_limit_exceeded: hasty = [], budget_exceeded: spent = [] } = Object.fromEntries(byCode);
  const admitted = answers.length - hasty.length;
  expect(admitted, 'once per replica').toBeLessThanOrEqual(perMinute * edges.length);
  expect(admitted, 'nobody is refused for it').toBeGreaterThanOrEqual(perMinute);
  expect(hasty).not.toEqual([]);
  expect(spent).not.toEqual([]);
  expect((await countedAlone()) - before, 'counted alone').toBeGreaterThanOrEqual(answers.length);
  const tokens = tokensIn(answers);
  expect(tokens).toBeLessThanOrEqual(daily.little);
  expect(tokens).toBeGreaterThan(daily.little - (5 / 4) * worst);
  const served = byCode.get('answered') ?? [];
  await expect.poll(() => used(limited), { timeout: 90_000 }).toEqual([served.length, tokens, tokens, 0]);
});
