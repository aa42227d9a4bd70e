/**
 * What bad credentials cost others, and what their answers give away: `node test/load/floods.ts [--quick]`.
 *
 * Floods: one caller asks edge, one request after the other, while a worker sends requests with bad credentials, or with good ones of another
 * tenant to compare with, at a fixed pace. Client, worker, edge and stub share the machine, so a flood takes time from the caller's
 * own side as well. Timing: bad credentials of several kinds in random order, round by round; differences are taken within a round. An interval
 * that holds 0 means that so many requests do not tell the kinds apart.
 */
import { createApiKey } from '@cloister/identity';
import { createHmac, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Pool } from 'undici';
import { z } from 'zod';
import { openStores } from './gateway/stores.ts';
import { machine } from './measuring/machine.ts';
import { cpuMicroseconds } from './measuring/process.ts';
import { bootstrap, median, quantile, shuffled, type Interval } from './measuring/statistics.ts';
import { printTable } from './measuring/table.ts';
import { atMost, printFigures, type Figure } from './scale/figure.ts';
import { makeKeys } from './servers/keys.ts';
import { startServer } from './servers/start.ts';

const quick = process.argv.includes('--quick');
const plan = quick ? { rounds: 1, seconds: 1, timingRounds: 20 } : { rounds: 5, seconds: 4, timingRounds: 300 };
const perTimingRound = 10;
/** Either way, where the interval does not reach less. Anybody's network varies by more from one request to the next. */
const tellingMicroseconds = 20;

const stub = await startServer('stub');
const keys = await makeKeys();
const stores = await openStores();
const edge = await startServer('edge', { upstream: stub.said.url, keys, stores: stores.setup });
const origin = edge.said.url;
const pool = new Pool(origin, { connections: 1 });
const path = '/v1/chat/completions';
const body = JSON.stringify({ model: 'support', messages: [{ role: 'user', content: 'How do I cancel my order?' }] });
const good = (edge.said.headers['authorization'] ?? '').replace('Bearer ', '');

/** Milliseconds until the whole answer was there. */
async function ask(credential: string, expected: number): Promise<number> {
  const started = performance.now();
  const headers = { authorization: `Bearer ${credential}`, 'content-type': 'application/json' };
  const { statusCode, body: answer } = await pool.request({ path, method: 'POST', headers, body });
  await answer.dump();
  if (statusCode !== expected) throw new Error(`edge answered ${statusCode} instead of ${expected}`);
  return performance.now() - started;
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
function hs256(tenant: string): string {
  const text = `${part({ alg: 'HS256' })}.${part({ tenant_id: tenant, exp: 4e9, jti: randomBytes(8).toString('hex') })}`;
  return `${text}.${createHmac('sha256', randomBytes(32)).update(text).digest('base64url')}`;
}
/** Tenants t0 to t999 exist; s0 to s999 do not, and their names are as long. */
const anyOf = (letter: string) => `${letter}${100 + Math.floor(Math.random() * 900)}`;
const bad: Readonly<Record<string, () => string>> = {
  'API key, unknown tenant': () => createApiKey(anyOf('s')),
  'API key, unknown id of a tenant': () => createApiKey(anyOf('t')),
  'API key, wrong secret': () => good.replace(/[0-9a-f]{64}$/, () => randomBytes(32).toString('hex')),
  'HS256, unknown tenant': () => hs256(anyOf('s')),
  'HS256, wrong secret': () => hs256(anyOf('t')),
};
const flooded = z.object({ answered: z.record(z.string(), z.number()), seconds: z.number() });

interface Flood {
  readonly name: string;
  readonly keys: readonly string[];
  readonly perSecond: number;
}

interface Seen {
  /** Of the caller, in milliseconds. */
  readonly times: readonly number[];
  /** Requests of the flood that were answered in a second. */
  readonly rate: number;
  /** Share of a processor that edge used, in percent. */
  readonly busy: number;
}

async function during({ keys, perSecond }: Flood): Promise<Seen> {
  const worker =
    perSecond > 0
      ? new Worker(join(import.meta.dirname, 'floods', 'flooder.ts'), { workerData: { origin, path, body, keys, perSecond } })
      : undefined;
  await sleep(500);
  const before = { cpu: cpuMicroseconds(edge.pid), at: performance.now() };
  const times: number[] = [];
  const until = performance.now() + plan.seconds * 1000;
  while (performance.now() < until) {
    times.push(await ask(good, 200));
    await sleep(2);
  }
  const busy = (cpuMicroseconds(edge.pid) - before.cpu) / (performance.now() - before.at) / 10;
  if (!worker) return { times, rate: 0, busy };
  const told = new Promise((resolve) => worker.once('message', resolve));
  worker.postMessage('stop');
  const { answered, seconds } = flooded.parse(await told);
  await worker.terminate();
  const rate = Object.values(answered).reduce((sum, count) => sum + count, 0) / seconds;
  return { times, rate, busy };
}

interface Round {
  readonly p50: number;
  readonly p99: number;
  readonly rate: number;
  readonly busy: number;
}

async function floods(): Promise<void> {
  const bads = Object.values(bad).flatMap((make) => Array.from({ length: 50 }, make));
  const quiet: Flood = { name: 'nothing', keys: [], perSecond: 0 };
  const badOnes = (perSecond: number): Flood => ({ name: 'bad credentials', keys: bads, perSecond });
  const goodOnes = (perSecond: number): Flood => ({ name: 'good ones of another', keys: edge.said.others.slice(0, 100), perSecond });
  const [few, asFew, many, asMany] = [badOnes(250), goodOnes(250), badOnes(1000), goodOnes(1000)];
  const kinds: readonly Flood[] = [quiet, few, asFew, many, asMany];
  const found = new Map<Flood, Round[]>(kinds.map((kind) => [kind, []]));
  for (let round = 0; round < plan.rounds; round++) {
    for (const kind of shuffled(kinds)) {
      const { times, rate, busy } = await during(kind);
      found.get(kind)?.push({ p50: median(times), p99: quantile(times, 0.99), rate, busy });
    }
  }
  const rows = [...found].map(([{ name, perSecond }, rounds]) => {
    const of = (figure: keyof Round) => median(rounds.map((one) => one[figure]));
    return [name, String(perSecond), of('rate').toFixed(0), of('p50').toFixed(2), of('p99').toFixed(2), of('busy').toFixed(0)];
  });
  printTable(['beside the caller', 'sent a second', 'answered a second', 'caller p50, ms', 'caller p99, ms', 'edge busy, %'], rows);
  /** Of the caller's p50, within a round. */
  const ratio = (beside: Flood, other: Flood) =>
    bootstrap((found.get(beside) ?? []).map(({ p50 }, round) => p50 / (found.get(other)?.[round]?.p50 ?? NaN)));
  printFigures('What a flood costs the caller, p50', [
    atMost('beside 250 bad credentials a second, over alone', ratio(few, quiet).median, 1.5, '×'),
    noMore('beside 250 bad credentials a second, over as many good ones of another', ratio(few, asFew)),
    noMore('beside 1,000 bad credentials a second, over as many good ones of another', ratio(many, asMany)),
  ]);
}

/** It holds unless the interval says that it is more. */
const noMore = (what: string, { median: middle, low, high }: Interval): Figure => ({
  what,
  goal: 'no more',
  measured: `${middle.toFixed(2)} × (${low.toFixed(2)} … ${high.toFixed(2)})`,
  holds: low <= 1,
});

async function timing(): Promise<void> {
  const rounds: Record<string, number>[] = [];
  for (let round = 0; round < plan.timingRounds; round++) {
    const times: Record<string, number[]> = {};
    const turns = Object.keys(bad).flatMap((kind) => Array.from({ length: perTimingRound }, () => kind));
    for (const kind of shuffled(turns)) (times[kind] ??= []).push(await ask(bad[kind]?.() ?? '', 401));
    rounds.push(Object.fromEntries(Object.entries(times).map(([kind, all]) => [kind, median(all)])));
  }
  const compare = (kind: string, unknown: string): Figure => {
    const { median: difference, low, high } = bootstrap(rounds.map((round) => ((round[kind] ?? NaN) - (round[unknown] ?? NaN)) * 1000));
    return {
      what: `answer to "${kind}", slower than to "${unknown}"`,
      goal: `≤ ${tellingMicroseconds} µs`,
      measured: `${difference.toFixed(1)} µs (${low.toFixed(1)} … ${high.toFixed(1)})`,
      holds: low <= tellingMicroseconds && high >= -tellingMicroseconds,
    };
  };
  printFigures(`What the time of an answer tells: ${plan.timingRounds} rounds of ${perTimingRound} requests of each kind`, [
    compare('API key, unknown id of a tenant', 'API key, unknown tenant'),
    compare('API key, wrong secret', 'API key, unknown tenant'),
    compare('HS256, wrong secret', 'HS256, unknown tenant'),
  ]);
}

try {
  console.log(
    `# Floods of bad credentials\n\n${await machine()}\n- edge with everything on, limits counted in Redis, plain HTTP to the stub\n`,
  );
  for (let turn = 0; turn < 500; turn++) await ask(good, 200);
  await floods();
  await timing();
} finally {
  await pool.close();
  await Promise.all([edge.close(), stub.close()]);
  await stores.close();
}
