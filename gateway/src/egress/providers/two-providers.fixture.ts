/** Egress as a whole with doubles of two providers behind it, one of which may answer in the place of the other. */
import { afterAll, beforeEach, expect, vi } from 'vitest';
import { z } from 'zod';
import { egressUnderTest, type EgressUnderTest } from '../egress.fixture.ts';
import { completion, providerDouble, type ProviderDouble } from './provider.double.ts';

export interface TwoProviders {
  readonly egress: EgressUnderTest;
  readonly provider: ProviderDouble;
  /** Says "from spare". */
  readonly spare: ProviderDouble;
  /** The name that a test may give to a tenant of its own. */
  readonly tenant: () => string;
  /** Adds that tenant, which may use `m1` of a provider of its own name and of one that is called so with `-spare`, for a dollar a day. Returns its token. */
  readonly addTenant: () => Promise<string>;
  /** Status and code. */
  readonly errorOf: (answer: Response) => Promise<readonly [status: number, code: string]>;
  /** Waits until the tenant stands so. */
  readonly settled: (expected: object) => Promise<void>;
}

const errorBody = z.object({ error: z.object({ code: z.string() }) });
let made = 0;

/** To be called outside of tests, once in a file. What the doubles answer and were asked is forgotten with each test. */
export async function twoProvidersUnderTest(): Promise<TwoProviders> {
  const egress = await egressUnderTest({ openAI: { connectTimeout: 300 } });
  const [provider, spare] = await Promise.all([providerDouble(), providerDouble()]);
  let tenant = '';
  beforeEach(() => {
    tenant = `acme${++made}`;
    provider.answer = completion('Hello');
    spare.answer = completion('from spare');
    for (const one of [provider, spare]) one.asked.length = 0;
  });
  afterAll(async () => {
    await Promise.all([egress, provider, spare].map((one) => one[Symbol.asyncDispose]()));
  });
  return {
    ...{ egress, provider, spare },
    tenant: () => tenant,
    addTenant: () =>
      egress.addTenant(tenant, { models: [`${tenant}/m1`, `${tenant}-spare/m1`], budget: { timeZone: 'UTC', daily: { usd: 1 } } }),
    errorOf: async (answer) => [answer.status, errorBody.parse(await answer.json()).error.code],
    settled: (expected) => vi.waitFor(async () => expect(await egress.standing(tenant)).toMatchObject(expected), 3_000),
  };
}
