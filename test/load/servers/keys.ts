/** All keys of a platform that is there for measuring, and what is signed with them. */
import { makeAuthority, makeServerCertificate, textOf } from '@cloister/certificates';
import { voucherSigner } from '@cloister/gateway';
import { generateIdentityKeys } from '@cloister/identity';
import { egressAudience, voucherHeader } from '@cloister/tenancy';
import { exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose';
import { platformKeys, type PlatformKeys } from './setup.ts';
import { farBudget } from './tenants.ts';

export const podIssuer = 'https://kubernetes.default.svc';

export async function makeKeys(): Promise<PlatformKeys> {
  const life = { from: new Date(), days: 1 };
  const authority = await makeAuthority('load', life);
  const serving = textOf(await makeServerCertificate(['localhost'], life, authority));
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const pods = { privateKey: { ...(await exportJWK(privateKey)), kid: 'k' }, publicKey: { ...(await exportJWK(publicKey)), kid: 'k' } };
  return platformKeys.parse({ identity: await generateIdentityKeys(), pods, authority: authority.certificate, serving });
}

export const podOf = (tenant: string) => ({
  namespace: `tenant-${tenant}`,
  serviceAccount: { name: 'agent', uid: `sa-${tenant}` },
  pod: 'support-7d9c5f8b6-x2x4z',
});

export async function podToken({ pods }: PlatformKeys, tenant: string): Promise<string> {
  const { namespace, serviceAccount: serviceaccount, pod: name } = podOf(tenant);
  return new SignJWT({ 'kubernetes.io': { namespace, serviceaccount, pod: { name } } })
    .setProtectedHeader({ alg: 'RS256', kid: 'k' })
    .setIssuer(podIssuer)
    .setAudience(egressAudience)
    .setExpirationTime('1h')
    .sign(await importJWK(pods.privateKey, 'RS256'));
}

/** What a pod of the tenant's agent "support" sends to egress, on behalf of an API key, which may have a budget of its own. */
export async function podHeaders(keys: PlatformKeys, tenant: string, budget: 'limited' | 'unlimited' = 'limited'): Promise<PodHeaders> {
  const sign = await voucherSigner(keys.identity.privateKey);
  const voucher = await sign({
    tenantUid: `uid-${tenant}`,
    agent: 'support',
    caller: 'key:0123456789ab',
    ...(budget === 'limited' && { budget: farBudget }),
  });
  return { authorization: `Bearer ${await podToken(keys, tenant)}`, [voucherHeader]: voucher };
}

export type PodHeaders = Readonly<Record<string, string>>;
