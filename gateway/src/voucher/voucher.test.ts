import { generateIdentityKeys } from '@cloister/identity';
import { believedKeys, edgeKeys, longestRequestSeconds } from '@cloister/tenancy';
import { expect, test } from 'vitest';
import { voucherSigner } from './sign-voucher.ts';
import { voucherVerifier } from './verify-voucher.ts';

test('a former key is believed until its time has passed, whatever its vouchers say and whether they were seen before', async () => {
  const [old, fresh] = await Promise.all([generateIdentityKeys(), generateIdentityKeys()]);
  const said = { tenantUid: 'uid-acme', agent: 'support', caller: 'key:0123456789ab' };
  const [byOld = '', byFresh = ''] = await Promise.all([old, fresh].map(async ({ privateKey }) => (await voucherSigner(privateKey))(said)));
  let now = Date.now();
  const vouchersUntil = new Date(now + 60_000).toISOString();
  const keys = believedKeys.parse({ keys: [...fresh.jwks.keys, ...old.jwks.keys.map((key) => ({ ...key, vouchersUntil }))] });
  const [seen, unseen] = [1, 2].map(() => voucherVerifier(keys, () => now));
  expect(await seen?.(byOld)).toEqual(said);
  now += 60_000;
  for (const verify of [seen, unseen, voucherVerifier(keys, () => now)]) {
    expect(await verify?.(byOld)).toBeUndefined();
    expect(await verify?.(byFresh)).toEqual(said);
  }
});

test('a voucher is good for as long as a request may last that came 20 s after it was made, and not much longer, seen before or not', async () => {
  const identity = await generateIdentityKeys();
  const said = { tenantUid: 'uid-acme', agent: 'support', caller: 'key:0123456789ab', budget: { daily: { usd: 1 } } };
  const text = await (await voucherSigner(identity.privateKey))(said);
  let now = Date.now();
  const [seen, unseen] = [1, 2].map(() => voucherVerifier(edgeKeys.parse(identity.jwks), () => now));
  expect(await seen?.(text)).toEqual(said);
  now += (20 + longestRequestSeconds) * 1_000;
  expect(await seen?.(text)).toEqual(said);
  now += 60_000;
  for (const verify of [seen, unseen]) expect(await verify?.(text)).toBeUndefined();
});
