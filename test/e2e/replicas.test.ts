/**
 * Several replicas of edge and egress, as people run them: what they count, they count together, and what one of them knows, all do. The other tests
 * of what is installed have one of each.
 */
import { parseApiKey } from '@cloister/identity';
import { tenantSecrets } from '@cloister/tenancy';
import { setTimeout as sleep } from 'node:timers/promises';
import { APIError } from 'openai';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { exportAudit, verifyOffline } from './support/audit.ts';
import { BillingProvider } from './support/billing-provider.ts';
import { askEachEdge } from './support/each-edge.ts';
import { setValues, wayBack } from './support/helm.ts';
import { call, openai } from './support/http.ts';
import { openLedger, type Ledger } from './support/ledger.ts';
import { countsWithoutRedis, press } from './support/load-generator.ts';
import { countsByPod } from './support/metrics.ts';
import { billingModel } from './support/model-providers.ts';
import { podsOf, signal } from './support/pods.ts';
import { agentName, createTenant, deleteTenant, secretValue, type LiveTenant } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

const replicas = { edge: 2, egress: 3 };
const provider = 'e2e-replicas';
/** In micro-dollars, of which a token of output costs one. */
const limits = { tenant: 20_000, key: 5_000, lavish: 600_000 };
const largest = 100;
const perMinute = 100;
/** Milliseconds: what edge promises of a key that is issued or revoked. */
const promised = 1_000;

let world: World;
let spending: LiveTenant;
let lasting: LiveTenant;
let bills: BillingProvider;
let ledger: Ledger;
const ending = new AsyncDisposableStack();

const dollars = (microUsd: number) => ({ daily: { usd: microUsd / 1e6 } });
const spendingSpec = {
  models: { allow: [`${provider}/*`] },
  budget: dollars(limits.tenant),
  access: {
    apiKeys: [
      { name: 'default', scopes: ['chat', 'usage'] },
      { name: 'website', scopes: ['chat'], budget: dollars(limits.key) },
    ],
  },
};
const lastingSpec = {
  models: { allow: [`${provider}/*`, 'offline/*'] },
  budget: dollars(limits.lavish),
  access: {
    apiKeys: [
      { name: 'default', scopes: ['chat', 'admin'] },
      { name: 'pressing', scopes: ['chat'], rateLimits: { requestsPerMinute: perMinute } },
    ],
  },
};

beforeAll(async () => {
  world = await openWorld();
  bills = ending.use(await BillingProvider.start(world.cluster.hostIP, largest));
  ending.defer(() => world.kubectl.run(['delete', 'modelprovider', provider, '--ignore-not-found']).then(() => undefined));
  await world.kubectl.apply(
    billingModel(provider, bills.baseURL, { maxOutputTokens: largest, tenants: ['replicas-spend', 'replicas-last'] }),
  );
  ledger = ending.use(await openLedger(world));
  const goBack = await wayBack(world);
  const scaled = setValues(world, { 'edge.replicas': replicas.edge, 'egress.replicas': replicas.egress });
  ending.defer(async () => {
    await Promise.all([scaled.then(goBack, goBack), ...['replicas-spend', 'replicas-last'].map((name) => deleteTenant(world, name))]);
  });
  const agent = { model: `${provider}/m`, replicas: 2 };
  [spending, lasting] = await Promise.all([
    createTenant(world, { name: 'replicas-spend', spec: spendingSpec, agent }),
    createTenant(world, { name: 'replicas-last', spec: lastingSpec, agent }),
    scaled,
  ]);
});
afterAll(() => ending.disposeAsync());
beforeEach(() => bills.startAnew());

const uidOf = async ({ name }: LiveTenant) => (await world.kubectl.get('tenant', name))?.metadata.uid ?? '';
const keyOf = ({ namespace }: LiveTenant, name: string) => secretValue(world, namespace, tenantSecrets.apiKey(name), 'key');
const less = (after: readonly number[], before: readonly number[]) => after.map((count, pod) => count - (before[pod] ?? 0));

const question = { model: agentName, max_completion_tokens: largest, messages: [{ role: 'user' as const, content: 'hello' }] };

/** Whole or as a stream. Gives the tokens of the answer, as its caller reads them. */
async function ask({ url }: LiveTenant, key: string, stream: boolean): Promise<number> {
  const chat = openai(`${url}/v1`, key).chat.completions;
  if (!stream) return (await chat.create(question)).usage?.completion_tokens ?? NaN;
  let tokens = NaN;
  for await (const chunk of await chat.create({ ...question, stream, stream_options: { include_usage: true } }))
    tokens = chunk.usage?.completion_tokens ?? tokens;
  return tokens;
}

interface Refused {
  /** Of all answers before. */
  readonly tokens: number;
  readonly code: string | null | undefined;
  readonly message: string;
}

/** Asks until a budget refuses. On a busy machine agents and the ledger may be out of reach for a moment: then nothing was sent, and it is asked again. */
async function askUntilRefused(tenant: LiveTenant, key: string, stream: boolean): Promise<Refused> {
  for (let tokens = 0; ;) {
    try {
      tokens += await ask(tenant, key, stream);
    } catch (error) {
      if (!(error instanceof APIError)) throw error;
      if (error.status === 429) return { tokens, code: error.code, message: error.message };
      if (error.code !== 'agent_unavailable' && error.code !== 'budget_unavailable') throw error;
      await sleep(500);
    }
  }
}

const usage = z.object({
  total: z.object({ requests: z.int(), micro_usd: z.int() }),
  budget: z.object({ daily: z.object({ micro_usd: z.object({ spent: z.int(), forfeited: z.int() }) }) }),
});

test('ninety callers at once overspend neither the budget of a tenant nor of its key over three replicas of egress, which leave less than five quarters of a call; all books agree', async () => {
  const [uid, website] = await Promise.all([uidOf(spending), keyOf(spending, 'website')]);
  const ofKey = `${uid}/key:${parseApiKey(website)?.id ?? ''}`;
  const spentByPod = () => countsByPod(world, 'egress', 'cloister_budget_spent_micro_usd_total', { tenant: spending.name });
  const before = await spentByPod();
  bills.together = 60;
  const callers = Array.from({ length: 90 }, (_, turn) => ({ key: turn % 3 ? spending.key : website, stream: turn % 2 === 0 }));
  const work = { done: false };
  const watch = async () => {
    while (!work.done) {
      const [ofTenant, ofCaller] = [await ledger.standing(uid), await ledger.standing(ofKey)];
      expect(ofTenant.settled + ofTenant.reserved).toBeLessThanOrEqual(limits.tenant);
      expect(ofCaller.settled + ofCaller.reserved).toBeLessThanOrEqual(limits.key);
      await sleep(50);
    }
  };
  const spend = async () => {
    try {
      const told = await Promise.all(callers.map(({ key, stream }) => askUntilRefused(spending, key, stream)));
      // Now that nothing else is under way, what is refused is refused for what is left.
      return { told, last: await askUntilRefused(spending, spending.key, false) };
    } finally {
      work.done = true;
    }
  };
  const [{ told, last }] = await Promise.all([spend(), watch()]);

  expect(bills.most).toBeGreaterThanOrEqual(60);
  expect(bills.microUsd).toBeLessThanOrEqual(limits.tenant);
  expect(limits.tenant - bills.microUsd, 'left').toBeLessThan(1.25 * largest);
  expect(last.code).toMatch(/^budget_/);
  expect(told.some(({ message }) => message.includes('of API key'))).toBe(true);
  const inAnswers = [...told, last].reduce((sum, { tokens }) => sum + tokens, 0);
  expect(inAnswers).toBe(bills.microUsd);

  const asTold = async () => usage.parse(JSON.parse((await call(`${spending.url}/v1/usage`, { key: spending.key })).text));
  await until('usage that has it all', async () => (await asTold()).total.requests === bills.calls, { within: 10_000 });
  const { total, budget } = await asTold();
  expect([total.micro_usd, budget.daily.micro_usd]).toEqual([bills.microUsd, { spent: bills.microUsd, forfeited: 0 }]);
  expect([(await ledger.standing(uid)).settled, await ledger.usage(uid)]).toEqual([bills.microUsd, bills.microUsd]);
  const { settled: byKey } = await ledger.standing(ofKey);
  expect(byKey).toBeGreaterThan(limits.key / 2);
  expect(byKey).toBeLessThanOrEqual(limits.key);

  const byPod = less(await spentByPod(), before);
  console.log(`${bills.calls} calls, ${bills.most} at once; ${byPod.join(' + ')} micro-dollars by the replicas of egress`);
  expect(byPod).toHaveLength(replicas.egress);
  expect(Math.min(...byPod)).toBeGreaterThan(0);
  expect(byPod.reduce((sum, spent) => sum + spent)).toBe(bills.microUsd);
  await expectAudit(uid);
});

async function expectAudit(uid: string): Promise<void> {
  const record = z.object({ record: z.object({ kind: z.literal('model_call'), outcome: z.literal('answered'), microUsd: z.int() }) });
  const answered = (lines: readonly string[]) => lines.flatMap((line) => record.safeParse(JSON.parse(line)).data?.record.microUsd ?? []);
  const exported = () => exportAudit(world, uid);
  const all = async () => answered(await exported()).length >= bills.calls;
  await until('every call on record', all, { within: 10_000, every: 500 });
  const lines = await exported();
  expect(verifyOffline(lines).code).toBe(0);
  expect(answered(lines)).toHaveLength(bills.calls);
  expect(answered(lines).reduce((sum, microUsd) => sum + microUsd, 0)).toBe(bills.microUsd);
}

test('an issued key is taken by each replica of edge within a second, and once it is revoked refused by each within a second', async () => {
  const keys = `${lasting.url}/api/v1/tenants/${lasting.name}/keys`;
  const { text } = await call(keys, { method: 'POST', key: lasting.key, body: { name: 'website', scopes: ['chat'] } });
  await sleep(promised);
  const { id, key } = z.looseObject({ id: z.string(), key: z.string() }).parse(JSON.parse(text));
  const client = openai(`${lasting.url}/v1`, key);
  const each = (status: number) => Array.from({ length: replicas.edge }, () => new Set([status]));
  expect(await askEachEdge(world, lasting, key, 500)).toEqual(each(200));
  expect((await client.models.list()).data.map((model) => model.id)).toEqual([agentName]);

  expect((await call(`${keys}/${id}`, { method: 'DELETE', key: lasting.key })).status).toBe(204);
  await sleep(promised);
  expect(await askEachEdge(world, lasting, key, 500)).toEqual(each(401));
  await expect(client.models.list()).rejects.toMatchObject({ status: 401 });
});

test('a load generator is given what its limit allows, to the request, over two replicas of edge that count together', async () => {
  const byPod = () => countsByPod(world, 'edge', 'cloister_edge_requests_total', { tenant: lasting.name, agent: agentName, status: '200' });
  const [before, alone] = [await byPod(), await countsWithoutRedis(world)];
  bills.pauseMs = 1;
  const began = performance.now();
  // For longer than a replica keeps what it has counted ahead.
  const enough = (so: { 429: number }) => so[429] > perMinute && performance.now() - began > 3_000;
  const answers = await press(lasting, await keyOf(lasting, 'pressing'), enough);
  const served = less(await byPod(), before);
  console.log(`${answers[200]} answers, ${served.join(' + ')}; ${answers[429]} refusals`);
  expect(served).toHaveLength(replicas.edge);
  expect(Math.min(...served)).toBeGreaterThan(0);
  if ((await countsWithoutRedis(world)) === alone) expect(answers[200]).toBe(perMinute);
  else expect(answers[200]).toBeLessThanOrEqual((1 + replicas.edge) * perMinute);
});

test('a replica of egress is killed in the middle of streams: they alone break; no more than the limit is spent, and no more is lost than it had in hand', async () => {
  const callersAtOnce = 12;
  const uid = await uidOf(lasting);
  await sleep(1_000); // what was used before this test is told
  const before = await ledger.usage(uid);
  bills.pauseMs = 30;
  const work = { done: false };
  const streams: { readonly began: number; readonly ended: number; readonly failure?: unknown }[] = [];
  const callers = Array.from({ length: callersAtOnce }, async () => {
    while (!work.done) {
      const began = performance.now();
      const failure: unknown = await ask(lasting, lasting.key, true).then(
        () => undefined,
        (error: unknown) => error,
      );
      streams.push({ began, ended: performance.now(), failure });
    }
  });
  await sleep(3_000); // each replica has told the ledger how little it needs, now that all hold some
  const busy = await countsByPod(world, 'egress', 'cloister_egress_calls_in_progress', { provider });
  const victim = (await podsOf(world, 'egress'))[busy.indexOf(Math.max(...busy))];
  if (!victim) throw new Error('no replica of egress is at work');
  const struck = performance.now();
  await signal(world, victim, 'SIGKILL');
  const killed = performance.now();
  await sleep(4_000);
  const { settled, reserved, overrun } = await ledger.standing(uid);
  expect(settled + reserved + overrun).toBeLessThanOrEqual(limits.lavish);
  work.done = true;
  await Promise.all(callers);

  const failed = streams.filter(({ failure }) => failure !== undefined);
  const others = streams.filter(({ began, ended, failure }) => began < struck && ended > killed && failure === undefined);
  console.log(`${streams.length} streams, ${others.length} went on, ${failed.length} broke, ${bills.cut} at the provider`);
  expect(failed.filter(({ began }) => began > killed).map(({ failure }) => String(failure))).toEqual([]);
  expect(bills.cut).toBeGreaterThan(0);
  expect(failed.length).toBeGreaterThan(0);
  expect(others.length).toBeGreaterThan(0);
  await expectForfeit(uid, before, callersAtOnce);
});

async function expectForfeit(uid: string, before: number, callers: number): Promise<void> {
  const forfeited = async () => (await ledger.standing(uid)).forfeited > 0;
  await until('what the dead replica held to be given up, after fifteen seconds', forfeited, { within: 25_000, every: 200 });
  const standing = await ledger.standing(uid);
  const used = await ledger.usage(uid);
  const billed = before + bills.microUsd;
  console.log(`${JSON.stringify(standing)}, used ${used}, billed ${billed}`);
  expect(standing.settled + standing.reserved + standing.overrun).toBeLessThanOrEqual(limits.lavish);
  expect(standing.overrun).toBe(0);
  expect(standing.forfeited, 'what is not used is lost').toBe(standing.settled - used);
  expect(billed, 'all that was billed is counted').toBeLessThanOrEqual(standing.settled);
  expect(used, 'nothing is counted twice').toBeLessThanOrEqual(billed);
  const slice = limits.lavish / (4 * replicas.egress);
  expect(standing.forfeited, 'a slice, and what calls had reserved').toBeLessThanOrEqual(slice + callers * largest);
}
