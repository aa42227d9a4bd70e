/** Users of an identity provider of the platform's own: https by an authority that only the platform knows, reached from edge's pods. */
import { makeAuthority } from '@cloister/certificates';
import { namespaces } from '@cloister/tenancy';
import { exportSPKI, UnsecuredJWT } from 'jose';
import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setValues, wayBack } from './support/helm.ts';
import { call, openai, withoutIds } from './support/http.ts';
import { ClusterIssuer, newIssuerKey } from './support/issuer.ts';
import { agentName, createTenant, deleteTenant, type LiveTenant } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

const trust = 'e2e-issuers';
const claim = 'https://cloister.example/tenant';

let world: World;
let issuer: ClusterIssuer;
let one: LiveTenant;
let two: LiveTenant;
/** Of what beforeAll has begun, however far it came. */
const ending = new AsyncDisposableStack();
const [first, second, stranger] = await Promise.all([
  newIssuerKey('2025', 'RS256'),
  newIssuerKey('2026', 'ES256'),
  newIssuerKey('2025', 'RS256'),
]);

const authorities = (pem: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: trust, namespace: namespaces.system },
  data: { 'ca.crt': pem },
});
const roles = { claim: 'realm_access.roles', values: [{ value: 'boss', role: 'editor' }] };
const accessOf = (name: string) => ({
  oidc: [
    { issuer: issuer.url, audience: name, roles },
    { issuer: issuer.url, audience: 'agents', tenantClaim: claim },
  ],
});

beforeAll(async () => {
  world = await openWorld();
  ending.defer(() =>
    world.kubectl.run(['delete', 'configmap', trust, '-n', namespaces.system, '--ignore-not-found']).then(() => undefined),
  );
  const nobodysIssuer = await makeAuthority('other', { from: new Date(), days: 1 });
  await world.kubectl.apply(authorities(nobodysIssuer.certificate));
  issuer = ending.use(await ClusterIssuer.start(world, 'e2e-issuer'));
  await issuer.publishes(first);
  const goBack = await wayBack(world);
  const upgraded = setValues(world, { 'edge.issuerAuthorities.configMap': trust });
  ending.defer(async () => {
    await Promise.all([upgraded.then(goBack, goBack), ...['oidc-one', 'oidc-two'].map((name) => deleteTenant(world, name))]);
  });
  const tenant = (name: string) => createTenant(world, { name, spec: { access: accessOf(name) } });
  [one, two] = await Promise.all([tenant('oidc-one'), tenant('oidc-two'), upgraded]);
});
afterAll(() => ending.disposeAsync());

const models = (token: string) => call(`${one.url}/v1/models`, { key: token });
const statusOf = async (token: string) => (await models(token)).status;
const edges = async () =>
  (await world.kubectl.list('pods', ['-n', namespaces.system, '-l', 'app.kubernetes.io/component=edge'])).map(
    ({ metadata }) => metadata.uid,
  );

test('an issuer whose authority nobody has named is not believed; once it stands in the ConfigMap its users come in, and no pod is replaced', async () => {
  const token = await issuer.sign(first, { aud: one.name });
  const refused = await models(token);
  expect([refused.status, refused.text]).toEqual([503, expect.stringContaining('issuer_unreachable')]);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  const before = await edges();
  await world.kubectl.apply(authorities(issuer.authority));
  await until('edge to believe the issuer', async () => (await statusOf(token)) === 200, { within: 60_000, every: 200 });
  expect(await edges()).toEqual(before);
});

describe('a user', () => {
  test('chats by the openai client, as the tenant that the audience or the claim says', async () => {
    for (const [claims, { url, name }] of [
      [{ aud: one.name }, one],
      [{ aud: 'agents', [claim]: two.name }, two],
    ] as const) {
      const client = openai(`${url}/v1`, await issuer.sign(first, claims));
      const answer = await client.chat.completions.create({ model: agentName, messages: [{ role: 'user', content: 'who are you?' }] });
      expect(answer.choices[0]?.message.content).toContain(`You are the agent of ${name}.`);
    }
  });

  test('may do what the role says that a claim names, and without it no more than chat', async () => {
    const settings = async (claims: object) => {
      const token = await issuer.sign(first, { aud: one.name, ...claims });
      const { status, text } = await call(`${one.url}/api/v1/tenants/${one.name}/settings`, { key: token });
      return status === 200 ? status : `${status} ${text}`;
    };
    expect(await settings({ realm_access: { roles: ['staff', 'boss'] } })).toBe(200);
    for (const claims of [{}, { realm_access: { roles: ['staff'] } }, { roles: ['boss'] }, { scope: 'settings' }])
      expect(await settings(claims)).toMatch(/^403 .*scope_missing/);
  });

  test('of another tenant is at a tenant’s host like at one that does not exist', async () => {
    const token = await issuer.sign(first, { aud: two.name });
    const [here, nowhere] = [await models(token), await call(`${world.url('nobody.cloister.localhost')}/v1/models`, { key: token })];
    expect(here.status).toBe(404);
    expect(withoutIds(here)).toEqual(withoutIds(nowhere));
  });
});

/** Signed with what everybody can read. */
function hs256(claims: object, secret: string): string {
  const [header, payload] = [{ alg: 'HS256', kid: first.published.kid }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  return `${header}.${payload}.${createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url')}`;
}
const ago = (seconds: number) => Math.floor(Date.now() / 1000) - seconds;
const claims = () => ({ iss: issuer.url, sub: 'ada', aud: one.name, tenant_id: one.name, exp: ago(-300) });

test.each<[string, () => Promise<string> | string]>([
  ['for an audience that nobody has', () => issuer.sign(first, { aud: 'somebody' })],
  ['for all tenants, without a tenant', () => issuer.sign(first, { aud: 'agents' })],
  ['for all tenants, of one that is not there', () => issuer.sign(first, { aud: 'agents', [claim]: 'nobody' })],
  ['that has expired', () => issuer.sign(first, { aud: one.name, exp: ago(31) })],
  ['that does not expire', () => issuer.sign(first, { aud: one.name, exp: undefined })],
  ['of nobody', () => issuer.sign(first, { aud: one.name, sub: undefined })],
  ['of an issuer that no tenant names', () => issuer.sign(first, { aud: one.name, iss: `${issuer.url}/realms/other` })],
  ['signed with a key that only says to be the issuer’s', () => issuer.sign(stranger, { aud: one.name })],
  ['that nobody has signed', () => new UnsecuredJWT(claims()).encode()],
  [
    'of the algorithm "none" with the issuer’s key id',
    async () => {
      const [, payload, signature] = (await issuer.sign(first, claims())).split('.');
      return `${Buffer.from(JSON.stringify({ alg: 'none', kid: first.published.kid })).toString('base64url')}.${payload}.${signature}`;
    },
  ],
  ['signed with the issuer’s public key as a shared secret', async () => hs256(claims(), await exportSPKI(first.publicKey))],
  ['signed with the issuer’s public key, as it publishes it', () => hs256(claims(), JSON.stringify(first.published))],
])('a token %s gets the 401 of any bad credential', async (_, token) => {
  const [given, nonsense] = [await models(await token()), await models('nonsense')];
  expect(given.status).toBe(401);
  expect(withoutIds(given)).toEqual(withoutIds(nonsense));
});

test('while users call, the issuer takes a new key, signs with it at once and withdraws the old one: no valid token is refused', async () => {
  let signer = first;
  const ending = new AbortController();
  const failures: string[] = [];
  const asked = { [String(first.published.kid)]: 0, [String(second.published.kid)]: 0 };
  const users = ['ada', 'bob', 'cyd'].map(async (sub) => {
    while (!ending.signal.aborted) {
      const kid = String(signer.published.kid);
      const { status, text } = await models(await issuer.sign(signer, { aud: one.name, sub }));
      asked[kid] = (asked[kid] ?? 0) + 1;
      if (status !== 200) failures.push(`${kid}: ${status} ${text}`);
      await pause(10);
    }
  });
  const enough = (kid: string | undefined) =>
    until(`calls with key ${kid}`, () => Promise.resolve((asked[String(kid)] ?? 0) > 30), { within: 20_000 });
  await enough(first.published.kid);
  await issuer.publishes(first, second);
  signer = second;
  await enough(second.published.kid);
  await issuer.publishes(second);
  asked[String(second.published.kid)] = 0;
  await enough(second.published.kid);
  ending.abort();
  await Promise.all(users);
  expect(failures).toEqual([]);
});
