/** What a tenant has used, as it is told: by the answers to its callers, `GET /v1/usage`, the ledger, the metrics and the audit. All say the same. */
import { parseApiKey } from '@cloister/identity';
import { tenantSecrets } from '@cloister/tenancy';
import type OpenAI from 'openai';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { exportAudit, verifyOffline } from './support/audit.ts';
import { call, openai } from './support/http.ts';
import { metricsOf, sumOf } from './support/metrics.ts';
import {
  agentManifest,
  agentReady,
  agentName,
  createTenant,
  deleteTenant,
  offlineModel,
  secretValue,
  type LiveTenant,
} from './support/tenants.ts';
import { thinkingProvider, thought, type ThinkingProvider } from './support/thinking-provider.ts';
import { until } from './support/until.ts';
import { figures, grouped, line, sum, type Line } from './support/usage-lines.ts';
import { openWorld, type World } from './support/world.ts';

const name = 'usage';
const secondAgent = 'second';
/** Whose provider tells apart what it had in its cache, what it wrote there and what it thought. */
const thinker = 'thinker';

const standing = z.object({
  spent: z.int(),
  debt: z.int(),
  reserved: z.int(),
  forfeited: z.int(),
  limit: z.int().nullable(),
  remaining: z.int().nullable(),
});
const report = z.object({
  total: figures,
  data: z.array(line),
  budget: z.object({ daily: z.object({ micro_usd: standing, tokens: standing }) }),
});

let world: World;
let tenant: LiveTenant;
let uid: string;
let keys: Readonly<Record<'default' | 'website', string>>;
let thinking: ThinkingProvider;
/** What the providers said of each call, as its caller read it. */
let told: Line[];
let countedBefore: Readonly<Record<string, number>>;

beforeAll(async () => {
  world = await openWorld();
  const apiKeys = [
    { name: 'default', scopes: ['chat', 'usage'] },
    { name: 'website', scopes: ['chat'], budget: { daily: { usd: 5 } } },
  ];
  thinking = await thinkingProvider(world, 'e2e-thinking', name);
  const models = { allow: ['offline/*', thinking.model] };
  tenant = await createTenant(world, { name, spec: { access: { apiKeys }, budget: { daily: { usd: 10 } }, models } });
  uid = (await world.kubectl.get('tenant', name))?.metadata.uid ?? '';
  keys = { default: tenant.key, website: await secretValue(world, tenant.namespace, tenantSecrets.apiKey('website'), 'key') };
  await addAgent(secondAgent);
  await addAgent(thinker, { model: thinking.model });
  countedBefore = await counts();
  told = grouped([
    await whole('default', agentName, 5),
    await whole('default', agentName, 70),
    await streamed('default', agentName, 30),
    await whole('default', secondAgent, 9),
    await whole('website', agentName, 11),
    await streamed('website', secondAgent, 13),
    await whole('default', thinker),
    await streamed('website', thinker),
  ]);
});
afterAll(async () => {
  await deleteTenant(world, name);
  await thinking[Symbol.asyncDispose]();
});

async function addAgent(agent: string, spec: object = {}): Promise<void> {
  const manifest = agentManifest({ name, agent: { ...spec } });
  await world.kubectl.apply({ ...manifest, metadata: { name: agent, namespace: tenant.namespace } });
  await agentReady(world, agent, tenant.namespace);
}

const idOf = (key: string): string => parseApiKey(key)?.id ?? '';
const question = (words = 1) => [{ role: 'user' as const, content: `say ${words} words` }];
const client = (key: keyof typeof keys) => openai(`${tenant.url}/v1`, keys[key]);

const modelOf = (agent: string): string => (agent === thinker ? thinking.model : offlineModel);

/** The example's provider takes a micro-dollar for a token of input, and four for one of output. */
const lineOf = (key: keyof typeof keys, agent: string, usage: OpenAI.CompletionUsage | null | undefined): Line => {
  if (!usage) throw new Error('the answer does not tell its usage');
  const { prompt_tokens: input_tokens, completion_tokens: output_tokens } = usage;
  const day = new Date().toISOString().slice(0, 10);
  const parts = {
    cached_tokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    cache_write_tokens: usage.prompt_tokens_details?.cache_write_tokens ?? 0,
    reasoning_tokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
  };
  const micro_usd = input_tokens + 4 * output_tokens;
  return { day, model: modelOf(agent), key: idOf(keys[key]), agent, requests: 1, input_tokens, output_tokens, ...parts, micro_usd };
};

async function whole(key: keyof typeof keys, agent: string, words?: number): Promise<Line> {
  const { usage } = await client(key).chat.completions.create({ model: agent, messages: question(words) });
  expect(usage?.completion_tokens).toBe(words ?? thought.completion_tokens);
  return lineOf(key, agent, usage);
}

async function streamed(key: keyof typeof keys, agent: string, words?: number): Promise<Line> {
  const options = { model: agent, stream: true as const, stream_options: { include_usage: true }, messages: question(words) };
  let usage;
  for await (const chunk of await client(key).chat.completions.create(options)) usage = chunk.usage ?? usage;
  return lineOf(key, agent, usage);
}

/** Counters go by the tenant's name, and on with another of that name. */
async function counts(): Promise<Readonly<Record<string, number>>> {
  const [egress, edge] = await Promise.all([metricsOf(world, 'egress'), metricsOf(world, 'edge')]);
  const tokens = (type: string) => sumOf(egress, 'cloister_budget_tokens_total', { tenant: name, type });
  const parts = (type: string) => sumOf(egress, 'cloister_budget_token_parts_total', { tenant: name, type });
  const answers = (agent: string) => sumOf(edge, 'cloister_edge_requests_total', { tenant: name, agent, status: '200' });
  return {
    micro_usd: sumOf(egress, 'cloister_budget_spent_micro_usd_total', { tenant: name }),
    input_tokens: tokens('input'),
    output_tokens: tokens('output'),
    cached_tokens: parts('cached'),
    cache_write_tokens: parts('cache_write'),
    reasoning_tokens: parts('reasoning'),
    [agentName]: answers(agentName),
    [secondAgent]: answers(secondAgent),
    [thinker]: answers(thinker),
  };
}

/** As soon as egress has nothing in hand any more: a minute after the last call. */
const usageAtRest = () =>
  until(
    'usage at rest',
    async () => {
      const answer = await call(`${tenant.url}/v1/usage?group_by=day,model,key,agent`, { key: keys.default });
      expect(answer.status, answer.text).toBe(200);
      const told = report.parse(JSON.parse(answer.text));
      return told.budget.daily.micro_usd.reserved === 0 && told;
    },
    { within: 90_000, every: 500 },
  );

test('GET /v1/usage tells by day, model, key and agent what the answers said', async () => {
  const { data, total, budget } = await usageAtRest();
  expect(grouped(data)).toEqual(told);
  expect(total).toEqual(sum(told));
  // All within one day, unless midnight was in between.
  const today = sum(data.filter(({ day }) => day === data.at(-1)?.day));
  expect(budget.daily.micro_usd).toEqual({
    limit: 10_000_000,
    spent: today.micro_usd,
    debt: 0,
    reserved: 0,
    forfeited: 0,
    remaining: 10_000_000 - today.micro_usd,
  });
  expect(budget.daily.tokens.spent).toBe(today.input_tokens + today.output_tokens);
});

test('it tells apart what the provider did, and none of what it did not', async () => {
  const { data, total } = await usageAtRest();
  const { prompt_tokens: input_tokens, completion_tokens: output_tokens, ...parts } = thought;
  const ofOne = { requests: 1, input_tokens, output_tokens, ...parts };
  expect(data.filter(({ agent }) => agent === thinker)).toMatchObject([ofOne, ofOne]);
  const twice = Object.fromEntries(Object.entries(parts).map(([part, tokens]) => [part, 2 * tokens]));
  expect(total).toMatchObject(twice);
});

test('who may not read usage is told so', async () => {
  expect((await call(`${tenant.url}/v1/usage`, { key: keys.website })).status).toBe(403);
});

test('the ledger has the same, to the micro-dollar', async () => {
  await usageAtRest();
  const { host, port, user, password, database } = world.cluster.postgres;
  const ledger = new pg.Client({ host, port, user, password, database });
  await ledger.connect();
  try {
    const columns = `day::text, model, agent, requests::int, input_tokens::int, output_tokens::int,
      cached_tokens::int, cache_write_tokens::int, reasoning_tokens::int, micro_usd::int`;
    const callers = await ledger.query(
      `select ${columns}, substr(caller, 5) as key from cloister_egress.caller_usage where tenant_uid = $1`,
      [uid],
    );
    expect(grouped(z.array(line).parse(callers.rows))).toEqual(told);
    const all = await ledger.query(`select ${columns} from cloister_egress.usage where tenant_uid = $1`, [uid]);
    expect(sum(z.array(figures).parse(all.rows))).toEqual(sum(told));
    const windows = await ledger.query(
      `select sum(settled_micro_usd + overrun_micro_usd)::int as spent, sum(reserved_micro_usd)::int as reserved
       from cloister_egress.budget_window where tenant_uid = $1 and kind = 'daily'`,
      [uid],
    );
    expect(windows.rows).toEqual([{ spent: sum(told).micro_usd, reserved: 0 }]);
  } finally {
    await ledger.end();
  }
});

test('so have the metrics', async () => {
  const { requests: _requests, ...used } = sum(told);
  const counted = await counts();
  const more = Object.fromEntries(Object.entries(counted).map(([what, count]) => [what, count - (countedBefore[what] ?? 0)]));
  expect(more).toEqual({ ...used, [agentName]: 4, [secondAgent]: 2, [thinker]: 2 });
});

describe('the audit, exported from what is installed', () => {
  const callsMade = 8;
  const record = z.looseObject({
    kind: z.string(),
    outcome: z.string().optional(),
    caller: z.string().optional(),
    microUsd: z.int().optional(),
    cachedTokens: z.int().optional(),
    cacheWriteTokens: z.int().optional(),
    reasoningTokens: z.int().optional(),
  });
  const link = z.looseObject({ record });
  const isCall = (one: string): boolean => one.includes('"kind":"model_call"');
  let lines: string[];
  let anchor: string;
  /** Places of two calls that follow each other; administrative changes are on the same chain. */
  let one: number;
  let next: number;
  beforeAll(async () => {
    lines = await until(
      'every call to be on record',
      async () => {
        const exported = await exportAudit(world, uid);
        return exported.filter(isCall).length >= callsMade && exported;
      },
      { within: 60_000, every: 500 },
    );
    anchor = /anchor (\S+)$/m.exec(verifyOffline(lines).told)?.[1] ?? '';
    [one = 0, next = 0] = lines.flatMap((text, place) => (isCall(text) ? [place] : []));
  });

  test('verifies offline, and its records say the same', () => {
    const { code, told: verdict } = verifyOffline(lines);
    expect(code).toBe(0);
    expect(verdict).toMatch(new RegExp(`^intact: ${lines.length - 2} records of tenant ${name} `, 'm'));
    const calls = lines.filter(isCall).map((text) => link.parse(JSON.parse(text)).record);
    expect(calls.map(({ outcome }) => outcome)).toEqual(Array.from({ length: callsMade }, () => 'answered'));
    const summed = (of: 'microUsd' | 'cachedTokens' | 'cacheWriteTokens' | 'reasoningTokens') =>
      calls.reduce((all, call) => all + (call[of] ?? 0), 0);
    const { micro_usd, cached_tokens, cache_write_tokens, reasoning_tokens } = sum(told);
    const parts = [summed('cachedTokens'), summed('cacheWriteTokens'), summed('reasoningTokens')];
    expect([summed('microUsd'), ...parts]).toEqual([micro_usd, cached_tokens, cache_write_tokens, reasoning_tokens]);
    expect(calls.filter(({ caller }) => caller === `key:${idOf(keys.website)}`)).toHaveLength(3);
  });

  test.each([
    ['a changed cost', (all: string[]) => all.with(one, (all[one] ?? '').replace(/"microUsd":\d+/, '"microUsd":1'))],
    ['a record that was taken out', (all: string[]) => all.toSpliced(one, 1)],
    ['two that changed places', (all: string[]) => all.with(one, all[next] ?? '').with(next, all[one] ?? '')],
  ])('%s is found', (_, alter) => {
    const altered = alter(lines);
    expect(altered).not.toEqual(lines);
    const { code, told: verdict } = verifyOffline(altered);
    expect(code).toBe(1);
    expect(verdict).toContain('NOT INTACT');
  });

  test('an end that was cut off and written anew is found by the anchor of an earlier export', () => {
    const shorter = lines.toSpliced(-2, 1);
    const last = z.object({ seq: z.int(), hash: z.string() }).parse(JSON.parse(shorter.at(-2) ?? ''));
    const rewritten = shorter.with(-1, JSON.stringify({ end: { seq: last.seq, hash: last.hash } }));
    expect(verifyOffline(rewritten).code).toBe(0);
    expect(verifyOffline(rewritten, anchor).code).toBe(1);
  });
});
