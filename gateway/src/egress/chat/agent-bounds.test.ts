/** What egress refuses an agent's pod, whatever runs in it. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { providerUnderTest } from '../providers/provider.fixture.ts';
import type { AgentBounds } from './agent-bounds.ts';

const { egress, provider, running, become, chat, refusalOf } = await providerUnderTest();
const bound = (bounds: AgentBounds, name = 'support') => become({ agents: [{ name, url: 'https://127.0.0.1:1', bounds }] });
const refusal = async (body: object) => refusalOf(await chat(body));
const called = (name: string) => ({ type: 'function', function: { name, parameters: { type: 'object' } } });

describe('the temperature', () => {
  beforeEach(() => bound({ temperature: { min: 0.2, max: 1 } }));

  test.each([1.1, 0.1, '0.5', [0.5]])('%j is refused beyond the bounds of the agent', async (temperature) => {
    const told = await refusal({ temperature });
    expect(told).toMatchObject({ status: 403, code: 'parameter_not_allowed', param: 'temperature' });
    expect(told.message).toMatch(/agent "support" may ask for 0\.2 to 1/);
    expect(provider.asked).toEqual([]);
  });

  const asked = async (temperature: unknown) => {
    expect((await chat({ temperature })).status).toBe(200);
    return provider.asked.at(-1)?.body['temperature'];
  };

  test.each([0.2, 1])('%j is within them', async (temperature) => {
    expect(await asked(temperature)).toBe(temperature);
  });

  test.each([null, undefined])('%j is the usual one, or the nearest within them: a provider’s own may lie beyond', async (temperature) => {
    for (const [min, max, expected] of [
      [0.2, 1.5, 1],
      [0, 0.7, 0.7],
      [1.2, 1.5, 1.2],
    ] as const) {
      await bound({ temperature: { min, max } });
      expect(await asked(temperature)).toBe(expected);
    }
    await bound({});
    expect(await asked(temperature)).toBe(temperature);
  });
});

describe('tools', () => {
  test.each([
    ['by another name', { tools: [called('weather'), called('shell')] }, /no tool "shell"/],
    ['without a name', { tools: [{ type: 'function', function: {} }] }, /no tool "without a name"/],
    [
      'whose name stands where nobody looks',
      { tools: [{ type: 'custom', function: { name: 'weather' }, custom: { name: 'shell' } }] },
      /"shell"/,
    ],
    ['by the field of before', { functions: [{ name: 'shell' }] }, /"shell"/],
    ['in no list', { tools: called('shell') }, /"shell"/],
    ['of a very long name', { tools: [called('x'.repeat(1_000))] }, /no tool "x{64}";/],
  ])('%s are refused', async (_, body, message) => {
    await bound({ tools: ['weather'] });
    const told = await refusal(body);
    expect(told).toMatchObject({ status: 403, code: 'tool_not_allowed', param: 'tools' });
    expect(told.message).toMatch(message);
    expect(provider.asked).toEqual([]);
  });

  test('that the AgentConfig names reach the model', async () => {
    await bound({ tools: ['weather', 'time'] });
    expect((await chat({ tools: [called('time'), called('weather')], functions: null })).status).toBe(200);
    expect(provider.asked[0]?.body['tools']).toEqual([called('time'), called('weather')]);
  });

  test('are all refused by an empty list, and none without one', async () => {
    await bound({ tools: [] });
    expect((await refusal({ tools: [called('weather')] })).code).toBe('tool_not_allowed');
    expect((await chat({ tools: [] })).status).toBe(200);
    await bound({});
    expect((await chat({ tools: [called('weather')] })).status).toBe(200);
  });
});

describe('the longest answer', () => {
  const told = () => {
    const { max_tokens, max_completion_tokens } = provider.asked.at(-1)?.body ?? {};
    return { max_tokens, max_completion_tokens };
  };

  test('is lowered to the bound, under either name and without one', async () => {
    await bound({ maxOutputTokens: 100 });
    await chat({ max_tokens: 900 });
    expect(told()).toEqual({ max_tokens: 100, max_completion_tokens: undefined });
    await chat({ max_completion_tokens: 5_000, n: 2 });
    expect(told(), 'by the one name that every compatible server knows').toEqual({ max_tokens: 100, max_completion_tokens: undefined });
    await chat({});
    expect(told()).toEqual({ max_tokens: 100, max_completion_tokens: undefined });
  });

  test('stays as asked for below it, and is no longer than the model’s where the bound is', async () => {
    await bound({ maxOutputTokens: 2_000 });
    await chat({ max_tokens: 50 });
    expect(told().max_tokens).toBe(50);
    await chat({});
    expect(told().max_tokens).toBe(1_000);
    expect(await refusal({ max_tokens: 1_500 })).toMatchObject({ status: 400, code: 'parameter_too_large' });
  });
});

test('the bounds of one agent are not those of another, and a change is in force for the next call', async () => {
  await bound({ tools: [] }, 'sales');
  expect((await chat({ tools: [called('weather')] })).status).toBe(200);
  await bound({ tools: [] });
  expect((await chat({ tools: [called('weather')] })).status).toBe(403);
});

test('a refusal is on record by its code, and what was asked for is not', async () => {
  await bound({ tools: [] });
  await chat({ tools: [called('secret-tool')] });
  await vi.waitFor(async () => {
    const text = 'select record::text as record from cloister_egress.audit_record where tenant_uid = $1';
    const rows = z.array(z.object({ record: z.string() })).parse(await egress.sql.query(text, [`uid-${running.tenant}`]));
    expect(rows.map(({ record }) => record).join()).toContain('tool_not_allowed');
    expect(rows.map(({ record }) => record).join()).not.toContain('secret-tool');
  }, 3_000);
  expect(egress.lines.join('')).not.toContain('secret-tool');
});
