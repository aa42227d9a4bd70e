/** Credentials of every make, good ones with something changed among them: nobody gets in who should not, and nothing but the documented answers comes back. */
import { ApiError } from '@cloister/api-errors';
import { createApiKey, hashApiKey, parseApiKey } from '@cloister/identity';
import fc from 'fast-check';
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { AccessDirectory } from '../directory/directory.ts';
import { authenticator, type Authenticate } from './authenticate.ts';

const issuer = 'https://login.example';
const secret = 'a-secret-of-at-least-thirty-two-bytes';
const apiKey = createApiKey('acme');
const access = new AccessDirectory();
let authenticate: Authenticate;
/** Credentials that are good as they are. */
let good: readonly string[];
/** How often it was looked up whose a claim is. */
let lookUps = 0;
beforeAll(async () => {
  const key = { id: parseApiKey(apiKey)?.id ?? '', name: 'k', hash: hashApiKey(apiKey), scopes: ['chat' as const] };
  const oidc = [{ issuer, audience: 'acme', tenantClaim: 'org', scopes: ['chat' as const] }];
  access.put('tenant-acme', { tenant: 'acme', apiKeys: [key], oidc, hs256: { secret, scopes: ['chat'] } });
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256' }] });
  const byClaim: typeof access.byClaim = (...names) => {
    lookUps++;
    return access.byClaim(...names);
  };
  const counting = {
    byTenant: access.byTenant,
    byClaim,
    byIssuer: access.byIssuer.bind(access),
    issued: access.issued,
    trustsIssuer: access.trustsIssuer.bind(access),
  };
  authenticate = authenticator(counting, () => Promise.resolve(keys));
  const sign = (alg: string, claims: Record<string, string>) =>
    new SignJWT(claims).setProtectedHeader({ alg, kid: 'k1' }).setSubject('ada').setExpirationTime('1h');
  good = [
    apiKey,
    await sign('HS256', { tenant_id: 'acme' }).sign(new TextEncoder().encode(secret)),
    await sign('RS256', { org: 'acme' }).setIssuer(issuer).setAudience('acme').sign(privateKey),
  ];
});

const base64 = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const claims = fc.oneof(
  fc.dictionary(
    fc.constantFrom('iss', 'aud', 'sub', 'exp', 'nbf', 'org', 'tenant_id', '__proto__', 'constructor'),
    fc.oneof(fc.json(), fc.constantFrom<unknown>(issuer, 'acme', ['acme'], 4e9, -1, null, {})),
  ),
  fc.json(),
);
const headers = fc.record(
  {
    alg: fc.constantFrom<unknown>('HS256', 'RS256', 'none', 'NONE', 'HS512', 'ES256', 1, null, ['HS256'], {}),
    kid: fc.constantFrom<unknown>('k1', '../../x', 7),
    crit: fc.constantFrom<unknown>(['exp'], 'x'),
    b64: fc.boolean(),
    jwk: fc.object(),
  },
  { requiredKeys: [] },
);
const forged = fc
  .tuple(headers, claims, fc.oneof(fc.base64String(), fc.constant('')))
  .map(([head, body, signature]) => `${base64(head)}.${base64(body)}.${signature}`);
/** One of the good ones with a byte changed, left out or put in. The last letter of a signature is left: some of its bits mean nothing. */
const spoilt = fc
  .tuple(
    fc.nat(2),
    fc.nat(),
    fc.constantFrom('change', 'omit', 'insert'),
    fc.oneof(
      fc.nat(15).map((digit) => digit.toString(16)),
      fc.constantFrom('A', '.', '_', '=', '-'),
    ),
  )
  .map(([which, at, how, letter]) => {
    const text = good[which] ?? '';
    const place = at % (text.length - 1);
    return `${text.slice(0, place)}${how === 'omit' ? '' : letter}${text.slice(how === 'insert' ? place : place + 1)}`;
  });
const credential = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 60 }),
  fc.string({ maxLength: 40 }).map((tail) => `ck_${tail}`),
  fc.constantFrom(
    '',
    '.',
    '..',
    '...',
    'ck_',
    `ck_${'a-'.repeat(8_000)}`,
    `ck_acme_${'0'.repeat(15_000)}`,
    '.'.repeat(15_000),
    `${'e30'.repeat(5_000)}.e30.`,
    `${base64({ alg: 'HS256' })}.${base64('['.repeat(9_000))}.x`,
  ),
  forged,
  spoilt,
);
type Headers = Parameters<Authenticate>[0];
const scheme = fc.constantFrom('Bearer ', 'bearer  ', 'Basic ', 'Bearer', '', `Bearer${' '.repeat(10_000)}`);
const bearer: fc.Arbitrary<Headers> = credential.map((text) => ({ authorization: `Bearer ${text}` }));
const any: fc.Arbitrary<Headers> = fc.record(
  { authorization: fc.tuple(scheme, credential).map((parts) => parts.join('')), 'x-api-key': credential, 'api-key': credential },
  { requiredKeys: [] },
);
const requests = fc.oneof(bearer, any);

/** Who is let in; undefined where the answer is a documented refusal. */
const subjectOf = (given: Headers) =>
  authenticate(given).then(
    ({ subject }) => subject,
    (error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
      expect(['credential_missing', 'credential_invalid']).toContain(error.code);
      return undefined;
    },
  );

test('the good ones are good', async () => {
  for (const text of good) expect(await subjectOf({ authorization: `Bearer ${text}` })).toBeDefined();
});

test('all others are refused, in one of two ways', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(requests, async (given) => {
      const brought = [given.authorization?.replace(/^Bearer +/i, '').trim(), given['x-api-key'], given['api-key']].map(String);
      if (!brought.some((text) => good.includes(text))) expect(await subjectOf(given)).toBeUndefined();
    }),
    { numRuns: 1_000 },
  );
});

test('nothing is looked up of what strangers write into a token, however much it is', async () => {
  const many = {
    iss: issuer,
    sub: 'ada',
    exp: 4e9,
    aud: Array.from({ length: 2_000 }, (_, at) => String(at)),
    ...Object.fromEntries(Array.from({ length: 800 }, (_, at) => [`c${at}`, 'v'])),
  };
  lookUps = 0;
  expect(
    await subjectOf({ authorization: `Bearer ${base64({ alg: 'RS256', kid: 'k1' })}.${base64(many)}.${'A'.repeat(342)}` }),
  ).toBeUndefined();
  expect(lookUps).toBe(0);
});
