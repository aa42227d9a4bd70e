import type { Voucher } from '@cloister/tenancy';
import { expect, test } from 'vitest';
import type { KnownCaller } from './authenticate.ts';
import { vouchers } from './vouchers.ts';

const id = '0123456789ab';
const ofKey = (budget?: Voucher['budget']): KnownCaller => ({
  tenant: 'acme',
  subject: `key:${id}`,
  scopes: ['chat'],
  apiKey: { id, name: 'website', hash: '', scopes: ['chat'], ...(budget && { budget }) },
});
const ofUser = (subject: string): KnownCaller => ({ tenant: 'acme', subject, scopes: ['chat'] });

function signing() {
  const signed: Voucher[] = [];
  const voucherFor = vouchers((voucher) => Promise.resolve(String(signed.push(voucher))));
  return { signed, voucherFor };
}

test('a voucher is used again for the same caller and agent, and for no other', async () => {
  const { signed, voucherFor } = signing();
  const asked = [
    [ofKey(), 'uid', 'support'],
    [ofKey(), 'uid', 'support'],
    [ofKey(), 'uid', 'sales'],
    [ofKey(), 'uid-of-the-next', 'support'],
    [ofUser('user:hs256|ada'), 'uid', 'support'],
    [ofUser('user:hs256|bob'), 'uid', 'support'],
  ] as const;
  const given = await Promise.all(asked.map(([caller, uid, agent]) => voucherFor(caller, uid, agent)));
  expect(given).toEqual(['1', '1', '2', '3', '4', '5']);
  expect(signed[0]).toEqual({ tenantUid: 'uid', agent: 'support', caller: `key:${id}` });
  expect(signed[3]?.caller).toMatch(/^user:[0-9a-f]{32}$/);
});

test('a budget that has changed is in the next voucher', async () => {
  const { signed, voucherFor } = signing();
  for (const usd of [1, 2]) await voucherFor(ofKey({ daily: { usd } }), 'uid', 'support');
  expect(signed.map(({ budget }) => budget?.daily?.usd)).toEqual([1, 2]);
});
