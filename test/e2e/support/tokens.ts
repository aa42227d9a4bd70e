/** Tokens that a tenant's own back end signs with the secret that it shares with edge. Made by hand, so that forged ones can be made too. */
import { createHmac } from 'node:crypto';
import { call } from './http.ts';
import type { LiveTenant } from './tenants.ts';
import { until } from './until.ts';
import type { World } from './world.ts';

const secretName = 'jwt';
const secretOf = (tenant: string): string => `a test secret of more than thirty-two bytes of ${tenant}`;

const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signed with the secret of the tenant `by`. */
export function jwt(by: string, claims: object): string {
  const body = `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64(claims)}`;
  return `${body}.${createHmac('sha256', secretOf(by)).update(body).digest('base64url')}`;
}
export const unsigned = (claims: object): string => `${base64({ alg: 'none' })}.${base64(claims)}.`;
export const inAMinute = (): number => Math.floor(Date.now() / 1000) + 60;

/** Of a user, for a minute. */
export const userToken = (tenant: string, sub: string, more: object = {}): string =>
  jwt(tenant, { sub, tenant_id: tenant, exp: inAMinute(), ...more });

/** Has the tenant take such tokens, and waits until it does. What a token lets its bearer do are the scopes. */
export async function shareSecret({ kubectl }: World, tenant: LiveTenant, scopes: readonly string[] = ['chat']): Promise<void> {
  const { name, namespace, url } = tenant;
  await kubectl.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secretName, namespace },
    stringData: { secret: secretOf(name) },
  });
  const access = { hs256: { secretRef: { name: secretName, key: 'secret' }, scopes } };
  await kubectl.run(['patch', 'tenant', name, '--type=merge', '-p', JSON.stringify({ spec: { access } })]);
  const taken = async () => (await call(`${url}/v1/models`, { key: userToken(name, 'first') })).status === 200;
  await until(`tokens of ${name} to be taken`, taken, { within: 30_000 });
}
