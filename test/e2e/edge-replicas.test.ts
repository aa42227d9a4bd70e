/**
 * Two replicas of edge behind the Ingress: what they count together, what both know of a key, how soon the model hears that a caller has left, and
 * what becomes of a crowd of callers when one of them is killed.
 */
import { tenantSecrets } from '@cloister/tenancy';
import { setTimeout as sleep } from 'node:timers/promises';
import { errors } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import {
  beginStream,
  completion,
  endMark,
  piece,
  providerDouble,
  type ProviderDouble,
} from '../../gateway/src/egress/providers/provider.double.ts';
import { BillingProvider } from './support/billing-provider.ts';
import { askEachEdge, toldByEachEdge } from './support/each-edge.ts';
import { setValues, wayBack } from './support/helm.ts';
import { call, openai } from './support/http.ts';
import { countsWithoutRedis, press } from './support/load-generator.ts';
import { countsByPod } from './support/metrics.ts';
import { billingModel } from './support/model-providers.ts';
import { podsOf, signal } from './support/pods.ts';
import { agentName, createTenant, deleteTenant, secretValue, type LiveTenant } from './support/tenants.ts';
import { median, until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

const name = 'two-edges';
const replicas = 2;
const provider = 'e2e-two-edges';
const limits = { tokensPerMinute: 6_000, concurrentRequests: 8 };

let world: World;
let tenant: LiveTenant;
let model: ProviderDouble;
/** Used once, before all else. */
let seldom: { readonly id: string; readonly from: number; readonly to: number };
const ending = new AsyncDisposableStack();

const apiKeys = [
  { name: 'default', scopes: ['chat', 'usage', 'admin'] },
  { name: 'wordy', scopes: ['chat'], rateLimits: { tokensPerMinute: limits.tokensPerMinute } },
  { name: 'busy', scopes: ['chat'], rateLimits: { concurrentRequests: limits.concurrentRequests } },
];

beforeAll(async () => {
  world = await openWorld();
  model = ending.use(await providerDouble(completion('hello'), world.cluster.hostIP));
  ending.defer(() => world.kubectl.run(['delete', 'modelprovider', provider, '--ignore-not-found']).then(() => undefined));
  await world.kubectl.apply(billingModel(provider, model.baseURL, { maxOutputTokens: 1_000, tenants: [name] }));
  const goBack = await wayBack(world);
  const scaled = setValues(world, { 'edge.replicas': replicas });
  ending.defer(async () => {
    await Promise.all([scaled.then(goBack, goBack), deleteTenant(world, name)]);
  });
  const spec = { models: { allow: [`${provider}/*`] }, access: { apiKeys } };
  const agent = { model: `${provider}/m`, replicas: 2 };
  [tenant] = await Promise.all([createTenant(world, { name, spec, agent }), scaled]);
  const chat = openai(`${tenant.url}/v1`, tenant.key).chat.completions;
  const asked = () => chat.create({ model: agentName, messages: [{ role: 'user', content: 'hello' }] });
  await until('an answer of the model', asked, { within: 20_000, every: 500 });
  const { id, key } = await issue({ name: 'seldom' });
  await inForce();
  const from = Date.now();
  expect((await call(`${tenant.url}/v1/models`, { key })).status).toBe(200);
  seldom = { id, from, to: Date.now() };
});
afterAll(() => ending.disposeAsync());

const keyOf = (key: string) => secretValue(world, tenant.namespace, tenantSecrets.apiKey(key), 'key');
const keysPath = `/api/v1/tenants/${name}/keys`;
/** What edge promises of a key that is issued. */
const inForce = () => sleep(1_000);
const issued = z.looseObject({ id: z.string(), key: z.string() });

async function issue(wish: object) {
  const answer = await call(`${tenant.url}${keysPath}`, { method: 'POST', key: tenant.key, body: { scopes: ['chat'], ...wish } });
  expect(answer.status, answer.text).toBe(201);
  return issued.parse(JSON.parse(answer.text));
}

const listed = z.object({ data: z.array(z.looseObject({ id: z.string(), lastUsedAt: z.iso.datetime().nullable() })) });
/** By each replica of edge. */
async function lastUses(id: string): Promise<(number | undefined)[]> {
  const texts = await toldByEachEdge(world, tenant, tenant.key, keysPath);
  return texts.map((text) => {
    const { lastUsedAt = null } = listed.parse(JSON.parse(text)).data.find((key) => key.id === id) ?? {};
    return lastUsedAt === null ? undefined : Date.parse(lastUsedAt);
  });
}
const isOf = ({ from, to }: typeof seldom, time = NaN) => from <= time && time <= to;

test('when a key was last used is told at once by the replica that took it, and of one that was never used nothing', async () => {
  const [unused] = await Promise.all([issue({ name: 'unused' }), inForce()]);
  const uses = await lastUses(seldom.id);
  expect(uses).toHaveLength(replicas);
  expect(uses.some((time) => isOf(seldom, time))).toBe(true);
  expect(await lastUses(unused.id)).toEqual([undefined, undefined]);
});

test('a key that expires is taken by the Ingress and each replica of edge until then, and by none from then on', async () => {
  const expires = Date.now() + 7_000;
  const { key } = await issue({ name: 'short', expiresAt: new Date(expires).toISOString() });
  await inForce();
  const asked: { readonly sent: number; readonly heard: number; readonly status: number }[] = [];
  const caller = async () => {
    for (let sent = Date.now(); sent < expires + 1_000; sent = Date.now()) {
      const { status } = await call(`${tenant.url}/v1/models`, { key });
      asked.push({ sent, heard: Date.now(), status });
      await sleep(20);
    }
  };
  const callers = Promise.all([caller(), caller()]);
  const each = (status: number) => Array.from({ length: replicas }, () => new Set([status]));
  expect(await askEachEdge(world, tenant, key, 500)).toEqual(each(200));
  await callers;
  expect(await askEachEdge(world, tenant, key, 500)).toEqual(each(401));
  const [before, after] = [asked.filter(({ heard }) => heard < expires), asked.filter(({ sent }) => sent >= expires)];
  expect(Math.min(before.length, after.length)).toBeGreaterThan(10);
  expect(new Set(before.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(after.map(({ status }) => status))).toEqual(new Set([401]));
});

/** Answers to the tenant by each replica of edge. */
const answersByPod = () => countsByPod(world, 'edge', 'cloister_edge_requests_total', { tenant: name, agent: agentName, status: '200' });

/** Presses with a key of that name until `enough`, which hears of the milliseconds as well. Gives answers, and how often a replica counted alone. */
async function pressed(key: string, connections: number, enough: (refused: number, ms: number) => boolean) {
  const [before, alone] = [await answersByPod(), await countsWithoutRedis(world)];
  const began = performance.now();
  const answers = await press(tenant, await keyOf(key), (so) => enough(so[429], performance.now() - began), connections);
  const byPod = (await answersByPod()).map((count, pod) => count - (before[pod] ?? 0));
  expect(byPod).toHaveLength(replicas);
  expect(Math.min(...byPod)).toBeGreaterThan(0);
  expect(performance.now() - began, 'all of it was within a minute').toBeLessThan(60_000);
  return { answers, byPod, alone: (await countsWithoutRedis(world)) - alone };
}

test('two replicas together give all the tokens of a minute, and beyond them no more than was in progress or had ended in the last second and a quarter', async () => {
  const [callers, tokens, ms] = [6, 100, 500];
  model.answer = (response, asked) => void setTimeout(() => completion('word', 0, tokens)(response, asked), ms);
  const { answers, byPod, alone } = await pressed('wordy', callers, (refused, ms) => refused > 20 && ms > 8_000);
  const given = answers[200] * tokens;
  const untold = callers * tokens * (1 + Math.ceil(1_250 / ms));
  console.log(`${given} tokens of ${limits.tokensPerMinute}, by ${byPod.join(' + ')} answers; at most ${untold} more are allowed`);
  expect(given).toBeGreaterThanOrEqual(limits.tokensPerMinute);
  expect(given).toBeLessThan((alone === 0 ? 1 : 1 + replicas) * limits.tokensPerMinute + untold);
});

test('two replicas together have never more in progress than a limit allows, and at least three fifths of it, however many press', async () => {
  let [underWay, most] = [0, 0];
  model.answer = (response, asked) => {
    most = Math.max(most, ++underWay);
    setTimeout(() => {
      underWay--;
      completion('word')(response, asked);
    }, 200);
  };
  const { answers, byPod, alone } = await pressed('busy', 24, (refused, ms) => refused > 20 && ms > 4_000);
  console.log(`${most} in progress of ${limits.concurrentRequests}; ${byPod.join(' + ')} answers, ${answers[429]} refusals`);
  expect(most).toBeLessThanOrEqual((alone === 0 ? 1 : 1 + replicas) * limits.concurrentRequests);
  expect(most).toBeGreaterThanOrEqual((limits.concurrentRequests * 3) / 5);
});

test.each([
  ['in the middle of a stream', true],
  ['before it is answered', false],
])('a caller that leaves %s ends the call at its provider within 100 ms, by way of Ingress, edge, agent and egress', async (_, streams) => {
  const chat = openai(`${tenant.url}/v1`, tenant.key).chat.completions;
  const times: number[] = [];
  for (let turn = 0; turn < 15; turn++) {
    const [begun, ended] = [Promise.withResolvers<undefined>(), Promise.withResolvers<number>()];
    model.answer = (response) => {
      const timer = setInterval(() => streams && response.write(piece(' word')), 20);
      response.once('close', () => {
        clearInterval(timer);
        ended.resolve(performance.now());
      });
      if (streams) beginStream(response);
      begun.resolve(undefined);
    };
    const leaving = new AbortController();
    const answer = chat.create(
      { model: agentName, stream: streams, messages: [{ role: 'user', content: 'hello' }] },
      { signal: leaving.signal },
    );
    if (streams) await answer;
    else answer.catch(() => undefined);
    await begun.promise;
    await sleep(100);
    const left = performance.now();
    leaving.abort();
    times.push((await ended.promise) - left);
  }
  console.log(`after ${median(times).toFixed(1)} ms in the median, ${Math.max(...times).toFixed(1)} at most`);
  expect(median(times)).toBeLessThan(100);
});

test('when a key was last used is told by each replica a minute later', async () => {
  const left = seldom.to + 60_000 - Date.now();
  const all = async () => (await lastUses(seldom.id)).every((time) => isOf(seldom, time));
  await until('its last use, by each replica', all, { within: Math.max(left, 0) + 1_000, every: 500 });
});

/** What comes of one call: `whole`, `cut off`, or status and code of another answer. Anything else is none of these, and tells itself. */
async function outcomeOf(key: string, stream: boolean, most: number): Promise<string> {
  const messages = [{ role: 'user', content: 'hello' }];
  const body = { model: agentName, stream, max_completion_tokens: most, messages };
  let answer;
  try {
    answer = await call(`${tenant.url}/v1/chat/completions`, { method: 'POST', key, body });
  } catch (error) {
    return isCutOff(error) ? 'cut off' : String(error);
  }
  const { status, text } = answer;
  if (status === 200) return (stream ? text.endsWith(endMark) : whole.safeParse(JSON.parse(text)).success) ? 'whole' : text;
  return `${status} ${text.includes('<center>nginx</center>') ? 'of the Ingress' : refusal.parse(JSON.parse(text)).error.code}`;
}
/** The connection ended without an answer, within its head, or within its body. */
const isCutOff = (error: unknown): boolean =>
  error instanceof errors.SocketError ||
  (error instanceof errors.HTTPParserError && error.message.includes('Invalid EOF state')) ||
  (error instanceof Error && 'code' in error && error.code === 'ECONNRESET');
const whole = z.object({ choices: z.tuple([z.object({ finish_reason: z.literal('stop') })]) });
const refusal = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
const usage = z.object({ total: z.object({ requests: z.int(), micro_usd: z.int() }) });

test('of a thousand callers at once those of a replica that is killed are cut off or told so, all others are answered in full, and each call is billed once', async () => {
  const longest = 20;
  const bills = new BillingProvider(longest);
  bills.together = Infinity; // nobody is told anything before the kill
  model.answer = bills.answer;
  const { id, key } = await issue({ name: 'crowd' });
  await inForce();
  const patient = performance.now() + 40_000;
  // On a busy machine agents may be out of reach for a moment: then nothing was sent, and it is asked again.
  const caller = async (stream: boolean) => {
    for (;;) {
      const outcome = await outcomeOf(key, stream, longest);
      if (!outcome.startsWith('503 ') || performance.now() > patient) return outcome;
      await sleep(1_000 * Math.random());
    }
  };
  const callers = Promise.all(Array.from({ length: 1_000 }, (_, turn) => caller(turn % 2 === 0)));
  await until('many of them at the provider', () => Promise.resolve(bills.most >= 200), { within: 30_000, every: 5 });
  const [victim] = await podsOf(world, 'edge');
  if (!victim) throw new Error('no replica of edge runs');
  await signal(world, victim, 'SIGKILL');
  await until('calls of its callers to be cut at the provider', () => Promise.resolve(bills.cut > 0), { within: 10_000, every: 5 });
  bills.together = 1;
  const outcomes = Map.groupBy(await callers, (outcome) => outcome);
  const counts = Object.fromEntries([...outcomes].map(([outcome, { length }]) => [outcome, length]));
  console.log(`${JSON.stringify(counts)}; ${bills.calls} calls at the provider, ${bills.most} at once, ${bills.cut} cut`);

  expect([...outcomes.keys()].filter((outcome) => !/^(whole|cut off|50[23] .*)$/.test(outcome))).toEqual([]);
  const { whole: answered = 0 } = counts;
  expect(answered).toBeGreaterThan(0);
  const told = async () => usage.parse(JSON.parse((await call(`${tenant.url}/v1/usage?key=${id}`, { key: tenant.key })).text)).total;
  await until('usage that has it all', async () => (await told()).requests >= bills.calls, { within: 20_000 });
  const { requests, micro_usd } = await told();
  expect(requests).toBe(bills.calls);
  // How far a call came whose caller was cut off, egress may not have heard: it is billed as far as it may have come.
  expect(micro_usd).toBeGreaterThanOrEqual(bills.microUsd);
  expect(micro_usd).toBeLessThanOrEqual(bills.microUsd + (bills.calls - answered) * longest);
  await until('both replicas', async () => (await podsOf(world, 'edge')).length === replicas, { within: 30_000 });
});
