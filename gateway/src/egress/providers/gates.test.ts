import { ApiError } from '@cloister/api-errors';
import type { ProviderDocument } from '@cloister/tenancy';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Gates, type Verdict } from './gates.ts';

const provider: ProviderDocument = { name: 'p', type: 'OpenAI', timeoutSeconds: 5, models: [], concurrentCallsPerReplica: 1 };
const staying = new AbortController().signal;

let gates: Gates;
beforeEach(() => {
  vi.useFakeTimers();
  gates = new Gates();
});
afterEach(() => {
  vi.useRealTimers();
});

/** What became of a call: how it is told, or the code of what it was refused with. */
async function call(tenant: string, verdict: Verdict, of = provider): Promise<string> {
  try {
    (await gates.enter(of, tenant, staying)).leave(verdict);
    return verdict;
  } catch (error) {
    return error instanceof ApiError ? error.code : String(error);
  }
}
async function failFor(tenant: string, verdict: Verdict): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await call(tenant, verdict);
  expect(await call(tenant, 'answered')).toBe('provider_unavailable');
}

describe('a call that does not go out leaves it to the next one to try whether the provider is well again', () => {
  test('where all places are taken', async () => {
    await failFor('acme', 'failed');
    vi.advanceTimersByTime(1_000);
    await call('acme', 'failed');
    const other = await gates.enter(provider, 'other', staying);
    vi.advanceTimersByTime(2_000);
    const busy = call('acme', 'answered');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await busy).toBe('provider_busy');
    other.leave('answered');
    expect(await call('acme', 'answered')).toBe('answered');
  });

  test('where its caller leaves while it waits for a place', async () => {
    await failFor('acme', 'failed');
    const other = await gates.enter(provider, 'other', staying);
    vi.advanceTimersByTime(1_000);
    const leaving = new AbortController();
    const gone = gates.enter(provider, 'acme', leaving.signal);
    leaving.abort(new Error('gone'));
    await expect(gone).rejects.toThrow('gone');
    other.leave('answered');
    expect(await call('acme', 'answered')).toBe('answered');
  });

  test('where the provider is left alone for its tenant, and it would have been the one that tries for all', async () => {
    await failFor('acme', 'failed');
    vi.advanceTimersByTime(1_000);
    await call('acme', 'failed'); // which is left alone for two seconds now
    await failFor('other', 'unreachable');
    vi.advanceTimersByTime(1_000);
    expect(await call('acme', 'answered')).toBe('provider_unavailable');
    expect(await call('other', 'answered')).toBe('answered');
  });

  test('where a budget refuses it', async () => {
    await failFor('acme', 'failed');
    vi.advanceTimersByTime(1_000);
    await call('acme', 'untried');
    expect(await call('acme', 'answered')).toBe('answered');
  });
});

test.each<Verdict>(['unreachable', 'failed'])(
  'a provider that was %s is called at once when it has been given another address',
  async (verdict) => {
    const wrong = { ...provider, baseURL: 'https://api.example.org/v2' };
    for (let turn = 0; turn < 5; turn++) await call('acme', verdict, wrong);
    expect(await call('acme', 'answered', wrong)).toBe('provider_unavailable');
    expect(await call('acme', 'answered', { ...provider, baseURL: 'https://api.example.org/v1' })).toBe('answered');
  },
);
