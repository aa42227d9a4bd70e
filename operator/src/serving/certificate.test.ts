import { makeAuthority, makeServerCertificate, readCertificate, readPair, textOf } from '@cloister/certificates';
import { servingKey } from '@cloister/tenancy';
import { describe, expect, test } from 'vitest';
import { base64 } from '../child.ts';
import type { Secret } from '../kinds.ts';
import { servingCertificate, type Wanted } from './certificate.ts';

const day = 86_400_000;
const now = new Date('2026-06-30T00:00:00Z');
const ago = (days: number) => new Date(now.getTime() - days * day);
const [signer, successor] = await Promise.all(['one', 'two'].map((name) => makeAuthority(name, { from: ago(300), days: 700 })));
if (!signer || !successor) throw new Error('two authorities were made');
const due = { maxAgeDays: 30, holder: 'uid-acme', request: undefined };

const secretWith = (text: string, madeAt: Date, more: Readonly<Record<string, string>> = {}): Secret => ({
  metadata: {
    name: 'serving',
    namespace: 'tenant-acme',
    resourceVersion: '7',
    annotations: { 'cloister.dev/made-at': madeAt.toISOString(), ...more },
  },
  data: { [servingKey]: base64(text) },
});
const made = async (days: number, host = '*.tenant-acme.svc', by = signer) =>
  textOf(await makeServerCertificate([host], { from: ago(days), days: 90 }, by));
const young = await made(1);
const ask = (given: Partial<Wanted>) =>
  servingCertificate({
    ...{ tenant: 'acme', secret: undefined, signer, due, now },
    signsNow: () => Promise.resolve('signer' in given ? given.signer : signer),
    ...given,
  });

test.each<[string, Partial<Wanted>, boolean]>([
  ['that is young stays', { secret: secretWith(young, ago(1)) }, false],
  ['that is old is replaced', { secret: secretWith(await made(31), ago(31)) }, true],
  [
    'that is old stays where rotation by age is off',
    { secret: secretWith(await made(31), ago(31)), due: { ...due, maxAgeDays: 0 } },
    false,
  ],
  [
    'in the last third of its life is replaced all the same',
    { secret: secretWith(await made(61), ago(61)), due: { ...due, maxAgeDays: 0 } },
    true,
  ],
  ['for which somebody asked is replaced', { secret: secretWith(young, ago(1)), due: { ...due, request: 'monday' } }, true],
  [
    'that was made for that request stays',
    { secret: secretWith(young, ago(1), { 'cloister.dev/made-for': 'monday' }), due: { ...due, request: 'monday' } },
    false,
  ],
  ['of an authority that signs no more is replaced', { secret: secretWith(young, ago(1)), signer: successor }, true],
  ['of another tenant is replaced', { secret: secretWith(await made(1, '*.tenant-bravo.svc'), ago(1)) }, true],
  [
    'by somebody who calls himself the authority is replaced',
    { secret: secretWith(await made(1, '*.tenant-acme.svc', successor), ago(1)) },
    true,
  ],
  ['that cannot be read is replaced', { secret: secretWith('nonsense', ago(1)) }, true],
  ['that has lost its key is replaced', { secret: secretWith(young.replace(/-----BEGIN PRIVATE[^]*/, ''), ago(1)) }, true],
])('a certificate %s', async (_, given, replaced) => {
  const is = await ask(given);
  expect(is?.replaces).toBe(replaced);
  expect(is?.basedOn).toBe('7');
  const pair = readPair(is?.text);
  const certificate = readCertificate(pair?.certificate);
  expect(certificate?.checkHost('support.tenant-acme.svc')).toBeDefined();
  expect(certificate?.issuer).toBe(readCertificate((given.signer ?? signer).certificate)?.subject);
});

test('without an authority there is none, and one that is there stays', async () => {
  expect(await ask({ signer: undefined })).toBeUndefined();
  expect((await ask({ signer: undefined, secret: secretWith(young, ago(80)) }))?.text).toBe(young);
});

test('the first is made for the request that stands, and replaces nobody’s', async () => {
  expect(await ask({ due: { ...due, request: 'monday' } })).toMatchObject({ request: 'monday', replaces: false, basedOn: 'absent' });
});

const old = secretWith(await made(31), ago(31));
describe('while the cache has the authority that signed before', () => {
  const past = { signer, signsNow: () => Promise.resolve(successor) };

  test('a certificate by the one of now stays', async () => {
    const text = await made(1, '*.tenant-acme.svc', successor);
    expect(await ask({ ...past, secret: secretWith(text, ago(1)) })).toMatchObject({ text, replaces: false });
  });

  test.each([
    ['the first', undefined],
    ['one that takes the place of an old one', old],
  ])('%s is made by the one of now', async (_, secret) => {
    const is = await ask({ ...past, secret });
    expect(readCertificate(readPair(is?.text)?.certificate)?.issuer).toBe(readCertificate(successor.certificate)?.subject);
  });
});
