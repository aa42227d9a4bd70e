/** How an attempt is settled that ends in a way which no provider brings about. */
import { createRegistry } from '@cloister/telemetry';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { policyOf } from '../../policy.fixture.ts';
import type { Exchange, Facts } from '../../server/exchange.ts';
import type { Reported } from '../budget/used.ts';
import { model } from '../egress.fixture.ts';
import { fail } from '../errors.ts';
import { egressMetrics } from '../metrics.ts';
import { Gates } from '../providers/gates.ts';
import { openAICompatible } from '../providers/openai/openai.ts';
import { NeverSent } from '../providers/provider.ts';
import { providerDouble, type ProviderDouble } from '../providers/provider.double.ts';
import { attempt, type Attempt } from './attempt.ts';
import { chatOperation } from './chat-operation.ts';
import { Tally } from './tally.ts';

async function attemptUnderTest() {
  const provider = await providerDouble();
  const client = openAICompatible();
  onTestFinished(async () => {
    await client.close();
    await provider[Symbol.asyncDispose]();
  });
  const leaving = new AbortController();
  const facts: Record<string, Facts[string]> = {};
  const exchange: Exchange = {
    id: 'r1',
    span: { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 },
    recorded: undefined,
    gone: leaving.signal,
    route: '/v1/chat/completions',
    note: (more) => void Object.assign(facts, more),
    facts,
  };
  const operation = chatOperation({ model: 'p/m1', messages: [{ role: 'user', content: 'Hi' }] }, 100);
  const call: Attempt = {
    response: new ServerResponse(new IncomingMessage(new Socket())),
    exchange,
    policy: policyOf('acme'),
    agent: 'support',
    voucher: undefined,
    operation,
    model: 'p/m1',
    target: {
      provider: { name: 'p', type: 'OpenAICompatible', baseURL: provider.baseURL, timeoutSeconds: 5, models: [] },
      model: model('m1'),
      credential: undefined,
      whose: undefined,
    },
    worst: operation.worst('p/m1', model('m1')),
    left: 5,
    tally: new Tally(exchange),
    soft: undefined,
    keep: undefined,
  };
  const settled: Reported[] = [];
  const parts = (reserving: () => Promise<unknown>) => {
    const gates = new Gates();
    const reserve = async () => {
      await reserving();
      return { outputTokens: 1000, settle: (used: Reported) => BigInt(settled.push(used)) };
    };
    return {
      budget: { reserve },
      gates,
      providerFor: () => client,
      metrics: egressMetrics(createRegistry(), () => ({ unreported: 0, leases: 0 }), gates),
    };
  };
  return { provider, leaving, call, parts, settled };
}

test.each([
  ['an answer', (provider: ProviderDouble) => provider.baseURL],
  ['a failure', () => 'http://127.0.0.1:1/v1'],
])(
  'where it cannot be worked out what was used, all that was reserved is settled, and the error is heard of: after %s',
  async (_, place) => {
    const { provider, call, parts, settled } = await attemptUnderTest();
    const unreadable = new RangeError('Maximum call stack size exceeded');
    const begin: Attempt['operation']['begin'] = () => ({
      run: async () => {
        await fetch(place(provider), { method: 'POST', body: '{}' });
        return 'complete';
      },
      reported: undefined,
      used: () => Promise.reject(unreadable),
    });
    const trying = attempt(
      { ...call, operation: { ...call.operation, begin } },
      parts(() => Promise.resolve()),
    );
    await expect(trying).rejects.toBe(unreadable);
    expect(settled[0]).toMatchObject({ inputTokens: call.worst.inputTokens, outputTokens: 1000 });
  },
);

test('a caller that leaves while the budget is asked pays nothing, and nobody is asked', async () => {
  const { provider, leaving, call, parts, settled } = await attemptUnderTest();
  const leave = async () => {
    await turn();
    leaving.abort();
  };
  expect(await attempt(call, parts(leave))).toBeUndefined();
  expect(settled).toEqual([{ inputTokens: 0, outputTokens: 0 }]);
  expect(provider.asked).toEqual([]);
});

test('a call whose caller leaves before it was sent leaves it to the next one to try whether the provider is well again', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const { provider, leaving, call, parts } = await attemptUnderTest();
  const begin: Attempt['operation']['begin'] = (bounds) => ({
    ...call.operation.begin(bounds),
    run: () => {
      leaving.abort();
      return Promise.reject(new NeverSent(leaving.signal.reason)); // as while it connects
    },
  });
  const asked = parts(() => Promise.resolve());
  for (let turn = 0; turn < 5; turn++) (await asked.gates.enter(call.target.provider, 'acme', call.exchange.gone)).leave('failed');
  vi.setSystemTime(Date.now() + 1_000);
  expect(await attempt({ ...call, operation: { ...call.operation, begin } }, asked)).toBeUndefined();
  expect(await attempt({ ...call, exchange: { ...call.exchange, gone: new AbortController().signal } }, asked)).toBeUndefined();
  expect(provider.asked).toHaveLength(1);
});

test('a call that the budget refuses leaves it to the next one to try whether the provider is well again', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const { provider, call, parts } = await attemptUnderTest();
  let refuses = true;
  const asked = parts(() => (refuses ? Promise.reject(fail('budget_unavailable')) : Promise.resolve()));
  for (let turn = 0; turn < 5; turn++) (await asked.gates.enter(call.target.provider, 'acme', call.exchange.gone)).leave('failed');
  vi.setSystemTime(Date.now() + 1_000);
  expect(await attempt(call, asked)).toMatchObject({ failure: { code: 'budget_unavailable' }, sent: false });
  refuses = false;
  expect(await attempt(call, asked)).toBeUndefined();
  expect(provider.asked).toHaveLength(1);
});
