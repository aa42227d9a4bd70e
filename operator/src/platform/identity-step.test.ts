import { expect, test } from 'vitest';
import { contentOf, identityIn, newKey, nothingLeft, publicOf, type Identity } from './identity-secret.ts';
import { stepOf, type Seen } from './identity-step.ts';

const now = new Date('2026-06-30T00:00:00Z');
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000);
const day = 86_400;
const [a, b, c] = await Promise.all([newKey(ago(day), undefined), newKey(ago(400), 'monday'), newKey(ago(0), undefined)]);
const [A, B, C] = [a, b, c].map(({ jwk }) => publicOf(jwk));
if (!A || !B || !C) throw new Error('three keys were made');

const due = { maxAgeDays: 90, holder: 'edge-identity', request: undefined };
const calm: Identity = { current: a, next: undefined, trusted: [A], former: [] };
const spreading: Identity = { current: a, next: b, trusted: [A, B], former: [] };
const ending = (seconds: number): Identity => ({ current: { ...b, madeAt: ago(seconds) }, next: undefined, trusted: [A, B], former: [] });
/** Agents have forgotten A, and egress is to know it for so many seconds more. */
const vouched = (seconds: number): Identity => ({ ...calm, current: b, trusted: [B], former: [{ ...A, vouchersUntil: ago(-seconds) }] });

const step = (identity: Identity, rest: Partial<Seen> = {}) =>
  stepOf({ identity, publishedSince: ago(300), due, settleSeconds: 300, now, ...rest });

test.each<[string, Identity, Partial<Seen>, object]>([
  ['a key that is young', calm, {}, { does: 'nothing' }],
  ['a key that is old', { ...calm, current: { ...a, madeAt: ago(91 * day) } }, {}, { does: 'make the next key' }],
  ['an old key where rotation by age is off', calm, { now: new Date('2096-01-01'), due: { ...due, maxAgeDays: 0 } }, { does: 'nothing' }],
  ['a key for which somebody asked', calm, { due: { ...due, request: 'monday' } }, { does: 'make the next key' }],
  ['a next key that not every tenant has', spreading, { publishedSince: undefined }, { does: 'wait', until: undefined }],
  [
    'a next key that pods may not have yet',
    spreading,
    { publishedSince: ago(299) },
    { does: 'wait', until: new Date(now.getTime() + 1000) },
  ],
  [
    'a next key that is younger than what tenants say',
    { ...spreading, next: { ...b, madeAt: ago(100) } },
    { publishedSince: new Date(0) },
    { does: 'wait', until: new Date(now.getTime() + 200_000) },
  ],
  [
    'a next key that every pod has',
    spreading,
    {},
    { does: 'write', identity: { current: { ...b, madeAt: now }, next: undefined, trusted: [A, B] } },
  ],
  ['an old key whose tokens may still be under way', ending(364), {}, { does: 'wait', until: new Date(now.getTime() + 1000) }],
  [
    'an old key whose last token has expired, but not its last voucher',
    ending(365),
    {},
    { does: 'write', identity: { trusted: [B], former: [{ ...A, vouchersUntil: ago(365 - 300 - 3_660 - 5) }] } },
  ],
  ['a former key whose vouchers may still be under way', vouched(1), {}, { does: 'wait', until: ago(-1) }],
  ['a former key whose last voucher has expired', vouched(0), {}, { does: 'write', identity: { trusted: [B], former: [] } }],
  [
    'a former key whose last voucher has expired while a rotation waits for tenants',
    { ...spreading, former: [{ ...C, vouchersUntil: ago(0) }] },
    { publishedSince: undefined },
    { does: 'write', identity: spreading },
  ],
  [
    'a former key whose last voucher has not expired, meanwhile',
    { ...spreading, former: [{ ...C, vouchersUntil: ago(-1) }] },
    { publishedSince: undefined },
    { does: 'wait', waitingFor: 'every tenant to have the next key' },
  ],
  [
    'a request while vouchers of a former key are under way',
    vouched(1),
    { due: { ...due, request: 'tuesday' } },
    { does: 'make the next key' },
  ],
  ['another request during a rotation', spreading, { publishedSince: undefined, due: { ...due, request: 'tuesday' } }, { does: 'wait' }],
  ['another request before the old key is forgotten', ending(0), { due: { ...due, request: 'tuesday' } }, { does: 'wait' }],
  [
    'a key that somebody took from the public ones',
    { ...calm, trusted: [B] },
    {},
    { does: 'write', identity: { ...calm, trusted: [B, A] } },
  ],
  ['a next key that somebody took from them', { ...spreading, trusted: [A] }, {}, { does: 'write', identity: spreading }],
  ['a public key under the name of another', { ...calm, trusted: [{ ...C, kid: A.kid }] }, {}, { does: 'write', identity: calm }],
])('%s', (_, identity, rest, expected) => {
  expect(step(identity, rest)).toMatchObject(expected);
});

test.each([
  ['calm', calm],
  ['spreading', spreading],
  ['ending', ending(3)],
  ['vouched', vouched(60)],
] as const)('a state that is %s is read back from its Secret', (_, identity) => {
  const { annotations, data } = contentOf(identity);
  expect(identityIn({ metadata: { name: 'edge-identity', annotations }, data })).toEqual(identity);
});

test('whatever a state does not have is taken away by the patch that writes it', () => {
  const most = contentOf({ ...spreading, current: b });
  const least = contentOf(calm);
  for (const part of ['annotations', 'data'] as const)
    expect(Object.keys({ ...nothingLeft[part], ...least[part] }).sort()).toEqual(Object.keys(most[part]).sort());
});

test('nothing private is among the public keys, even where somebody put it there', () => {
  const { annotations, data } = contentOf({ ...calm, trusted: [a.jwk] });
  const read = identityIn({ metadata: { name: 'edge-identity', annotations }, data });
  expect(JSON.stringify(read?.trusted)).not.toContain(a.jwk.d);
});
